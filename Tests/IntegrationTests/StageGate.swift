import Foundation
import Synchronization

/// Limits the number of stages that run at the same time.
///
/// A stage is a whole server with its simulators, in real time. Thirty stages that start together take seconds in a
/// debug build, and the tests would then measure the machine. A test that waits here holds no resource yet.
/// `TALKPATH_STAGES` sets the limit; the default is one stage for each processor.
final class StageGate: Sendable {
    static let shared = StageGate(
        places: ProcessInfo.processInfo.environment["TALKPATH_STAGES"].flatMap { Int($0) }
            ?? ProcessInfo.processInfo.activeProcessorCount
    )

    private struct State {
        var free: Int
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(places: Int) {
        state = Mutex(State(free: max(1, places)))
    }

    /// Runs `body` once there is room for it, in the order of the calls.
    func admit<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        await enter()
        defer { leave() }
        return try await body()
    }

    private func enter() async {
        await withCheckedContinuation { continuation in
            let isAdmitted = state.withLock { state in
                guard state.free == 0 else {
                    state.free -= 1
                    return true
                }
                state.waiters.append(continuation)
                return false
            }
            if isAdmitted { continuation.resume() }
        }
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waiters.isEmpty else { return state.waiters.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}
