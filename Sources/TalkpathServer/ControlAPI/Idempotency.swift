import TalkpathWire

/// Answers by `Idempotency-Key`: a repeated request gets the first one's answer, and does nothing.
///
/// In memory, the newest ones.
actor Idempotency {
    /// An answer to keep, or to give once only.
    struct Outcome: Sendable {
        var answer: Answer
        /// Whether the request may have had an effect. If not, trying again tries again.
        var isFinal: Bool
    }

    typealias Answer = Result<JSONValue, Problem>

    struct Key: Hashable, Sendable {
        var tenant: String
        var text: String
    }

    enum Reply: Sendable {
        case first(Answer)
        case repeated(Answer)
        /// The same key with another body.
        case conflict
    }

    private enum State {
        case running([CheckedContinuation<Answer, Never>])
        case done(Answer)
    }

    private struct Entry {
        var digest: [UInt8]
        var state: State
    }

    private var entries: [Key: Entry] = [:]
    /// Those that are done, oldest first.
    private var done: [Key] = []
    private let capacity: Int

    init(capacity: Int = 10_000) {
        self.capacity = capacity
    }

    /// Does the work for the first request of a key; the others wait for it and get its answer.
    func perform(_ key: Key, body: [UInt8], _ work: @Sendable () async -> Outcome) async -> Reply {
        let digest = TalkpathCrypto.sha256(body)
        if let entry = entries[key] {
            guard entry.digest == digest else { return .conflict }
            switch entry.state {
            case .done(let answer): return .repeated(answer)
            case .running: return .repeated(await waitForAnswer(to: key))
            }
        }
        entries[key] = Entry(digest: digest, state: .running([]))
        let outcome = await work()
        finish(key, outcome)
        return .first(outcome.answer)
    }

    private func waitForAnswer(to key: Key) async -> Answer {
        await withCheckedContinuation { continuation in
            guard case .running(var waiters) = entries[key]?.state else {
                preconditionFailure("between the look at the entry and this nothing else can run on the actor")
            }
            waiters.append(continuation)
            entries[key]?.state = .running(waiters)
        }
    }

    private func finish(_ key: Key, _ outcome: Outcome) {
        guard case .running(let waiters) = entries[key]?.state else { return }
        if outcome.isFinal {
            entries[key]?.state = .done(outcome.answer)
            done.append(key)
            if done.count > capacity { entries[done.removeFirst()] = nil }
        } else {
            entries[key] = nil
        }
        for waiter in waiters { waiter.resume(returning: outcome.answer) }
    }
}
