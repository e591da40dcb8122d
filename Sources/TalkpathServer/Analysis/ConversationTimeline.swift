import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The times when each side spoke on a call, as far as its events show, in milliseconds since the call began.
struct ConversationTimeline: Equatable {
    enum Mark: String, CaseIterable {
        case answered = "a"
        case callerBegan = "c"
        case callerEnded = "d"
        case agentBegan = "g"
        /// The caller interrupted the agent.
        case interrupted = "i"
        case ended = "e"
    }

    struct Entry: Equatable {
        var at: Int
        var mark: Mark
    }

    private(set) var entries: [Entry] = []

    /// About two hours of quick talk.
    private static let capacity = 20_000

    mutating func note(_ event: CallEvent) {
        let mark: Mark
        switch event.kind {
        case .answered: mark = .answered
        case .callerSpeechStarted: mark = .callerBegan
        case .callerSpeechEnded: mark = .callerEnded
        case .agentSpeechStarted: mark = .agentBegan
        case .interrupted: mark = .interrupted
        case .ended(let receipt):
            entries.append(Entry(at: receipt.duration.wholeMilliseconds, mark: .ended))
            return
        default: return
        }
        guard entries.count < Self.capacity else { return }
        entries.append(Entry(at: event.at.wholeMilliseconds, mark: mark))
    }

    // MARK: Storage

    /// Pairs of an instant and a letter.
    var json: JSONValue { .array(entries.map { [JSONValue($0.at), .string($0.mark.rawValue)] }) }

    init() {}

    init(json: JSONValue) {
        entries = (json.array ?? []).compactMap { pair in
            guard let at = pair[0]?.count, let mark = pair[1]?.string.flatMap(Mark.init(rawValue:)) else { return nil }
            return Entry(at: at, mark: mark)
        }
    }
}
