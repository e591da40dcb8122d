import Foundation
import TalkpathAudio
package import TalkpathCore
import TalkpathServer
import TalkpathSimulation
package import TalkpathWire

/// A call that was played, in the words of the control API. All times are milliseconds since it began.
package struct PlayedCall: Sendable {
    package struct Event: Sendable {
        package var at: Int
        package var kind: String
        /// With `kind` and `at_ms`.
        package var json: JSONValue
    }

    package struct Turn: Sendable {
        package var isCaller: Bool
        package var text: String
        package var at: Int
        package var isCut: Bool
    }

    package struct ToolCall: Sendable {
        package var at: Int
        package var name: String
        /// As the model wrote them.
        package var arguments: String
    }

    package var events: [Event] = []
    package var turns: [Turn] = []
    package var toolCalls: [ToolCall] = []
    /// The messages to the model without their audio.
    package var told: [(at: Int, text: String)] = []
    /// `nil` if the call did not end.
    package var endReason: EndReason?
    package var duration = 0
    package var metrics = CallMetrics()
    /// Both sides at 8 kHz.
    package var callerAudio: [Int16] = []
    package var agentAudio: [Int16] = []
    /// What the replay did otherwise than the capture.
    package var differences: [String] = []
    /// What went wrong with the test itself.
    package var slips: [String] = []
    /// The whole call, for `talkpath report`.
    package var capture: Capture?

    package init() {}

    package init(events: [CallEvent], transcript: [TranscriptEntry], metrics: CallMetrics, capture: Capture?) {
        self.events = events.map { event in
            let json = event.momentJSON
            return Event(at: event.at.wholeMilliseconds, kind: json["kind"]?.string ?? "", json: json)
        }
        for event in events {
            if case .ended(let receipt) = event.kind {
                endReason = receipt.reason
                duration = receipt.duration.wholeMilliseconds
            }
        }
        turns = transcript.map { turn in
            Turn(isCaller: turn.speaker == .caller, text: turn.text, at: turn.milliseconds, isCut: turn.isCut)
        }
        self.metrics = metrics
        self.capture = capture
        guard let capture else { return }
        if endReason == nil { duration = capture.records.last?.at.wholeMilliseconds ?? 0 }
        for record in capture.records where record.kind == .agentOut {
            guard let message = record.message, message.audioByteCount == 0 else { continue }
            told.append((record.at.wholeMilliseconds, String(decoding: message.text, as: UTF8.self)))
        }
        let recording = capture.recording
        callerAudio = recording?.caller ?? []
        agentAudio = recording?.agent ?? []
    }

    // MARK: Figures

    /// The times from the caller's last sound to the agent's first, shortest first.
    package var latencies: [Int] {
        events.filter { $0.kind == "agent_answered" }.compactMap { $0.json["latency_ms"]?.int }.sorted()
    }

    /// The times for which turns of the caller were left without an answer, each with its begin.
    package var silences: [(at: Int, milliseconds: Int)] {
        var silences: [(at: Int, milliseconds: Int)] = []
        var since: Int?
        for event in events {
            switch event.kind {
            case "caller_speech_ended": since = event.at
            case "caller_speech_started", "agent_answered", "agent_speech_started", "transferring", "ended":
                if let begin = since { silences.append((begin, event.at - begin)) }
                since = nil
            default: break
            }
        }
        if let begin = since { silences.append((begin, duration - begin)) }
        return silences
    }

    package func count(_ kind: String) -> Int { events.count { $0.kind == kind } }
}

/// The level and the length of one side's speech.
struct SpeechMeter {
    private(set) var milliseconds = 0
    private var power = 0.0
    private var frames = 0

    /// Frames of 20 ms above this count as speech.
    private static let threshold = pow(10, -45.0 / 10)

    init(_ samples: [Int16]) {
        for begin in stride(from: 0, to: samples.count - 159, by: 160) {
            var sum = 0.0
            for sample in samples[begin..<begin + 160] { sum += Double(sample) * Double(sample) }
            let mean = sum / 160 / (32768 * 32768)
            guard mean > Self.threshold else { continue }
            power += mean
            frames += 1
        }
        milliseconds = frames * 20
    }

    /// In dBFS; `nil` if nothing was said.
    var level: Double? { frames > 0 ? 10 * log10(power / Double(frames)) : nil }
}
