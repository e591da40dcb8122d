import HTTPTypes
import NIOCore
import NIOPosix
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// The addresses of functions that are HTTP requests.
@Suite(.timeLimit(.minutes(5))) struct ToolAddressTests {
    private func call(_ url: String, _ policy: OutboundAddressPolicy, headers: [String: String] = [:]) async -> String {
        let endpoint = ToolEndpoint(tool: AgentTool(name: "stock", description: ""), url: url, headers: headers)
        let call = AgentToolCall(id: "t1", name: "stock", arguments: #"{"item":"lamp"}"#)
        let caller = HTTPToolCaller(policy: policy)
        let answer = await caller.call(call, at: endpoint, on: CallID("c1"))
        await caller.close()
        return answer
    }

    /// The system's resolver does not know the name, so a second look-up would fail.
    @Test func `the connection goes to the judged address`() async throws {
        try await HookReceiver.run { receiver in
            let lookUps = Mutex(0)
            let policy = OutboundAddressPolicy(allowsPlain: true, allowsPrivate: true) { _, port in
                let count = lookUps.withLock { count in
                    count += 1
                    return count
                }
                return [try SocketAddress(ipAddress: count == 1 ? "127.0.0.1" : "127.0.0.254", port: port)]
            }
            let url = "http://shop.example.test:\(receiver.port)/hook"
            #expect(await call(url, policy, headers: ["X-Key": "k", "Content-Type": "text/plain"]) == "")
            let hook = try #require(receiver.hooks.first)
            #expect(hook.json["name"] == "stock" && hook.json["arguments"] == ["item": "lamp"])
            #expect(hook.headers["host"] == "shop.example.test:\(receiver.port)" && hook.headers["x-key"] == "k")
            #expect(hook.headers["content-type"] == "application/json")
            #expect(lookUps.withLock { $0 } == 1)
        }
    }

    @Test func `a name with an inside address gets no request`() async throws {
        try await HookReceiver.run { receiver in
            for addresses in [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"]] {
                let policy = OutboundAddressPolicy(allowsPlain: true) { _, port in
                    try addresses.map { try SocketAddress(ipAddress: $0, port: port) }
                }
                let answer = await call("http://shop.example.test:\(receiver.port)/hook", policy)
                #expect(answer == ToolOutput.error("the function's address must not be asked"))
            }
            #expect(receiver.hooks.isEmpty)
        }
    }

    @Test func `functions of the same host share connections`() async throws {
        try await PortKeeper.run { keeper in
            let caller = HTTPToolCaller(policy: .development)
            for path in ["stock", "stock", "price"] {
                let endpoint = ToolEndpoint(
                    tool: AgentTool(name: path, description: ""),
                    url: "http://127.0.0.1:\(keeper.port)/\(path)"
                )
                let tool = AgentToolCall(id: "t", name: path, arguments: "{}")
                #expect(await caller.call(tool, at: endpoint, on: CallID("c1")) == "/\(path)")
            }
            let ports = keeper.ports
            #expect(ports.count == 3 && Set(ports).count == 1)
            await caller.close()
        }
    }

    @Test func `a host that refuses the connection is reported as such`() async throws {
        // No program listens at the first port (tcpmux). A port that was free a moment ago may belong to another test
        // now.
        let answer = await call("http://127.0.0.1:1/", .development)
        #expect(answer == ToolOutput.error("the function could not be reached"))
    }

    /// The caller waits for the answer meanwhile. The number of closed connections is the number of tries.
    @Test func `a connection that fails is not tried again without the model's knowledge`() async throws {
        let connections = Atomic(0)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                connections.add(1, ordering: .relaxed)
                return channel.close()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = listener.localAddress?.port ?? 0
        let answer = await call("https://127.0.0.1:\(port)/", .development)
        #expect(answer.contains("the function could not be reached"))
        #expect(connections.load(ordering: .relaxed) == 1)
        try await listener.close()
    }

    @Test func `idle connections are closed when there are too many hosts`() async throws {
        try await PortKeeper.run { first in
            try await PortKeeper.run { second in
                let clients = OutboundClients(policy: .development, capacity: 1)
                for keeper in [first, first, second, first] {
                    let url = try OutboundURL("http://127.0.0.1:\(keeper.port)/")
                    let answer = try await clients.withClient(for: url) { client in
                        try await client.post([], to: url, headers: [], timeout: .seconds(30))
                    }
                    #expect(answer.status == 200)
                }
                let ports = first.ports
                #expect(ports.count == 3 && ports[0] == ports[1] && ports[1] != ports[2])
                await clients.close()
                let url = try OutboundURL("http://127.0.0.1:\(first.port)/")
                await #expect(throws: CancellationError.self) { try await clients.withClient(for: url) { _ in } }
            }
        }
    }

    @Test func `an error is reported to the model in a few words`() async throws {
        try await HookReceiver.run { receiver in
            receiver.answer(with: .internalServerError)
            let answer = await call(receiver.url, .development)
            #expect(answer == ToolOutput.error("the function answered with status 500"))
        }
    }
}
