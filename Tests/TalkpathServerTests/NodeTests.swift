import NIOHTTP1
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import TestDatabases
import Testing

@testable import TalkpathServer
@testable import TalkpathStore

/// Requests that come to a node that has not their call.
@Suite(.timeLimit(.minutes(2)), .enabled(if: TestPostgres.isInstalled)) struct NodeTests {
    @Test func `a call is ended through another node, with the receipt of its own`() async throws {
        try await NodeStage.run { stage in
            let call = try await stage[0].place()
            let answer = try await stage[1].end(call, #"{"reason":"enough"}"#)
            #expect(answer.status == 200 && answer["ended_reason"] == "ended_by_api", "\(answer.text)")
            #expect(stage[0].carrier.hungUp == [FakeCarrier.name(call)] && stage[1].carrier.hungUp.isEmpty)
            for node in stage.nodes {
                #expect(try await node.send(.GET, "/api/calls/\(call)")["receipt"]?["carrier_confirmed"] == true)
            }
            #expect(try await stage[1].end(call)["code"] == "call_already_ended")
        }
    }

    @Test func `every command gets the answer of the node that has the call`() async throws {
        try await NodeStage.run { stage in
            let call = try await stage[0].place()
            let requests = [
                ("say", #"{"text":"Hello"}"#), ("mute", "{}"), ("messages", #"{"text":"Hello"}"#),
                ("dtmf", #"{"digits":"1"}"#), ("transfer", #"{"to":"+14155550102"}"#),
            ]
            for (name, body) in requests {
                let own = try await stage[0].send(.POST, "/api/calls/\(call)/\(name)", body)
                let other = try await stage[1].send(.POST, "/api/calls/\(call)/\(name)", body)
                #expect(own.status == other.status && own["code"] == other["code"], "\(name): \(other.text)")
                #expect(other["code"] != "call_already_ended" && other["code"] != "call_not_found", "\(name)")
            }
            let wrong = try await stage[1].send(.POST, "/api/calls/\(call)/say", #"{"txt":"Hello"}"#)
            #expect(wrong["code"] == "unknown_field")
            let activity = try await stage[1].send(.GET, "/api/calls/\(call)/activity")
            #expect(activity["now"]?.object != nil, "\(activity.text)")
            let foreign = try await stage[1].send(.POST, "/api/calls/\(call)/end", key: TestServer.otherKey)
            #expect(foreign.status == 404)
            #expect(
                try await stage[1].send(.POST, "/api/hangup", #"{"callSid":"\#(FakeCarrier.name(call))"}"#).status
                    == 200
            )
            #expect(stage[0].carrier.hungUp == [FakeCarrier.name(call)])
        }
    }

    @Test func `every node lists the live calls of all, and ends them by a filter`() async throws {
        try await NodeStage.run(3) { stage in
            var calls: Set<String> = []
            for node in stage.nodes { calls.insert(try await node.place(#","metadata":{"lot":7}"#).text) }
            _ = try await stage[0].place(key: TestServer.otherKey)
            for node in stage.nodes {
                for path in ["/api/calls?state=active", "/api/activity"] {
                    let list = try await node.send(.GET, path)
                    let ids = list["calls"]?.array?.compactMap { ($0["call_id"] ?? $0["call"]?["call_id"])?.string }
                    #expect(Set(ids ?? []) == calls && ids?.count == 3, "\(path): \(list.text)")
                }
            }
            let ended = try await stage[1].send(.POST, "/api/calls/end", #"{"metadata":{"lot":7}}"#)
            #expect(ended["count"] == 3 && ended["success"] == true, "\(ended.text)")
            #expect(try await stage[2].send(.GET, "/api/calls?state=active")["count"] == 0)
        }
    }

    @Test func `the carrier's requests and its media socket reach the call's node wherever they arrive`() async throws {
        try await NodeStage.run { stage in
            let call = try await stage[0].place()
            try await stage[1].progress("ringing", of: call)
            _ = try await stage.wait(for: call, on: 0) { $0["status"] == "ringing" }
            let token = try await stage[1].streamToken(of: call)
            let phone = try await stage[1].mediaSocket("/twilio/media-stream/\(call)")
            phone.start(call: FakeCarrier.name(call), token: token)
            while try await stage[1].send(.GET, "/api/calls/\(call)/activity")["now"]?["media"]?.string == nil,
                try await stage[0].send(.GET, "/api/calls/\(call)")["status"] != "in_progress"
            {
                try await Task.sleep(for: .milliseconds(10))
            }
            while true {
                let metrics = try await stage[1].send(.GET, "/metrics").text
                if metrics.contains("talkpath_media_sockets_relayed_total 1") { break }
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(try await stage[1].end(call).status == 200)
            #expect(await phone.waitForClose() != nil)
            let unsigned = try await stage[1].webhook(
                "/twilio/status?call_id=\(call)",
                ["CallSid": FakeCarrier.name(call), "CallStatus": "completed"],
                token: nil
            )
            #expect(unsigned.status == 403)
        }
    }

    @Test func `a request that claims to come from a node needs the secret, and is not forwarded again`() async throws {
        try await NodeStage.run { stage in
            let call = try await stage[0].place()
            let nodes = try #require(stage[1].server.state.nodes)
            let to = try #require(stage[0].server.state.nodes).epoch
            let now = stage[0].server.bridge.clock.wallTime.milliseconds / 1000
            func headers(_ secret: String, to epoch: Int64, target: String, at time: Int64) -> [(String, String)] {
                NodeSignature(secret: secret).headers(
                    .init(
                        from: nodes.epoch,
                        to: epoch,
                        tenant: "default",
                        time: time,
                        method: "GET",
                        target: target,
                        body: []
                    )
                ).map { ($0.name, $0.value) }
            }
            let path = "/api/calls/\(call)"
            let forged = headers(String(repeating: "x", count: 40), to: to, target: path, at: now)
            #expect(try await stage[0].send(.GET, path, key: nil, headers: forged).status == 403)
            let other = headers(NodeStage.secret, to: to, target: "/api/calls", at: now)
            #expect(try await stage[0].send(.GET, path, key: nil, headers: other).status == 403)
            let right = headers(NodeStage.secret, to: to, target: path, at: now)
            #expect(try await stage[0].send(.GET, path, key: nil, headers: right).status == 200)
            // A request that was overheard is of no use later, and no number of a peer's traps.
            for time in [now - 400, now + 400, .min, .max] {
                let stale = headers(NodeStage.secret, to: to, target: path, at: time)
                #expect(try await stage[0].send(.GET, path, key: nil, headers: stale).status == 403, "\(time)")
            }
            let life = headers(NodeStage.secret, to: to - 1, target: path, at: now)
            #expect(try await stage[0].send(.GET, path, key: nil, headers: life)["code"] == "node_unreachable")
            // To a node that has not the call: answered there, from the store, and not passed on.
            let end = "/api/calls/\(call)/say"
            let subject = NodeSignature.Subject(
                from: to,
                to: nodes.epoch,
                tenant: "default",
                time: now,
                method: "POST",
                target: end,
                body: Array(#"{"text":"x"}"#.utf8)
            )
            let hop = NodeSignature(secret: NodeStage.secret).headers(subject).map { ($0.name, $0.value) }
            let answer = try await stage[1].send(.POST, end, #"{"text":"x"}"#, key: nil, headers: hop)
            #expect(answer["code"] == "call_already_ended", "\(answer.text)")
            #expect(try await stage[0].send(.GET, NodeRoutes.lifePath).status == 403)
        }
    }

    @Test func `the nodes are listed with their load, for the operator`() async throws {
        try await NodeStage.run { stage in
            _ = try await stage[0].place()
            var list = try await stage[1].send(.GET, "/api/nodes")
            while list["nodes"]?.array?.first?["calls"] != 1 { list = try await stage[1].send(.GET, "/api/nodes") }
            #expect(list["count"] == 2 && list["nodes"]?.array?.map { $0["state"] } == ["alive", "alive"])
            #expect(list["nodes"]?.array?.map { $0["self"] } == [false, true])
            #expect(list["nodes"]?.array?.first?["free_places"] == 999)
            #expect(try await stage[1].send(.GET, "/api/nodes", key: TestServer.otherKey).status == 403)
            let metrics = try await stage[1].send(.GET, "/metrics").text
            #expect(metrics.contains("talkpath_nodes 2") && metrics.contains("talkpath_node_free_places 1000"))
        }
        try await TestServer.run { test in
            let list = try await test.send(.GET, "/api/nodes")
            #expect(list["count"] == 1 && list["nodes"]?.array?.first?["self"] == true, "\(list.text)")
        }
    }

    // MARK: Caps and keys

    @Test func `of 300 creates raced over three nodes under a cap of 10 exactly 10 pass`() async throws {
        try await NodeStage.run(3, configure: { $0.maximumCallsPerTenant = 10 }) { stage in
            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        try await stage[number % 3].send(.POST, "/api/calls", #"{"to":"\#(TestServer.number)"}"#).status
                    }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(answers.count { $0 == 201 } == 10 && answers.count { $0 == 429 } == 290)
            #expect(stage.nodes.reduce(0) { $0 + $1.carrier.placed.count } == 10)
            #expect(try await stage[0].send(.POST, "/api/calls/end", #"{"all":true}"#)["count"] == 10)
            _ = try await stage[1].place()
        }
    }

    @Test func `one key is one call, whichever nodes it comes to`() async throws {
        try await NodeStage.run(3) { stage in
            let answers = try await withThrowingTaskGroup(of: TestServer.Answer.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        try await stage[number % 3].send(
                            .POST,
                            "/api/calls",
                            #"{"to":"\#(TestServer.number)"}"#,
                            headers: [("Idempotency-Key", "one")]
                        )
                    }
                }
                return try await group.reduce(into: [TestServer.Answer]()) { $0.append($1) }
            }
            #expect(Set(answers.map { $0["call_id"]?.string }).count == 1 && answers.allSatisfy { $0.status == 201 })
            #expect(stage.nodes.reduce(0) { $0 + $1.carrier.placed.count } == 1)
        }
    }

    // MARK: Settings

    @Test func `each node and each database has a spool of its own, for all of its users alike`() {
        func name(_ url: String, node: String? = nil) -> String {
            ServerStore.spoolName(of: node.map { .init(url: $0, secret: NodeStage.secret) }, url)
        }
        let one = name("postgres://ada:first@db.example.test/talkpath")
        #expect(one.hasPrefix("spool-") && one.hasSuffix(".sqlite"))
        #expect(one == name("postgres://bob:second@db.example.test:5432/talkpath"))
        let others = [
            "postgres://ada:first@db.example.test/other", "postgres://ada:first@db-2.example.test/talkpath",
            "postgres://ada:first@db.example.test:5433/talkpath",
            "postgres://ada:first@db.example.test/talkpath?options=-csearch_path%3Dtrial",
        ]
        #expect(Set(others.map { name($0) } + [one]).count == 5)
        let node = name("postgres://ada:first@db.example.test/talkpath", node: "http://10.0.0.5:8080")
        #expect(node.hasPrefix("spool-10-0-0-5-8080-") && node.hasSuffix(one.dropFirst("spool".count)))
    }

    @Test func `a node without a secret, an address or a database is refused at the start`() {
        func problems(_ change: (inout ServerConfiguration) -> Void) -> [String] {
            var configuration = TestServer.configuration()
            configuration.storage.database = .init(url: "postgres://db.example.test/talkpath")
            configuration.node = .init(url: "http://10.0.0.5:8080", secret: NodeStage.secret)
            change(&configuration)
            return configuration.nodeProblems().map { "\($0)" }
        }
        #expect(problems { _ in }.isEmpty)
        #expect(problems { $0.node?.secret = "" }.first?.contains("TALKPATH_NODE_SECRET") == true)
        #expect(problems { $0.node?.secret = "short" }.first?.contains("at least 32") == true)
        #expect(problems { $0.node?.url = "" }.first?.contains("TALKPATH_NODE_URL") == true)
        #expect(problems { $0.node?.url = "http://10.0.0.5/talkpath" }.first?.contains("without a path") == true)
        #expect(problems { $0.node?.mediaURL = "ws://x" }.first?.contains("TALKPATH_NODE_MEDIA_URL") == true)
        #expect(problems { $0.storage.database = nil }.first?.contains("TALKPATH_DATABASE_URL") == true)
        var shown = ""
        dump(ServerConfiguration.Node(url: "http://a", secret: "hunter2"), to: &shown)
        #expect(!shown.contains("hunter2"))
    }
}
