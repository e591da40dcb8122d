import HTTPTypes
import NIOCore
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Where functions lead that are HTTP requests.
@Suite(.timeLimit(.minutes(1))) struct ToolAddressTests {
    private func call(_ url: String, _ policy: OutboundAddressPolicy, headers: [String: String] = [:]) async -> String {
        let endpoint = ToolEndpoint(tool: AgentTool(name: "stock", description: ""), url: url, headers: headers)
        let call = AgentToolCall(id: "t1", name: "stock", arguments: #"{"item":"lamp"}"#)
        return await HTTPToolCaller(policy: policy).call(call, at: endpoint, on: CallID("c1"))
    }

    /// The system does not know the name at all: whoever looked it up a second time would get nowhere.
    @Test func theConnectionGoesToTheAddressThatWasJudged() async throws {
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

    @Test func aNameThatLeadsInsideIsNotAsked() async throws {
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

    @Test func anErrorIsToldInAFewWords() async throws {
        try await HookReceiver.run { receiver in
            receiver.answer(with: .internalServerError)
            let answer = await call(receiver.url, .development)
            #expect(answer == ToolOutput.error("the function answered with status 500"))
        }
    }
}
