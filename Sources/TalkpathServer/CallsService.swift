import Logging
import ServiceLifecycle
import TalkpathCore
import TalkpathNIO

/// Runs the calls until the server is told to stop, lets them finish, and ends those that remain.
///
/// Once told to stop, the server takes no new calls. Live calls may go on for the configured time. Then they are
/// drained: the audio that waits is played out, and the calls end. ``TalkpathServer/endNow()`` ends them at once.
struct CallsService: Service {
    let state: ServerState

    /// The wait for hang-ups that the carrier has not confirmed when everything else has ended.
    private static let patience = Duration.seconds(5)
    private static let lookAgain = Duration.milliseconds(50)

    /// - Returns: `false` if the next process must place the call.
    private func place(_ delayed: DelayedCalls.Entry) async -> Bool {
        do throws(CallPlacement.Failure) {
            _ = try await CallPlacement(state: state, tenant: delayed.tenant).place(delayed.request, as: delayed.call)
            return true
        } catch {
            // The call's record holds the reason, if there is a record.
            state.logger.warning(
                "A delayed call could not be placed",
                metadata: ["call_id": "\(delayed.call)", "code": "\(error.problem.code.rawValue)"]
            )
            return error.problem.code != .draining
        }
    }

    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await state.bridge.run() }
            group.addTask { await state.delayed.run { await place($0) } }
            // If another part of the server fails, this task is cancelled instead. Then the calls are ended at once.
            try? await gracefulShutdown()
            if Task.isCancelled { state.stop.endNow() }
            state.stop.beginDraining()
            let live = await state.manager.active().count
            state.logger.info("Stopping: no new calls are taken", metadata: ["calls": "\(live)"])
            await letCallsFinish()
            await endCalls()
            group.addTask { try? await Task.sleep(for: Self.patience) }
            await group.next()
            group.cancelAll()
        }
        state.stop.endNow()
    }

    /// Waits until the last call has ended, and the last media socket of another node's call, or the time is over.
    private func letCallsFinish() async {
        let live = await state.manager.active().count + relayed
        guard live > 0, !state.stop.isEndingNow, state.configuration.drainTimeout > .zero else { return }
        state.logger.notice(
            "Live calls may finish before the server stops",
            metadata: ["calls": "\(live)", "seconds": "\(state.configuration.drainTimeout.components.seconds)"]
        )
        let clock = ContinuousClock()
        let deadline = clock.now + state.configuration.drainTimeout
        while await !state.manager.active().isEmpty || relayed > 0, clock.now < deadline, !state.stop.isEndingNow {
            guard (try? await clock.sleep(for: Self.lookAgain)) != nil else { return }
        }
    }

    private var relayed: Int { state.nodes?.relayedSockets ?? 0 }

    private func endCalls() async {
        let manager = state.manager
        guard !state.stop.isEndingNow else { return await manager.shutDown() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await manager.shutDown(mode: .drain(timeout: state.configuration.limits.drainTimeout))
                // Releases the other task.
                state.stop.endNow()
            }
            group.addTask {
                await state.stop.waitForEndNow()
                // A second end cuts a drain short. If all calls have ended, it does nothing.
                await manager.shutDown()
            }
        }
    }
}
