import Synchronization

/// Counts the writes that were requested and are not done. They lie in memory, and those who asked wait for them: beyond a
/// number the store takes on nothing new until it has caught up. Thread-safe.
final class StoreBacklog: Sendable {
    private struct State {
        var waiting = 0
        var isBehind = false
    }

    private let state = Mutex(State())
    private let most: Int
    private let tell: @Sendable (StoreNews) -> Void

    /// Some writes belong to each call: at this number the newest wait for seconds.
    static let usualMost = 4000

    /// - Parameters:
    ///   - most: the number of waiting writes from which the store is behind. It has caught up at half of it.
    ///   - tell: called when the store falls behind and when it has caught up.
    init(most: Int = usualMost, _ tell: @escaping @Sendable (StoreNews) -> Void) {
        self.most = most
        self.tell = tell
    }

    var isBehind: Bool { state.withLock { $0.isBehind } }

    func requested() {
        let hasFallenBehind = state.withLock { state in
            state.waiting += 1
            guard state.waiting >= most, !state.isBehind else { return false }
            state.isBehind = true
            return true
        }
        if hasFallenBehind { tell(.behind(waiting: most)) }
    }

    func done() {
        let hasCaughtUp = state.withLock { state in
            state.waiting -= 1
            guard state.waiting <= most / 2, state.isBehind else { return false }
            state.isBehind = false
            return true
        }
        if hasCaughtUp { tell(.caughtUp) }
    }
}
