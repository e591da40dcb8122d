import Synchronization
import TalkpathWire

/// The answers that an in-process agent waits for: results of functions, and the end of the call.
final class AgentCallAnswers: Sendable {
    private enum Place {
        case expected
        case waiting(CheckedContinuation<JSONValue, any Error>)
        case answered(JSONValue)
    }

    private struct State {
        var places: [String: Place] = [:]
        var isOver = false
    }

    private let state = Mutex(State())

    /// From now on an answer of that name is kept. Say it before you ask.
    func expect(_ name: String) {
        state.withLock { state in
            if state.places[name] == nil { state.places[name] = .expected }
        }
    }

    /// Waits for an answer that is expected; once.
    func wait(for name: String) async throws -> JSONValue {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer: Result<JSONValue, any Error>? = state.withLock { state in
                    if case .answered(let answer)? = state.places[name] {
                        state.places[name] = nil
                        return .success(answer)
                    }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    guard !state.isOver, case .expected? = state.places[name] else {
                        return .failure(AgentCallIsOver())
                    }
                    state.places[name] = .waiting(continuation)
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            take(name)?.resume(throwing: CancellationError())
        }
    }

    private func take(_ name: String) -> CheckedContinuation<JSONValue, any Error>? {
        state.withLock { state in
            guard case .waiting(let continuation)? = state.places[name] else { return nil }
            state.places[name] = nil
            return continuation
        }
    }

    /// The answer has come.
    func answer(_ name: String, _ json: JSONValue) {
        let waiter: CheckedContinuation<JSONValue, any Error>? = state.withLock { state in
            switch state.places[name] {
            case .waiting(let continuation)?:
                state.places[name] = nil
                return continuation
            case .expected?:
                state.places[name] = .answered(json)
                return nil
            case .answered?, nil:
                return nil
            }
        }
        waiter?.resume(returning: json)
    }

    /// No answer comes any more.
    func finish() {
        let places = state.withLock { state in
            state.isOver = true
            let places = state.places
            state.places = state.places.filter { if case .answered = $0.value { true } else { false } }
            return places
        }
        for case .waiting(let continuation) in places.values { continuation.resume(throwing: AgentCallIsOver()) }
    }
}
