import Synchronization

/// Hands one result to one waiting task. Only the first result counts; later ones are dropped.
final class Reply<Value: Sendable>: Sendable {
    private enum State {
        case nobody
        case waiting(CheckedContinuation<Value, any Error>)
        case answered(Result<Value, any Error>)
        case over
    }

    private let state = Mutex(State.nobody)

    func expect(_ continuation: CheckedContinuation<Value, any Error>) {
        let answer: Result<Value, any Error>? = state.withLock { state in
            switch state {
            case .nobody:
                state = .waiting(continuation)
                return nil
            case .answered(let result):
                state = .over
                return result
            case .waiting, .over:
                preconditionFailure("a reply is waited for once")
            }
        }
        if let answer { continuation.resume(with: answer) }
    }

    func give(_ result: Result<Value, some Error>) {
        let result = result.mapError { $0 as any Error }
        let waiting: CheckedContinuation<Value, any Error>? = state.withLock { state in
            switch state {
            case .nobody:
                state = .answered(result)
                return nil
            case .waiting(let continuation):
                state = .over
                return continuation
            case .answered, .over:
                return nil
            }
        }
        waiting?.resume(with: result)
    }
}
