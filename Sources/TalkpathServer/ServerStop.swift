import Synchronization

/// The stage of a server's stop: running, draining, or ending now. May be used from any thread.
final class ServerStop: Sendable {
    private enum Stage: Int, Comparable {
        case running, draining, endingNow

        static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
    }

    private struct State {
        var stage = Stage.running
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// About to stop: nothing new begins.
    var isDraining: Bool { state.withLock { $0.stage >= .draining } }

    /// Live calls are ended without waiting for them.
    var isEndingNow: Bool { state.withLock { $0.stage == .endingNow } }

    func beginDraining() {
        state.withLock { $0.stage = max($0.stage, .draining) }
    }

    func endNow() {
        let waiters = state.withLock { state in
            state.stage = .endingNow
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns once calls are to be ended now; never, if that does not come.
    ///
    /// Every waiter must be released by ``endNow()`` at last.
    func waitForEndNow() async {
        await withCheckedContinuation { continuation in
            let isDue = state.withLock { state in
                if state.stage == .endingNow { return true }
                state.waiters.append(continuation)
                return false
            }
            if isDue { continuation.resume() }
        }
    }
}
