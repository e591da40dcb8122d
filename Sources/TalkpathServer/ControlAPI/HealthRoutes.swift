import HTTPTypes
import Hummingbird
import TalkpathCore
import TalkpathWire

/// For whoever watches over the process; without a key.
struct HealthRoutes {
    let state: ServerState

    func add(to router: Router<ServerContext>) {
        router.get("health") { _, _ in
            Response.json([
                "status": "healthy", "active_calls": JSONValue(await state.manager.active().count),
            ])
        }
        router.get("ready") { _, _ in
            let isReady = !state.isDraining
            return Response.json(
                ["status": isReady ? "ready" : "draining"],
                status: isReady ? .ok : .serviceUnavailable
            )
        }
    }
}
