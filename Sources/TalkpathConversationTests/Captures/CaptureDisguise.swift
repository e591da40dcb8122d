import TalkpathAudio
package import TalkpathCore
import TalkpathSimulation
import TalkpathWire

/// Makes a capture that may be shown to others: numbers, names, words and speech are replaced, times and structure stay.
///
/// Only what came in is replaced. The rest, which the session made of it, is made again by a replay, so that nothing of
/// the call can be left in it, and the new capture replays without a difference.
package struct CaptureDisguise {
    /// The new capture.
    package let capture: Capture
    /// The events that the disguised call has otherwise than the call; empty if both do the same.
    package let differences: [String]

    /// - Parameter key: random bytes; they are secret.
    package init(_ original: Capture, key: [UInt8]) throws {
        // Its sockets have different formats and words, which are told apart by the agent.
        guard original.facts.agent.failover.isEmpty else {
            throw ReplayError(
                file: "the capture",
                detail: "its agent has a 'failover' list, and the words of several agents cannot be replaced yet"
            )
        }
        var disguise = Disguise(original.facts, key: key)
        guard let facts = disguise.facts(original.facts) else {
            throw ReplayError(file: "the capture", detail: "the description of its call cannot be read")
        }
        let records = original.records.compactMap { disguise.record($0) }
        let disguised = Capture(facts: facts, records: records, ending: original.ending)
        let call = try Replay(disguised).replayed()
        capture = call.capture
        differences = Self.compare(try Replay(original).replayed().events, call.events)
    }

    private static func compare(_ one: [CallEvent], _ other: [CallEvent]) -> [String] {
        func steps(_ events: [CallEvent]) -> [String] {
            events.map { "\($0.captureName) at \($0.at.wholeMilliseconds) ms" }
        }
        let difference = steps(other).difference(from: steps(one))
        return difference.map { change in
            switch change {
            case .remove(_, let step, _): "missing: \(step)"
            case .insert(_, let step, _): "new: \(step)"
            }
        }
    }
}

extension CallEvent {
    fileprivate var captureName: String { String("\(kind)".prefix { $0 != "(" }) }
}

/// The replacement of what came into one call.
struct Disguise {
    private var messages: MessageDisguise
    private var audio: AudioDisguise
    private let agentFormat: AudioFormat

    /// The date of every disguised call.
    private static let date = 1_700_000_000_000

    init(_ facts: CaptureMetadata, key: [UInt8]) {
        let began = Int(max(-9_000_000_000_000, min(9_000_000_000_000, facts.startedAt.milliseconds)))
        messages = MessageDisguise(key: key, agent: facts.agent, shift: Self.date - began)
        audio = AudioDisguise(key: key)
        agentFormat = facts.agent.outputFormat
    }

    mutating func facts(_ facts: CaptureMetadata) -> CaptureMetadata? {
        var json = messages.replace(facts.json)
        json.set("started_at_ms", JSONValue(Self.date))
        // A clip is sound, and its member is no audio of a socket.
        if var agent = json["agent"], var fallback = agent["fallback"] {
            fallback.set("clip", nil)
            agent.set("fallback", fallback)
            json.set("agent", agent)
        }
        return CaptureMetadata(json: json)
    }

    /// - Returns: `nil` for what the session made, which a replay makes again.
    mutating func record(_ record: CaptureRecord) -> CaptureRecord? {
        switch record.kind {
        case .telephonyOut, .agentOut, .agentAudioOut, .facts: return nil
        case .tick, .pump, .note, .finished, .gap: return record
        case .agentAudioIn:
            guard case .bytes(let bytes)? = record.message?.audio else { return nil }
            let message = CaptureMessage(prefix: [], audio: .bytes(audio.replace(bytes, agentFormat)))
            return CaptureRecord(record.kind, at: record.at, .message(message))
        case .telephonyIn, .agentIn:
            guard let message = record.message.flatMap({ self.message($0, record.kind) }) else { return nil }
            return CaptureRecord(record.kind, at: record.at, .message(message))
        case .event:
            guard let event = record.event else { return nil }
            return self.event(event).map { CaptureRecord(record.kind, at: record.at, .event($0)) }
        }
    }

    private mutating func message(_ message: CaptureMessage, _ kind: CaptureRecord.Kind) -> CaptureMessage? {
        let placeholder = JSONValue.string(MessageDisguise.audio).serialized().dropFirst().dropLast()
        var text = message.text
        var sound: [UInt8]?
        if case .bytes(let bytes) = message.audio, Self.isAudio(message) {
            text = message.prefix + placeholder + message.suffix
            sound = audio.replace(bytes, kind == .telephonyIn ? .telephony : agentFormat)
        } else if case .bytes = message.audio {
            text = message.bytes ?? []
        }
        // What is no JSON is for the session to count, and may hold anything.
        guard let json = try? JSONValue(parsing: text) else { return CaptureMessage(prefix: Array("{".utf8)) }
        let replaced = messages.replace(json).serialized()
        guard let sound else { return CaptureMessage(prefix: replaced) }
        guard let place = replaced.firstRange(of: placeholder) else { return nil }
        return CaptureMessage(
            prefix: Array(replaced[..<place.lowerBound]),
            audio: .bytes(sound),
            suffix: Array(replaced[place.upperBound...])
        )
    }

    private static let audioMembers = ["payload", "delta", "data", "audio"].map { Array("\"\($0)\":\"".utf8) }

    /// True if the Base64 of the message stands in a member of audio.
    private static func isAudio(_ message: CaptureMessage) -> Bool {
        let head = message.prefix.filter { $0 != UInt8(ascii: " ") }
        return audioMembers.contains { head.suffix($0.count).elementsEqual($0) }
    }

    private mutating func event(_ event: CaptureEvent) -> CaptureEvent? {
        switch event {
        case .published, .ended: return nil
        case .clipRequested(let clip): return .clipRequested(audio.replace(muLaw: clip))
        case .endRequested(let request):
            // The reason is a word of ours, and the note is the operator's.
            guard case .endRequested(var replaced)? = CaptureEvent(json: messages.replace(event: event.json)) else {
                return nil
            }
            replaced.reason = request.reason
            return .endRequested(replaced)
        default: return CaptureEvent(json: messages.replace(event: event.json))
        }
    }
}
