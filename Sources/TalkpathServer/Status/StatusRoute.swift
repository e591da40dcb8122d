import NIOCore
import TalkpathStore
import TalkpathHTTP
import TalkpathNIO
import TalkpathAudio
import HTTPTypes
import Hummingbird
import TalkpathCore
import TalkpathWire

/// `GET /api/server`: the server's state, for every client with a key; its settings, for the operator only.
struct StatusRoute {
    let state: ServerState

    func add(to router: Router<ServerContext>, keys: KeyMiddleware) {
        router.group("api/server").add(middleware: keys).get("") { _, context in
            Response.json(await json(tenant: context.tenant))
        }
    }

    private func json(tenant: String) async -> JSONValue {
        let clock = state.bridge.clock
        let lag = await loopLag()
        let calls = await state.manager.active()
        let isOperator = tenant == ServerConfiguration.APIKey.defaultTenant
        let now = clock.wallTime
        return [
            "tenant": .string(tenant),
            "version": .string(TalkpathVersion.current),
            "readiness": .string(readiness),
            "started_at": .time(state.startedAt),
            "time": .time(now),
            "uptime_s": JSONValue(Int(clamping: max(0, now.milliseconds - state.startedAt.milliseconds) / 1000)),
            "development": .bool(state.configuration.isDevelopment),
            "active_calls": JSONValue(calls.count { $0.tenant == tenant }),
            "loop_lag_ms": .tenths(lag),
            "active_calls_of_all": isOperator ? JSONValue(calls.count) : .null,
            "open_connections": isOperator ? JSONValue(state.connections.metrics.open) : .null,
            "refused_connections": isOperator ? JSONValue(state.connections.metrics.refused) : .null,
            "settings": isOperator ? .array(state.configuration.settingsInForce.map(\.json)) : .null,
        ]
    }

    private var readiness: String {
        state.isDraining
            ? Problem.Code.draining.rawValue
            : state.keepsNew ? "ready" : Problem.Code.storeUnavailable.rawValue
    }

    /// Measures how long work for the slowest media loop waits for its turn. A loop that does not answer counts with the
    /// time for which it was asked.
    private func loopLag() async -> Duration {
        let clock = state.bridge.clock
        return await withTaskGroup(of: Duration.self) { group in
            for lane in state.bridge.manager.lanes {
                group.addTask {
                    let asked = clock.now
                    let begun = await state.bridge.manager.ask(lane) { _ in clock.now }
                    return (begun ?? clock.now) - asked
                }
            }
            return await group.reduce(.zero) { max($0, $1) }
        }
    }
}

extension ServerConfiguration.SettingInForce {
    var json: JSONValue { ["name": .string(setting.rawValue), "value": .string(value)] }
}
