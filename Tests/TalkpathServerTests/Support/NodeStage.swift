import Logging
import NIOHTTP1
import TalkpathCore
import TalkpathNIO
import TestDatabases
import Testing

@testable import TalkpathServer
@testable import TalkpathStore

/// Several nodes in one process, on a database of their own.
struct NodeStage: Sendable {
    let nodes: [TestServer]
    /// The database's address and its schema.
    let database: (name: String, url: String)
    static let secret = "the secret of all the nodes, long enough"

    /// - Parameters:
    ///   - url: the address by which a node reaches the database, by the node's number.
    ///   - configure: changes all nodes alike.
    static func run(
        _ count: Int = 2,
        url: ((_ node: Int, _ schema: String) -> String?)? = nil,
        configure: (inout ServerConfiguration) -> Void = { _ in },
        adjust: (inout TalkpathServer.Parts) -> Void = { _ in },
        logger: Logger = TestServer.silent,
        _ body: (NodeStage) async throws -> Void
    ) async throws {
        let database = try TestPostgres.shared().makeSchema()
        try await start(count, [], database, url, configure, adjust, logger, body)
    }

    private static func start(
        _ count: Int,
        _ nodes: [TestServer],
        _ database: (name: String, url: String),
        _ url: ((Int, String) -> String?)?,
        _ configure: (inout ServerConfiguration) -> Void,
        _ adjust: (inout TalkpathServer.Parts) -> Void,
        _ logger: Logger,
        _ body: (NodeStage) async throws -> Void
    ) async throws {
        guard nodes.count < count else { return try await body(NodeStage(nodes: nodes, database: database)) }
        let port = try TestPostgres.freePort()
        try await TestServer.run(
            configure: { configuration in
                configuration.port = port
                configuration.storage.database = .init(url: url?(nodes.count, database.name) ?? database.url)
                configuration.node = .init(url: "http://127.0.0.1:\(port)", secret: secret)
                configure(&configuration)
            },
            adjust: adjust,
            logger: logger
        ) { node async throws in
            try await start(count, nodes + [node], database, url, configure, adjust, logger, body)
        }
    }

    subscript(number: Int) -> TestServer { nodes[number] }

    /// Starts one more node at an address that may be another node's.
    func startAnother(at url: String, _ body: (TestServer) async throws -> Void) async throws {
        try await TestServer.run(configure: { configuration in
            configuration.storage.database = .init(url: database.url)
            configuration.node = .init(url: url, secret: Self.secret)
        }) { node async throws in try await body(node) }
    }

    /// Until a call is as wanted, asked of one of the nodes.
    func wait(
        for call: CallID,
        on node: Int,
        _ isWanted: (TestServer.Answer) -> Bool
    ) async throws -> TestServer.Answer {
        while true {
            let answer = try await nodes[node].send(.GET, "/api/calls/\(call)")
            if isWanted(answer) { return answer }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// A node that has died: it is on the database with these calls, and nobody answers at its address.
    func leaveDeadNode(with calls: [CallSnapshot]) async throws {
        let store = try SQLCallStore(postgres: database.url, identifiers: SystemIdentifiers(), isNode: true)
        let registry = try NodeRegistry(postgres: database.url, lease: .seconds(60))
        let life = try await registry.register(id: "dead", url: "http://127.0.0.1:1", version: "0", load: NodeLoad())
        store.own(as: life.epoch)
        for call in calls { try await store.journal(call) }
        try TestPostgres.shared().run("UPDATE nodes SET lease_until = 1 WHERE epoch = \(life.epoch)", in: database.url)
        registry.close()
        try store.close()
    }
}
