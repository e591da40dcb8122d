import HTTPTypes
import Logging
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// One call for one `Idempotency-Key`, however often it comes.
///
/// The store keeps a key for a day, from before its call is placed on: so it is good after a restart, too, and after the
/// death of the process at any moment. What a repeated request gets is the call as it is by then:
///
/// | when the first request | a repeated one gets |
/// |---|---|
/// | is still under way | the same answer, when there is one |
/// | was answered with a call | that call |
/// | had no effect, as it was refused | another try |
/// | ended with an order whose fate is unknown | the same error |
/// | died with its process before the carrier was asked | another try, under the same call's name |
/// | died with its process after that | the call, which was closed as `node_lost` |
/// | placed a call that was deleted since | `idempotency_conflict` |
actor Idempotency {
    /// An answer to keep, or to give once only.
    struct Outcome: Sendable {
        var answer: Answer
        /// Tells whether the request may have had an effect. If not, a repeated request runs again.
        var isFinal: Bool
    }

    typealias Answer = Result<JSONValue, Problem>

    struct Key: Hashable, Sendable {
        var tenant: String
        var text: String
    }

    enum Reply: Sendable {
        case first(Answer)
        /// Another request under this key was under way; this is its answer.
        case repeated(Answer)
        /// The request was answered before: with this call.
        case call(CallID)
        /// The same key with another body.
        case conflict
    }

    private struct Running {
        var digest: [UInt8]
        var waiters: [CheckedContinuation<Reply, any Error>] = []
    }

    private var running: [Key: Running] = [:]
    private let store: SQLiteCallStore
    private let clock: any CallClock
    private let identifiers: any IdentifierSource
    private let logger: Logger

    init(store: SQLiteCallStore, clock: any CallClock, identifiers: any IdentifierSource, logger: Logger) {
        self.store = store
        self.clock = clock
        self.identifiers = identifiers
        self.logger = logger
    }

    /// Does the work for the first request of a key; the others get its answer, or the call that came of it.
    ///
    /// - Parameter work: places the call under the name it is given.
    /// - Throws: what keeps the store from keeping the key; nothing was placed then.
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
        let claim = try await store.claimIdempotencyKey(
            key.text,
            tenant: key.tenant,
            digest: digest,
            call: new,
            at: clock.wallTime
        )
        switch claim {
        case .first:
            return .first(await perform(key, new, work))
        case .running(let call):
            // A call is written down before the carrier is asked: without a record, there was nothing.
            guard try await store.find(call) == nil else { return .call(call) }
            return .first(await perform(key, call, work))
        case .answered(let call, let kept):
            if let problem = Problem(kept: kept) { return .repeated(.failure(problem)) }
            return .call(call)
        case .conflict:
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
            // The key stays and names the call: a repeated request gets it.
            logger.error("The result of an idempotency key was not stored", metadata: ["call_id": "\(call)"])
        }
        return outcome.answer
    }
}

extension Idempotency.Answer {
    /// The stored answer besides the call's identifier. The call is looked up when it is asked for, so that no copy exists.
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
        // Kept by earlier versions.
        if let call = kept["call_id"], !call.isNull { self = with("call_id", call) }
        for member in kept["members"]?.object ?? [] { self = with(member.key, member.value) }
    }
}
