import HTTPTypes
import Logging
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// Places one call for each `Idempotency-Key`, however often a request with that key arrives.
///
/// The store keeps a key for a day, from before its call is placed. So a key survives a restart, and the death of the
/// process at any moment. A repeated request gets the current state of the call:
///
/// | the first request | a repeated request gets |
/// |---|---|
/// | is still in progress, here or on another node | the same answer, when there is one |
/// | was answered with a call | that call |
/// | was refused and had no effect | another attempt |
/// | got no answer from the carrier | the same error |
/// | died with its process before the carrier was asked | another attempt, under the same call's name |
/// | died with its process after that | the call, which was ended as `node_lost` |
/// | placed a call that was deleted since | `idempotency_conflict` |
actor Idempotency {
    /// The answer of a request, to be stored or given only once.
    struct Outcome: Sendable {
        var answer: Answer
        /// True if the request may have had an effect. If not, a repeated request runs again.
        var isFinal: Bool
    }

    typealias Answer = Result<JSONValue, Problem>

    struct Key: Hashable, Sendable {
        var tenant: String
        var text: String
    }

    enum Reply: Sendable {
        case first(Answer)
        /// Another request with this key was in progress. Carries its answer.
        case repeated(Answer)
        /// The request was answered before. Carries the call.
        case call(CallID)
        /// The key was used with another body.
        case conflict
    }

    private struct Running {
        var digest: [UInt8]
        var waiters: [CheckedContinuation<Reply, any Error>] = []
    }

    private var running: [Key: Running] = [:]
    private let store: SQLCallStore
    private let clock: any CallClock
    private let identifiers: any IdentifierSource
    private let logger: Logger

    init(store: SQLCallStore, clock: any CallClock, identifiers: any IdentifierSource, logger: Logger) {
        self.store = store
        self.clock = clock
        self.identifiers = identifiers
        self.logger = logger
    }

    /// Runs `work` for the first request of a key. Later requests get its answer, or the call that it placed.
    ///
    /// - Parameter work: places the call under the given name.
    /// - Throws: the store's error if it cannot keep the key. Nothing was placed then.
    func perform(_ key: Key, body: [UInt8], _ work: @Sendable (CallID) async -> Outcome) async throws -> Reply {
        let digest = TalkpathCrypto.sha256(body)
        if let other = running[key] {
            guard other.digest == digest else { return .conflict }
            return try await withCheckedThrowingContinuation { running[key]?.waiters.append($0) }
        }
        running[key] = Running(digest: digest)
        let reply: Result<Reply, any Error>
        do {
            reply = .success(try await answer(key, digest, work))
        } catch {
            reply = .failure(error)
        }
        let others = reply.map { reply in
            if case .first(let answer) = reply { Reply.repeated(answer) } else { reply }
        }
        for waiter in running.removeValue(forKey: key)?.waiters ?? [] { waiter.resume(with: others) }
        return try reply.get()
    }

    private func answer(
        _ key: Key,
        _ digest: [UInt8],
        _ work: @Sendable (CallID) async -> Outcome
    ) async throws -> Reply {
        let new = identifiers.makeCallID()
        let deadline = ContinuousClock.now + Self.patience
        while true {
            let claim = try await store.claimIdempotencyKey(
                key.text,
                tenant: key.tenant,
                digest: digest,
                call: new,
                at: clock.wallTime
            )
            guard case .elsewhere = claim else { return try await reply(to: claim, key, new, work) }
            guard .now < deadline else {
                throw Problem(
                    .conflict,
                    .idempotencyConflict,
                    "Another node still works on the request with this 'Idempotency-Key'"
                ).retry(after: 5)
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// The wait for the answer of another node.
    private static let patience = Duration.seconds(30)
    /// Between two questions, each of which is a transaction.
    private static let pause = Duration.milliseconds(500)

    private func reply(
        to claim: IdempotencyClaim,
        _ key: Key,
        _ new: CallID,
        _ work: @Sendable (CallID) async -> Outcome
    ) async throws -> Reply {
        switch claim {
        case .first:
            return .first(await perform(key, new, work))
        case .running(let call):
            // The server stores a call before it asks the carrier. Without a record, the carrier was not asked.
            guard try await store.find(call) == nil else { return .call(call) }
            return .first(await perform(key, call, work))
        case .answered(let call, let kept):
            if let problem = Problem(kept: kept) { return .repeated(.failure(problem)) }
            return .call(call)
        case .conflict, .elsewhere:
            return .conflict
        }
    }

    private func perform(_ key: Key, _ call: CallID, _ work: @Sendable (CallID) async -> Outcome) async -> Answer {
        let outcome = await work(call)
        do {
            if outcome.isFinal {
                try await store.answerIdempotencyKey(key.text, tenant: key.tenant, outcome.answer.kept)
            } else {
                try await store.releaseIdempotencyKey(key.text, tenant: key.tenant)
            }
        } catch {
            // The key stays and names the call, so that a repeated request gets the call.
            logger.error("The result of an idempotency key was not stored", metadata: ["call_id": "\(call)"])
        }
        return outcome.answer
    }
}

extension Idempotency.Answer {
    /// The stored answer, without the call's identifier. The call itself is looked up for each request, so that no copy
    /// of it is stored.
    fileprivate var kept: JSONValue {
        switch self {
        case .success: [:]
        case .failure(let problem):
            [
                "status": JSONValue(problem.status.code), "code": .string(problem.code.rawValue),
                "detail": .string(problem.detail),
                "members": .object(problem.members),
            ]
        }
    }
}

extension Problem {
    fileprivate init?(kept: JSONValue) {
        guard let status = kept["status"]?.int, let code = kept["code"]?.string.flatMap(Code.init) else { return nil }
        self.init(.init(code: status), code, kept["detail"]?.string ?? "")
        // Members that earlier versions stored.
        if let call = kept["call_id"], !call.isNull { self = with("call_id", call) }
        for member in kept["members"]?.object ?? [] { self = with(member.key, member.value) }
    }
}
