import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// One captured call, ready to be drawn. All times are milliseconds since the call began.
struct CallPicture {
    /// A stretch of speech of one side, as it was on the line.
    struct Speech {
        var isCaller: Bool
        var begin: Double
        var end: Double
        var text = ""
        /// The time from the caller's last sound to the first sound of this speech. For the agent only.
        var latency: Double?
        /// True if the caller interrupted this speech. For the agent only.
        var isCut = false
    }

    struct BargeIn {
        var at: Double
        /// The milliseconds of the agent's utterance that the caller had heard.
        var heard: Int
    }

    struct Mark {
        var name: String
        var sent: Double
        var echoed: Double?
    }

    struct Hole {
        var at: Double
        /// The missing milliseconds; 0 for audio that came twice or too late.
        var missing: Double
    }

    struct Note {
        var at: Double
        var name: String
        var detail: String
    }

    struct Step {
        var name: String
        var outcome: String
        var begin: Double
        var milliseconds: Double
        var error: String?
    }

    var facts: CaptureMetadata
    var duration = 0.0
    var streamBegan = 0.0
    var speeches: [Speech] = []
    var bargeIns: [BargeIn] = []
    var clears: [Double] = []
    var marks: [Mark] = []
    var holes: [Hole] = []
    var notes: [Note] = []
    var receipt: CaptureReceipt?
    var steps: [Step] = []
    var caller: [Int16] = []
    var agent: [Int16] = []
    var isCut: Bool
    var hasGaps: Bool

    init(_ capture: Capture) {
        facts = capture.facts
        isCut = capture.ending != .whole
        hasGaps = capture.records.contains { $0.kind == .gap }
        duration = capture.records.last?.at.milliseconds ?? 0
        if let recording = capture.recording {
            caller = recording.caller
            agent = recording.agent
            streamBegan = recording.beganAt.milliseconds
        }
        read(capture.records)
        findSpeech()
        assignTexts(capture.records)
    }

    // MARK: Records

    private mutating func read(_ records: [CaptureRecord]) {
        var codec = TwilioMediaStreamsCodec()
        var expected: Int?
        for record in records {
            let at = record.at.milliseconds
            switch record.kind {
            case .telephonyIn:
                guard let bytes = record.message?.bytes, let event = try? codec.receive(bytes.span.bytes) else {
                    continue
                }
                read(event, bytes, at: at, &expected)
            case .telephonyOut:
                if let message = record.message { readSent(message, at: at) }
            case .event:
                if let event = record.event { read(event, at: at) }
            case .facts, .agentIn, .agentOut, .agentAudioIn, .agentAudioOut, .tick, .pump, .note, .gap, .finished:
                break
            }
        }
    }

    private mutating func read(_ event: TelephonyEvent, _ message: [UInt8], at: Double, _ expected: inout Int?) {
        switch event {
        case .media(let media):
            let length = media.payload.decodedCount(in: message.span.bytes) / 8
            let timestamp = media.timestamp.map { Int(clamping: min($0, Self.latestTimestamp)) } ?? expected ?? 0
            if let next = expected, abs(timestamp - next) > 1 {
                holes.append(Hole(at: streamBegan + Double(timestamp), missing: Double(max(0, timestamp - next))))
            }
            // A jump of more than a minute means that the stream's timestamps began anew, or that this one is wrong.
            let isAstray = expected.map { abs(timestamp - $0) > 60_000 } ?? false
            expected = isAstray ? timestamp + length : max(expected ?? 0, timestamp + length)
        case .mark(let mark):
            guard let mark else { return }
            let name = "tp-\(mark.epoch)-\(mark.number)"
            if let index = marks.firstIndex(where: { $0.name == name }) { marks[index].echoed = at }
        case .dtmf:
            notes.append(Note(at: at, name: "key", detail: "the caller pressed a key"))
        case .stopped:
            notes.append(Note(at: at, name: "stop", detail: "the carrier's stream is over"))
        case .started:
            notes.append(Note(at: at, name: "media", detail: "the carrier's stream begins"))
        case .connected, .ignored:
            break
        }
    }

    /// The largest accepted timestamp, in milliseconds: 34 years. Keeps hostile timestamps from overflowing the
    /// arithmetic.
    private static let latestTimestamp: UInt64 = 1 << 40

    private mutating func readSent(_ message: CaptureMessage, at: Double) {
        let text = String(decoding: message.prefix, as: UTF8.self)
        if text.hasPrefix(#"{"event":"clear""#) {
            clears.append(at)
        } else if text.hasPrefix(#"{"event":"mark""#), let name = text.range(of: #""name":""#) {
            marks.append(Mark(name: String(text[name.upperBound...].prefix { $0 != "\"" }), sent: at))
        }
    }

