import Foundation
import Synchronization

/// Lets few stages be up at once.
///
/// A stage is a whole server with its simulators, in real time. Thirty of them that start together take seconds to do
/// so in a debug build, and the tests would then judge the machine. A test that has to wait here holds nothing yet.
/// `TALKPATH_STAGES` sets how many may be up at once; without it there is one for each processor.
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

    /// Runs `body` once there is room for it. First come, first served.
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
