import TalkpathAudio
import TalkpathWire

/// What the agent is still to be asked to say: one thing at a time, as a model has at most one answer under way.
///
/// Without any I/O: what happens is a mutating method that returns what to do.
struct SpeechQueue {
    /// Something that the agent is asked for.
    enum Order: Equatable {
        /// To speak along these lines. With a number, somebody waits for it.
        case say(id: Int?, words: String)
        /// To answer what stands in the conversation.
        case respond
        /// The same, unless the model does so by itself.
        case ask
    }

    enum Action: Equatable {
        case send(AgentCommand)
        /// The agent has said it; its audio is still on its way.
        case awaitPlayback(id: Int)
        /// Said, as far as it will ever be, and not heard to its end.
        case cut(id: Int, text: String)
        case failed(id: Int, CallCommandError)
    }

    /// The model answers a message or a result by itself.
    private let answersByItself: Bool
    private var waiting: [Order] = []
    private var isReady = false
    /// An answer is under way.
    private(set) var isResponding = false
    /// Asked for, and not yet begun.
    private var asked: (order: Order, at: MonotonicInstant)?
    /// What the answer under way was asked for.
    private var current: Order?
    /// What the agent says on behalf of those who wait.
    private var spoken: [Int: SpokenWords] = [:]

    /// So many wait at most.
    static let limit = 32
    /// How long a model may take to begin.
    static let patience = Duration.seconds(10)

    init(answersByItself: Bool) {
        self.answersByItself = answersByItself
    }

    /// An answer is under way, or the model is to give one to what stands in the conversation.
    var isAnswering: Bool {
        isResponding || asked?.order == .respond || waiting.contains(.respond)
    }

    /// The model has been asked for nothing that it has not completed.
    var isIdle: Bool { !isResponding && asked == nil && waiting.isEmpty }

    /// Whether there is room for one more.
    var hasRoom: Bool { waiting.count < Self.limit }

    mutating func add(_ order: Order, at now: MonotonicInstant) -> [Action] {
        // One answer answers everything that stands in the conversation.
        if order == .respond, answersByItself || waiting.last == .respond { return [] }
        waiting.append(order)
        return next(at: now)
    }

    mutating func agentIsReady(at now: MonotonicInstant) -> [Action] {
        isReady = true
        return next(at: now)
    }

    /// The model's session is gone, and all it was about to say with it.
    mutating func agentIsLost() -> [Action] {
        isReady = false
        isResponding = false
        // What had not begun is asked for again; an answer is, once the new session knows to what.
        if let asked { waiting.insert(asked.order, at: 0) }
        asked = nil
        waiting.removeAll { $0 == .respond || $0 == .ask }
        return cutCurrent()
    }

    mutating func responseStarted() {
        isResponding = true
        current = asked?.order
        asked = nil
    }

    mutating func responseEnded(_ status: AgentResponseEnd.Status, at now: MonotonicInstant) -> [Action] {
        isResponding = false
        var actions: [Action] = []
        switch status {
        case .completed, .incomplete:
            if case .say(let id?, _) = current { actions.append(.awaitPlayback(id: id)) }
            current = nil
        case .cancelled, .failed:
            actions += cutCurrent()
        }
        return actions + next(at: now)
    }

    /// The model was speaking already: it is asked again when it has finished.
    mutating func wasRefused() {
        if let order = asked?.order ?? current, order != .ask {
            waiting.insert(order, at: 0)
            if case .say(let id?, _) = order { spoken[id] = nil }
        }
        asked = nil
        current = nil
        isResponding = true
    }

    /// Words of the agent. What comes late still belongs to whoever waits for its playback.
    mutating func add(_ piece: AgentTranscript) {
        let owner: Int? =
            if case .say(let id?, _) = current { id } else { spoken.first { $0.value.has(piece.item) }?.key }
        guard let owner else { return }
        spoken[owner, default: SpokenWords()].add(piece)
    }

    /// What was said for this one, who waits no longer.
    mutating func takeText(_ id: Int) -> String {
        spoken.removeValue(forKey: id)?.text ?? ""
    }

    mutating func tick(at now: MonotonicInstant) -> [Action] {
        guard let asked, now - asked.at >= Self.patience else { return [] }
        self.asked = nil
        var actions: [Action] = []
        if case .say(let id?, _) = asked.order {
            actions.append(.failed(id: id, CallCommandError(.agentSilent, "the model did not begin to speak")))
        }
        return actions + next(at: now)
    }

    private mutating func cutCurrent() -> [Action] {
        defer { current = nil }
        guard case .say(let id?, _) = current else { return [] }
        return [.cut(id: id, text: takeText(id))]
    }

    private mutating func next(at now: MonotonicInstant) -> [Action] {
        guard isReady, !isResponding, asked == nil, !waiting.isEmpty else { return [] }
        let order = waiting.removeFirst()
        asked = (order, now)
        switch order {
        case .say(_, let words): return [.send(.say(words))]
        case .respond, .ask: return [.send(.respond)]
        }
    }
}

/// The words of one answer, by item, in the order of their first piece.
private struct SpokenWords {
    private var items: [(item: AgentItem, text: String)] = []

    func has(_ item: AgentItem) -> Bool { items.contains { $0.item == item } }

    mutating func add(_ piece: AgentTranscript) {
        guard let index = items.firstIndex(where: { $0.item == piece.item }) else {
            items.append((piece.item, piece.text))
            return
        }
        if !piece.isFinal {
            items[index].text += piece.text
        } else if !piece.text.isEmpty {
            items[index].text = piece.text
        }
    }

    var text: String { items.map(\.text).filter { !$0.isEmpty }.joined(separator: " ") }
}
