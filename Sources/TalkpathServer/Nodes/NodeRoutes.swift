import HTTPTypes
import Hummingbird
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// The nodes on the database, and the sign of life that they ask each other for.
struct NodeRoutes {
    let state: ServerState

    static let lifePath = "/api/nodes/life"

    func add(to router: Router<ServerContext>, keys: KeyMiddleware) {
        let routes = router.group("api/nodes").add(middleware: keys)
        routes.get("", use: list)
        routes.get("life", use: life)
    }

    @Sendable private func list(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard context.tenant == ServerConfiguration.APIKey.defaultTenant else {
            throw Problem(
                .forbidden,
                .forbidden,
                "Only the operator sees the nodes: this needs a key of the default tenant"
            )
        }
        guard let nodes = state.nodes else { return .json(["nodes": [state.onlyNode], "count": 1]) }
        let all = try await nodes.registry.nodes()
        return .json([
            "nodes": .array(all.map { $0.json(isSelf: $0.epoch == nodes.epoch) }), "count": JSONValue(all.count),
        ])
    }

    @Sendable private func life(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard context.isForwarded, let nodes = state.nodes, !nodes.isFenced else {
            throw Problem(.forbidden, .forbidden, "Only other nodes ask for this")
        }
        return .json(["epoch": JSONValue(Int(nodes.epoch))])
    }
}

extension ServerState {
    /// The server as it shows itself where it is no node among others.
    fileprivate var onlyNode: JSONValue {
        let load = nodeLoad
        return [
            "id": "self", "url": .null, "epoch": .null, "self": true, "version": .string(TalkpathVersion.current),
            "state": .string(load.isDraining ? "draining" : "alive"), "started_at": .time(startedAt), "silent_ms": 0,
            "calls": JSONValue(load.calls), "places": JSONValue(load.places),
            "free_places": JSONValue(load.freePlaces), "loop_lag_ms": JSONValue(load.lagMilliseconds),
        ]
    }
}

extension StoredNode {
    func json(isSelf: Bool) -> JSONValue {
        [
            "id": .string(id), "url": .string(url), "epoch": JSONValue(Int(epoch)), "self": .bool(isSelf),
            "version": .string(version), "state": .string(isLate ? "silent" : load.isDraining ? "draining" : "alive"),
            "started_at": .time(startedAt), "silent_ms": JSONValue(Int(silence / .milliseconds(1))),
            "calls": JSONValue(load.calls), "places": JSONValue(load.places),
            "free_places": JSONValue(load.freePlaces), "loop_lag_ms": JSONValue(load.lagMilliseconds),
        ]
    }
}

// MARK: The document

extension NodeRoutes {
    static let operations = [
        Operation(
            method: .get,
            path: "/api/nodes",
            id: "listNodes",
            area: "Server",
            summary: "The nodes that share the database, with the load of each",
            meaning: "For the operator: with a key of the default tenant. A server that is no node shows itself.",
            answers: [
                .json(
                    200,
                    "The nodes, oldest first.",
                    .object(.required("nodes", .array(.named("Node"))), .required("count", .integer))
                ),
                .problem(403, "`forbidden`: the key is a tenant's."),
                .problem(503, "`store_unavailable`."),
            ]
        ),
        Operation(
            method: .get,
            path: lifePath,
            id: "nodeLife",
            area: "Server",
            summary: "The sign of life that the nodes ask each other for",
            answers: [
                .json(200, "The node lives.", .object(.required("epoch", .integer))),
                .problem(403, "`forbidden`: no other node asks, or this one has lost its calls."),
            ]
        ),
    ]

    static let schemas: [(name: String, schema: Schema)] = [
        (
            "Node",
            .object(
                .required("id", .text.meaning("Its name: host and port of its address.")),
                .required("url", .text.orNull.meaning("Where the other nodes reach it.")),
                .required("epoch", .integer.orNull.meaning("The number of its life; a restarted node has another.")),
                .required("self", .boolean.meaning("Whether it has answered this request.")),
                .required("version", .text),
                .required(
                    "state",
                    .word("alive", "draining", "silent").meaning(
                        "`draining` takes no new calls; `silent` has missed its heartbeats."
                    )
                ),
                .required("started_at", .time),
                .required("silent_ms", .integer.meaning("Since its last heartbeat.")),
                .required("calls", .integer),
                .required("places", .integer.meaning("`TALKPATH_MAX_CALLS` of the node.")),
                .required("free_places", .integer),
                .required("loop_lag_ms", .integer.meaning("The worst lateness of its lanes in the last second."))
            )
        )
    ]
}
