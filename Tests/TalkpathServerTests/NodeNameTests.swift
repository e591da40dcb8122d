import NIOHTTP1
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import TestDatabases
import Testing

@testable import TalkpathServer

/// Nodes that start under a name that another process has, or had.
@Suite(.timeLimit(.minutes(2)), .enabled(if: TestPostgres.isInstalled)) struct NodeNameTests {
    private static func isRefused(_ stage: NodeStage, at url: String) async throws -> Bool {
        do {
            try await stage.startAnother(at: url) { _ in }
            return false
        } catch let error as ConfigurationError {
            #expect("\(error)".contains("TALKPATH_NODE_URL"), "\(error)")
            return true
        }
    }

    @Test func `a node at the address of one that lives is refused, and the calls go on`() async throws {
        try await NodeStage.run(1) { stage in
            let call = try await stage[0].place()
            #expect(try await Self.isRefused(stage, at: "http://127.0.0.1:\(stage[0].server.port)"))
            #expect(stage[0].server.manager.liveCalls == 1)
            #expect(try await stage[0].end(call)["ended_reason"] == "ended_by_api")
        }
    }

    @Test func `a node whose address leads nowhere is refused while another one beats under its name`() async throws {
        try await NodeStage.run(1) { stage in
            let registry = try NodeRegistry(postgres: stage.database.url, lease: Nodes.lease)
            // Nobody answers there.
            let url = "http://127.0.0.1:1"
            let life = try await registry.register(id: "127.0.0.1:1", url: url, version: "0", load: NodeLoad())
            let beats = Task {
                while true {
                    _ = try await registry.beat(life.epoch, load: NodeLoad())
                    try await Task.sleep(for: Nodes.beat)
                }
            }
            #expect(try await Self.isRefused(stage, at: url))
            beats.cancel()
            _ = await beats.result
            registry.close()
        }
    }

    @Test func `a node that comes back after its death takes its earlier calls and ends them`() async throws {
        try await NodeStage.run(1) { stage in
            let url = "http://127.0.0.1:1"
            let store = try SQLCallStore(postgres: stage.database.url, identifiers: SystemIdentifiers(), isNode: true)
            let registry = try NodeRegistry(postgres: stage.database.url, lease: .seconds(60))
            let life = try await registry.register(id: "127.0.0.1:1", url: url, version: "0", load: NodeLoad())
            store.own(as: life.epoch)
            var call = ServerFolder.liveCall("call")
            call.carrierCallID = "CA1"
            try await store.journal(call)
            registry.close()
            try store.close()
            try await stage.startAnother(at: url) { node in
                while node.carrier.hungUp.isEmpty, stage[0].carrier.hungUp.isEmpty {
                    try await Task.sleep(for: .milliseconds(10))
                }
                #expect(try await node.send(.GET, "/api/calls/call")["receipt"]?["ended_reason"] == "node_lost")
            }
        }
    }
}
