import HTTPTypes
import Hummingbird
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// Liveness and readiness, for supervisors and load balancers. Needs no key.
struct HealthRoutes {
    let state: ServerState

    func add(to router: Router<ServerContext>) {
        router.get("health") { _, _ in
            Response.json([
                "status": "healthy", "active_calls": JSONValue(state.manager.liveCalls),
                "version": .string(TalkpathVersion.current),
            ])
        }
        router.get("ready") { _, _ in
            let obstacle: Problem? =
                state.isDraining ? .draining : state.keepsNew ? nil : .storeUnavailable
            var response = Response.json(
                ["status": .string(obstacle?.code.rawValue ?? "ready")],
                status: obstacle?.status ?? .ok
            )
            if let obstacle { response.headers.append(contentsOf: obstacle.headers) }
            return response
        }
    }
}
