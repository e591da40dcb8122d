import TalkpathAudio

/// The keys that the caller presses: collected for a request, or told to the agent in one piece.
///
/// Without any I/O. While a request collects, the agent is not told: that is how a card number is kept from a model.
struct DigitInput {
    enum Action: Equatable {
        case collected(CollectedDigits)
        /// For the agent, as text.
        case tell(String)
    }

    private struct Collection {
        let request: DigitRequest
        var digits = ""
        var deadline: MonotonicInstant
    }

    var tellsAgent: Bool
    private var collection: Collection?
    /// Pressed, and not yet told to the agent.
    private var heard = ""
    private var tellsAt: MonotonicInstant?

    /// Keys that follow one another more quickly are one number to the agent.
    static let pause = Duration.milliseconds(1500)
    /// More keys in a row than any caller means.
    static let limit = 64

    init(tellsAgent: Bool) {
        self.tellsAgent = tellsAgent
    }

    var isCollecting: Bool { collection != nil }

    mutating func collect(_ request: DigitRequest, at now: MonotonicInstant) {
        collection = Collection(request: request, deadline: now + request.timeout)
    }

    /// No request waits for the digits any more.
    mutating func stopCollecting() {
        collection = nil
    }

    mutating func pressed(_ key: Character, at now: MonotonicInstant) -> [Action] {
        guard var collecting = collection else {
            note(key, at: now)
            return []
        }
        if key == collecting.request.terminator { return complete(.terminator) }
        collecting.digits.append(key)
        collecting.deadline = now + collecting.request.digitTimeout
        collection = collecting
        let maximum = min(collecting.request.maximum ?? Self.limit, Self.limit)
        return collecting.digits.utf8.count >= maximum ? complete(.maximum) : []
    }

    mutating func tick(at now: MonotonicInstant) -> [Action] {
        var actions: [Action] = []
        if let collection, collection.deadline <= now { actions += complete(.timeout) }
        if let tellsAt, tellsAt <= now {
            self.tellsAt = nil
            actions.append(.tell(Self.words(for: heard)))
            heard = ""
        }
        return actions
    }

    private mutating func complete(_ completion: CollectedDigits.Completion) -> [Action] {
        guard let done = collection else { return [] }
        collection = nil
        return [.collected(CollectedDigits(digits: done.digits, completion: completion))]
    }

    private mutating func note(_ key: Character, at now: MonotonicInstant) {
        guard tellsAgent, heard.utf8.count < Self.limit else { return }
        heard.append(key)
        tellsAt = now + Self.pause
    }

    private static func words(for keys: String) -> String {
        let names = keys.map { $0 == "*" ? "star" : $0 == "#" ? "pound" : String($0) }
        return "[The caller pressed on the keypad: \(names.joined(separator: " "))]"
    }
}
