import Foundation
import NIOHTTP1
import Synchronization
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import TestDatabases
import Testing

@testable import TalkpathServer
@testable import TalkpathStore

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
            let registry = try NodeRegistry(postgres: stage.database.url, lease: NodeMachine.lease)
            // Nobody answers there.
            let url = "http://127.0.0.1:1"
            let life = try await registry.register(id: "127.0.0.1:1", url: url, version: "0", load: NodeLoad())
            let beats = Task {
                while true {
                    _ = try await registry.beat(life.epoch, load: NodeLoad())
                    try await Task.sleep(for: NodeMachine.beat)
                }
            }
            #expect(try await Self.isRefused(stage, at: url))
            beats.cancel()
            _ = await beats.result
            registry.close()
        }
    }

    @Test func `a node that comes back after its death ends its earlier calls beside its heartbeats`() async throws {
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
            let (locks, locked) = AsyncStream.makeStream(of: Void.self)
            let isReleased = Mutex(false)
            // The call can be taken, and not be closed.
            async let lock: Void = store.write { db in
                _ = try db.row("SELECT set_config('idle_in_transaction_session_timeout', '0', TRUE)")
                _ = try db.row("SELECT 1 FROM records WHERE call_id = 'call' FOR UPDATE")
                locked.finish()
                while !isReleased.withLock({ $0 }) { usleep(2000) }
            }
            for await _ in locks {}
            defer { isReleased.withLock { $0 = true } }
            try await stage.startAnother(at: url) { node in
                let nodes = try #require(node.server.state.nodes)
                while !nodes.seen.contains(where: { $0.epoch == nodes.epoch }) {
                    try await Task.sleep(for: .milliseconds(10))
                }
                let carriers = [node.carrier, stage[0].carrier]
                #expect(carriers.allSatisfy { $0.hungUp.isEmpty })
                isReleased.withLock { $0 = true }
                while carriers.allSatisfy({ $0.hungUp.isEmpty }) { try await Task.sleep(for: .milliseconds(10)) }
                #expect(try await node.send(.GET, "/api/calls/call")["receipt"]?["ended_reason"] == "node_lost")
            }
            try await lock
            try store.close()
        }
    }
}
