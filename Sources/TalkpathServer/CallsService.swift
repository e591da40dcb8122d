import ServiceLifecycle
import TalkpathCore
import TalkpathNIO

/// Runs the calls until the server is to stop, and then ends them.
struct CallsService: Service {
    let state: ServerState

    /// For hang-ups the carrier has not confirmed yet when everything else has ended.
    private static let patience = Duration.seconds(5)

    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await state.bridge.run() }
            // Cancelled instead, when another part of the server fails: the same, at once.
            try? await gracefulShutdown()
            state.beginDraining()
            await state.manager.shutDown()
            group.addTask { try? await Task.sleep(for: Self.patience) }
            await group.next()
            group.cancelAll()
        }
    }
}
