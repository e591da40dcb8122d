import Synchronization

/// The stage of a server's stop: running, draining, or ending now. Thread-safe.
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

    /// True if the server is stopping, and accepts nothing new.
    var isDraining: Bool { state.withLock { $0.stage >= .draining } }

    /// True if live calls are ended without waiting for them.
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

    /// Returns once calls must be ended at once. Does not return before that.
    ///
    /// Every waiting task must finally be released by ``endNow()``.
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
