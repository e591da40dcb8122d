import Synchronization
import TalkpathCore

/// Wakes one sleeping task. Rings while no task sleeps are kept as one.
final class Bell: Sendable {
    private struct State {
        var hasRung = false
        var sleeper: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// May be called from any thread; returns at once.
    func ring() {
        let sleeper = state.withLock { state in
            defer { state.sleeper = nil }
            if state.sleeper == nil { state.hasRung = true }
            return state.sleeper
        }
        sleeper?.resume()
    }

    /// Returns at the next ring, after this time, or when the task is cancelled. For one task at a time.
    func wait(atMost longest: Duration) async {
        await withTaskGroup { group in
            group.addTask { await self.waitForRing() }
            group.addTask { try? await Task.sleep(for: longest) }
            await group.next()
            group.cancelAll()
        }
    }

    private func waitForRing() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let returnsAtOnce = state.withLock { state in
                    let hasRung = state.hasRung || Task.isCancelled
                    state.hasRung = false
                    if !hasRung { state.sleeper = continuation }
                    return hasRung
                }
                if returnsAtOnce { continuation.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                defer { state.sleeper = nil }
                return state.sleeper
            }
            sleeper?.resume()
        }
    }
}

/// The bells of all tasks that wait for new events in the store.
final class EventBells: Sendable {
    private struct Listener {
        /// `nil` for every call.
        var call: CallID?
        var bell: Bell
    }

    private let listeners = Mutex<[Int: Listener]>([:])
    private let numbers = Atomic(0)

    /// - Returns: the number for ``remove(_:)``.
    func add(_ bell: Bell, call: CallID? = nil) -> Int {
        let number = numbers.add(1, ordering: .relaxed).newValue
        listeners.withLock { $0[number] = Listener(call: call, bell: bell) }
        return number
    }

    func remove(_ number: Int) {
        listeners.withLock { $0[number] = nil }
    }

    /// Wakes those who wait for the events of every call.
    func ringForAll() {
        let bells = listeners.withLock { $0.values.filter { $0.call == nil }.map(\.bell) }
        for bell in bells { bell.ring() }
    }

    func ring(_ calls: Set<CallID>) {
        guard !calls.isEmpty else { return }
        let bells = listeners.withLock { listeners in
            listeners.values.filter { $0.call.map(calls.contains) ?? true }.map(\.bell)
        }
        for bell in bells { bell.ring() }
    }
}
