import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TalkpathSimulators
import TalkpathWire
import TestDatabases
import Testing

/// Three nodes as three processes, with live conversations: one is killed, one is paused for a while.
@Suite(.serialized, .enabled(if: TestPostgres.isInstalled)) struct NodeProcessTests {
    /// A carrier, a model, and three nodes. The carrier reaches the second node only, as through a balancer.
    private final class Stage {
        let twilio: FakeTwilio
        let model: FakeOpenAIRealtime
        private(set) var nodes: [(process: Process, port: Int)] = []

        init(_ behavior: CallBehavior) async throws {
            let token = "0123456789abcdef0123456789abcdef"
            twilio = try await FakeTwilio.start(FakeTwilioConfiguration(authToken: token, behavior: behavior))
            model = try await FakeOpenAIRealtime.start(FakeAgentConfiguration(apiKey: "key", script: .echo))
            let database = try TestPostgres.shared().makeSchema().url
            let ports = try (0..<3).map { _ in try TestPostgres.freePort() }
            for port in ports {
                let process = Process()
                process.executableURL = Executable.url
                process.arguments = ["serve", "--dev", "--port", "\(port)"]
                process.environment = [
                    "OPENAI_API_KEY": "key", "OPENAI_REALTIME_URL": model.url, "TALKPATH_LOG_LEVEL": "critical",
                    "TALKPATH_DATABASE_URL": database, "TALKPATH_NODE_URL": "http://127.0.0.1:\(port)",
                    "TALKPATH_NODE_SECRET": "the secret of all the nodes, long enough",
                    "TALKPATH_PUBLIC_URL": "http://127.0.0.1:\(ports[1])", "TALKPATH_DATA_FOLDER": ":memory:",
                    "TALKPATH_DRAIN_TIMEOUT_S": "0",
                    "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000001", "TWILIO_AUTH_TOKEN": token,
                    "TWILIO_FROM_NUMBER": "+15550100100", "TWILIO_API_BASE_URL": twilio.baseURL,
                ]
                process.standardInput = FileHandle.nullDevice
                process.standardOutput = FileHandle.nullDevice
                process.standardError = FileHandle.nullDevice
                try process.run()
                nodes.append((process, port))
            }
            for number in 0..<3 {
                while (try? await get(number, "/health")) == nil { try await Task.sleep(for: .milliseconds(50)) }
            }
        }

        func get(_ node: Int, _ path: String) async throws -> JSONValue {
            try await send(node, .GET, path).body
        }

        func send(_ node: Int, _ method: HTTPMethod, _ path: String, _ body: JSONValue? = nil) async throws -> (
            status: Int, body: JSONValue
        ) {
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(nodes[node].port)\(path)")
            request.method = method
            if let body { request.body = .bytes(ByteBuffer(bytes: body.serialized())) }
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            let bytes = Array(try await response.body.collect(upTo: 1 << 22).readableBytesView)
            return (Int(response.status.code), try JSONValue(parsing: bytes))
        }

        /// - Parameter status: the final status of the calls. The media of talking calls goes through the second node.
        func place(_ count: Int, on node: Int, until status: JSONValue) async throws -> [String] {
            var calls: [String] = []
            for _ in 0..<count {
                let answer = try await send(node, .POST, "/api/calls", ["to": "+15550100199"])
                calls.append(try #require(answer.body["call_id"]?.string, "\(answer)"))
            }
            for call in calls {
                while try await get(2, "/api/calls/\(call)")["status"] != status {
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            while status == "in_progress", await twilio.records().contains(where: { $0.streams.isEmpty }) {
                try await Task.sleep(for: .milliseconds(20))
            }
            return calls
        }

        func signal(_ signal: Int32, to node: Int) { kill(nodes[node].process.processIdentifier, signal) }

        func end() async {
            for number in nodes.indices where nodes[number].process.isRunning { signal(SIGKILL, to: number) }
            await twilio.shutdown()
            await model.shutdown()
        }
    }

    private static func run(
        _ behavior: CallBehavior = CallBehavior(),
        _ body: (Stage) async throws -> Void
    ) async throws {
        let stage = try await Stage(behavior)
        let result: Result<Void, any Error>
        do { result = .success(try await body(stage)) } catch { result = .failure(error) }
        await stage.end()
        try result.get()
    }

    @Test(.timeLimit(.minutes(2)))
    func `the calls of a killed node are hung up within five seconds`() async throws {
        // For ringing calls no socket tells the carrier that a node has died.
        try await Self.run(CallBehavior(outcome: .answers(ringing: .seconds(60)))) { stage in
            let lost = try await stage.place(4, on: 0, until: "ringing")
            let kept = try await stage.place(2, on: 2, until: "ringing")
            let sids = Set(await stage.twilio.records().prefix(4).map(\.sid))
            let killed = ContinuousClock.now
            stage.signal(SIGKILL, to: 0)
            while await stage.twilio.records().contains(where: { sids.contains($0.sid) && !$0.isOver }) {
                try await Task.sleep(for: .milliseconds(20))
            }
            let took = ContinuousClock.now - killed
            print("a killed node's calls were hung up after \(took)")
            #expect(took < .seconds(5))
            for call in lost {
                while try await stage.get(1, "/api/calls/\(call)")["receipt"]?["ended_reason"] == nil {
                    try await Task.sleep(for: .milliseconds(20))
                }
                let record = try await stage.get(2, "/api/calls/\(call)")
                #expect(record["receipt"]?["ended_reason"] == "node_lost", "\(record)")
            }
            #expect(try await stage.get(1, "/api/nodes")["count"] == 2)
            for call in kept {
                let ended = try await stage.send(1, .POST, "/api/calls/\(call)/end", [:])
                #expect(ended.status == 200 && ended.body["ended_reason"] == "ended_by_api", "\(ended)")
            }
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a node that was paused finds its calls taken over, releases them and serves again`() async throws {
        try await Self.run { stage in
            let calls = try await stage.place(2, on: 0, until: "in_progress")
            stage.signal(SIGSTOP, to: 0)
            for call in calls {
                while try await stage.get(1, "/api/calls/\(call)")["receipt"]?["ended_reason"] != "node_lost" {
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            stage.signal(SIGCONT, to: 0)
            while try await stage.get(0, "/health")["active_calls"] != 0 {
                try await Task.sleep(for: .milliseconds(50))
            }
            while try await stage.get(0, "/ready")["status"] != "ready" { try await Task.sleep(for: .milliseconds(50)) }
            for call in calls {
                #expect(try await stage.get(0, "/api/calls/\(call)")["receipt"]?["ended_reason"] == "node_lost")
            }
            let next = try await stage.place(1, on: 0, until: "in_progress")
            #expect(try await stage.send(2, .POST, "/api/calls/\(next[0])/end", [:]).status == 200)
        }
    }
}