    private mutating func read(_ event: CaptureEvent, at: Double) {
        switch event {
        case .published("interrupted", let heard):
            bargeIns.append(BargeIn(at: at, heard: Int(heard ?? "") ?? 0))
        case .published("toolCalled", let name):
            notes.append(Note(at: at, name: "tool", detail: "the agent calls \(name ?? "a function")"))
        case .published("agentLost", let reason):
            notes.append(Note(at: at, name: "agent lost", detail: reason ?? ""))
        case .published("agentFailedOver", let words):
            notes.append(Note(at: at, name: "agent", detail: "the next agent takes over: \(words ?? "")"))
        case .published("carrierError", let words):
            notes.append(Note(at: at, name: "carrier error", detail: words ?? ""))
        case .published("agentReady", _):
            notes.append(Note(at: at, name: "agent", detail: "the model is ready"))
        case .published("answered", _):
            notes.append(Note(at: at, name: "answered", detail: "the call is answered"))
        case .published("ringing", _):
            notes.append(Note(at: at, name: "ringing", detail: "the phone rings"))
        case .published("machineDetected", _):
            notes.append(Note(at: at, name: "machine", detail: "the carrier reports the kind of answer"))
        case .published("loopSuspected", _):
            notes.append(Note(at: at, name: "loop", detail: "both sides repeat themselves"))
        case .endRequested(let request):
            notes.append(Note(at: at, name: "end", detail: "the end is asked for: \(request.reason.rawValue)"))
        case .ended(let receipt):
            take(receipt, at: at)
        default:
            break
        }
    }

    private mutating func take(_ receipt: CaptureReceipt, at: Double) {
        self.receipt = receipt
        let began = at - receipt.teardownMilliseconds
        steps = receipt.steps.map {
            Step(
                name: $0.name,
                outcome: $0.outcome,
                begin: began + $0.startedMilliseconds,
                milliseconds: $0.milliseconds,
                error: $0.error
            )
        }
    }

    // MARK: Speech

    private mutating func findSpeech() {
        speeches = Self.spans(of: caller, isCaller: true, from: streamBegan)
        speeches += Self.spans(of: agent, isCaller: false, from: streamBegan)
        speeches.sort { $0.begin < $1.begin }
        var lastCallerEnd: Double?
        for index in speeches.indices {
            if speeches[index].isCaller {
                lastCallerEnd = speeches[index].end
            } else {
                if let end = lastCallerEnd, speeches[index].begin > end {
                    speeches[index].latency = speeches[index].begin - end
                    lastCallerEnd = nil
                }
                let (begin, end) = (speeches[index].begin, speeches[index].end)
                speeches[index].isCut = bargeIns.contains { $0.at >= begin && $0.at <= end + 400 }
            }
        }
    }

    /// Returns stretches of loud frames, joined over pauses of up to 0.7 s.
    private static func spans(of samples: [Int16], isCaller: Bool, from origin: Double) -> [Speech] {
        let frame = 160
        var detector = VoiceActivityDetector()
        var spans: [Speech] = []
        for begin in stride(from: 0, to: samples.count - frame + 1, by: frame) {
            let piece = Array(samples[begin..<begin + frame])
            _ = detector.process(piece.span)
            guard detector.isLoud else { continue }
            let at = origin + Double(begin) / 8
            if let last = spans.indices.last, at - spans[last].end < 700 {
                spans[last].end = at + 20
            } else {
                spans.append(Speech(isCaller: isCaller, begin: at, end: at + 20))
            }
        }
        return spans.filter { $0.end - $0.begin >= 80 }
    }

    /// Assigns texts to stretches that have none. A text of the caller arrives after the speech began, so it belongs to
    /// the caller's latest stretch that had begun by then. A text of the agent belongs to the agent's first stretch
    /// that had not ended by then.
    private mutating func assignTexts(_ records: [CaptureRecord]) {
        for record in records {
            guard case .published("transcript", let detail?)? = record.event else { continue }
            let isCaller = detail.hasPrefix("user: ")
            let text = detail.dropFirst((isCaller ? "user: " : "assistant: ").count)
            let at = record.at.milliseconds
            let open = speeches.indices.filter { speeches[$0].isCaller == isCaller && speeches[$0].text.isEmpty }
            // The model reports its words before the caller hears them.
            let place = isCaller ? open.last { speeches[$0].begin < at } : open.first { speeches[$0].end > at - 200 }
            if let place { speeches[place].text = String(text) }
        }
    }

    // MARK: Figures

    var latencies: [Double] { speeches.compactMap(\.latency).sorted() }

    var medianLatency: Double? {
        let sorted = latencies
        return sorted.isEmpty ? nil : sorted[sorted.count / 2]
    }

    var missingMilliseconds: Double { holes.reduce(0) { $0 + $1.missing } }
}
