import NIOHTTP1
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import TestDatabases
import Testing

@testable import TalkpathServer

/// Nodes that die, that seem to, and that are cut off from the database.
@Suite(.timeLimit(.minutes(2)), .enabled(if: TestPostgres.isInstalled)) struct NodeDeathTests {
    @Test func `the calls of a dead node are hung up, closed and told once`() async throws {
        try await Receiver.run { receiver async throws in
            try await NodeStage.run(3, adjust: { $0.addressPolicy = .development }) { stage in
                let hook = #"{"url":"\#(receiver.url)","events":["call.ended"]}"#
                #expect(try await stage[0].send(.POST, "/api/webhooks", hook).status == 201)
                var calls: [CallSnapshot] = []
                for number in 0..<20 {
                    var call = ServerFolder.liveCall("call-\(number)")
                    call.carrierCallID = "CA\(number)"
                    calls.append(call)
                }
                try await stage.leaveDeadNode(with: calls)
                func hungUp() -> [String] { stage.nodes.flatMap(\.carrier.hungUp) }
                while hungUp().count < 20 { try await Task.sleep(for: .milliseconds(10)) }
                #expect(Set(hungUp()) == Set(calls.compactMap(\.carrierCallID)))
                var told: [String] = []
                while told.count < 20 {
                    let message = try await receiver.next { $0.type == "call.ended" }
                    #expect(message.json["data"]?["ended_reason"] == "node_lost")
                    told.append(message.json["data"]?["call_id"]?.string ?? "")
                }
                #expect(Set(told).count == 20)
                for call in calls {
                    _ = try await stage.wait(for: call.id, on: 1) { $0["receipt"]?["carrier_confirmed"] == true }
                }
                #expect(hungUp().count == 20, "once each")
                let seen = try await stage[0].send(.GET, "/api/nodes")
                #expect(seen["count"] == 3, "\(seen.text)")
            }
        }
    }

    @Test func `a node whose calls were taken lets them go and begins a new life`() async throws {
        let book = LogBook()
        try await NodeStage.run(1, logger: book.logger) { stage in
            let call = try await stage[0].place()
            let before = try #require(stage[0].server.state.nodes).epoch
            let store = try SQLCallStore(
                postgres: stage.database.url,
                outbox: TestOutbox(),
                identifiers: SystemIdentifiers(),
                isNode: true
            )
            let registry = try NodeRegistry(postgres: stage.database.url, lease: .seconds(60))
            store.own(
                as: try await registry.register(id: "other", url: "http://127.0.0.1:1", version: "", load: .init())
                    .epoch
            )
            while true {
                // A heartbeat may come between the two.
                try TestPostgres.shared().run(
                    "UPDATE nodes SET lease_until = 1 WHERE epoch = \(before)",
                    in: stage.database.url
                )
                guard let taken = try await store.take(fromNode: before) else { continue }
                #expect(taken.calls == [call])
                _ = try await store.close(taken, at: SystemClock().wallTime)
                break
            }
            await book.wait(for: "The node has begun a new life")
            #expect(stage[0].server.manager.liveCalls == 0)
            #expect(stage[0].events.ended.map(\.reason) == [.nodeLost])
            try await store.writePending()
            let ended = try await store.events(of: call, after: 0).filter { $0.type == "call.ended" }
            #expect(ended.count == 1 && ended.first?.data["reason"] == "node_lost", "the other node tells it")
            let record = try await store.find(call)
            #expect(record?.receipt?.reason == .nodeLost)
            let next = try await stage[0].place()
            #expect(try await store.owner(of: next)?.epoch ?? 0 > before)
            registry.close()
            try store.close()
        }
    }

    @Test func `another node makes the delivery that a stopping node has begun, at once`() async throws {
        let isFirst = Mutex(true)
        let answer: @Sendable (Receiver.Message) async -> Receiver.Reply = { _ in
            let hangs = isFirst.withLock { isFirst in
                defer { isFirst = false }
                return isFirst
            }
            if hangs { try? await Task.sleep(for: .seconds(600)) }
            return Receiver.Reply()
        }
        try await Receiver.run(answer: answer) { receiver in
            try await NodeStage.run(adjust: { $0.addressPolicy = .development }) { stage in
                let body = #"{"url":"\#(receiver.url)","events":["call.started"]}"#
                let webhook = try await stage[0].send(.POST, "/api/webhooks", body)
                #expect(webhook.status == 201, "\(webhook.text)")
                _ = try await stage[0].place()
                let first = try await receiver.next()
                await stage[0].server.shutDown()
                let stopped = ContinuousClock.now
                let second = try await receiver.next()
                let name = try #require(first.headers["webhook-id"])
                #expect(second.headers["webhook-id"] == name)
                // Otherwise it counts as taken for a minute.
                #expect(ContinuousClock.now - stopped < .seconds(20))
            }
        }
    }

    @Test func `a node that is cut off keeps its calls and takes no new ones`() async throws {
        let server = try TestPostgres.shared()
        let proxy = try CuttingProxy(to: server.port)
        func url(_ node: Int, _ schema: String) -> String? {
            node == 0
                ? server.url(
                    overLoopbackAs: "postgres",
                    password: TestPostgres.quotedPassword,
                    port: proxy.port,
                    schema: schema
                ) : nil
        }
        let book = LogBook()
        try await NodeStage.run(url: url, logger: book.logger) { stage in
            let (kept, ended) = (try await stage[0].place(), try await stage[0].place())
            proxy.refuseAll(true)
            await book.wait(for: "A node is cut off from the database, but it answers")
            let refused = try await stage[0].send(.POST, "/api/calls", #"{"to":"\#(TestServer.number)"}"#)
            #expect(refused.status == 503 && refused["code"] == "store_unavailable", "\(refused.text)")
            #expect(refused.headers.first(name: "Retry-After") != nil)
            #expect(try await stage[0].send(.GET, "/ready", key: nil).status == 503)
            let form: FormParameters = [
                "CallSid": "CA0123456789abcdef0123456789abcdef", "CallStatus": "ringing", "AccountSid": "AC1",
                "From": TestServer.number, "To": "+14155550100", "Direction": "inbound",
            ]
            let inbound = try await stage[0].webhook("/twilio/voice", form)
            #expect(inbound.status == 503 && inbound["code"] == "store_unavailable", "the balancer asks another node")
            #expect(try await stage[0].end(ended).status == 200)
            #expect(try await stage[1].send(.GET, "/api/calls/\(kept)")["receipt"] == .null, "through the other node")
            proxy.refuseAll(false)
            await book.wait(for: "The node's heartbeats reach the database again")
            let record = try await stage.wait(for: ended, on: 1) { $0["receipt"]?["ended_reason"] != nil }
            #expect(record["receipt"]?["ended_reason"] == "ended_by_api")
            #expect(stage[1].carrier.hungUp.isEmpty && !book.has("A node has died"))
            while try await stage[0].send(.GET, "/ready", key: nil).status != 200 {}
            #expect(try await stage[1].end(kept)["ended_reason"] == "ended_by_api")
        }
        proxy.close()
    }

    @Test func `a node without calls is ready again once the database is back`() async throws {
        let server = try TestPostgres.shared()
        let proxy = try CuttingProxy(to: server.port)
        try await NodeStage.run(
            1,
            url: { _, schema in
                server.url(
                    overLoopbackAs: "postgres",
                    password: TestPostgres.quotedPassword,
                    port: proxy.port,
                    schema: schema
                )
            }
        ) { stage in
            proxy.refuseAll(true)
            let refused = try await stage[0].send(.POST, "/api/calls", #"{"to":"\#(TestServer.number)"}"#)
            #expect(refused["code"] == "store_unavailable" && stage[0].server.state.store.calls.failure != nil)
            proxy.refuseAll(false)
            // Nothing is written but what the node writes by itself.
            while try await stage[0].send(.GET, "/ready", key: nil).status != 200 {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        proxy.close()
    }

    @Test func `when the database was away for all nodes no call is taken from a living one`() async throws {
        let server = try TestPostgres.shared()
        let proxy = try CuttingProxy(to: server.port)
        let book = LogBook()
        try await NodeStage.run(
            url: { _, schema in
                server.url(
                    overLoopbackAs: "postgres",
                    password: TestPostgres.quotedPassword,
                    port: proxy.port,
                    schema: schema
                )
            },
            logger: book.logger
        ) { stage in
            let calls = [try await stage[0].place(), try await stage[1].place()]
            proxy.refuseAll(true)
            try await Task.sleep(for: NodeMachine.lease + .milliseconds(500))
            proxy.refuseAll(false)
            while stage.nodes.contains(where: { $0.server.state.nodes?.isCutOff != false }) {
                try await Task.sleep(for: .milliseconds(20))
            }
            try await Task.sleep(for: .seconds(1))
            #expect(!book.has("A node is cut off from the database, but it answers"), "no node was doubted at all")
            #expect(stage.nodes.allSatisfy { $0.server.manager.liveCalls == 1 } && !book.has("A node has died"))
            for (call, node) in zip(calls, stage.nodes) { #expect(try await node.end(call).status == 200) }
        }
        proxy.close()
    }
}
