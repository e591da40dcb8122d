import AsyncHTTPClient
import NIOCore
import NIOPosix
import TalkpathAudio
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Answers of functions and receivers that stop in the middle, or that are encoded although we ask for no encoding.
@Suite(.timeLimit(.minutes(5))) struct OutboundAnswerTests {
    /// Answers each request with the same bytes, and leaves the connection open.
    private final class Answering: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let answer: [UInt8]

        init(_ answer: [UInt8]) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            // The body follows the head in the same segment, or in one of its own; the head alone is answered.
            let text = String(buffer: unwrapInboundIn(data))
            guard text.hasPrefix("POST") else { return }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
        }
    }

    private static func withServer<Result: Sendable>(
        _ head: String,
        body: [UInt8] = [],
        _ work: (Int) async throws -> Result
    ) async throws -> Result {
        let answer = Array("HTTP/1.1 200 OK\r\n\(head)\r\n\r\n".utf8) + body
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { $0.pipeline.addHandler(Answering(answer)) }
            .bind(host: "127.0.0.1", port: 0).get()
        let result = try await work(listener.localAddress?.port ?? 0)
        try await listener.close()
        return result
    }

    private static func call(_ port: Int, timeout: Duration = .seconds(20), most: Int = 1000) async -> String {
        let endpoint = ToolEndpoint(
            tool: AgentTool(name: "price", description: ""),
            url: "http://127.0.0.1:\(port)/",
            timeout: timeout,
            maximumBytes: most
        )
        let caller = HTTPToolCaller(policy: .development)
        let call = AgentToolCall(id: "t1", name: "price", arguments: "{}")
        let answer = await caller.call(call, at: endpoint, on: CallID("c1"))
        await caller.close()
        return answer
    }

    private static func bytes(_ base64: String) -> [UInt8] {
        let characters = Array(base64.utf8)
        var bytes = [UInt8](repeating: 0, count: Base64.decodedCount(of: characters.span.bytes))
        var target = bytes.mutableSpan
        _ = try? Base64.decode(characters.span.bytes, into: &target)
        return bytes
    }

    @Test func `a function whose answer stops in the middle is given up in its time`() async throws {
        let head = "Content-Type: application/json\r\nContent-Length: 100"
        let began = ContinuousClock.now
        let answer = try await Self.withServer(head, body: Array(#"{"price""#.utf8)) {
            await Self.call($0, timeout: .seconds(2))
        }
        #expect(answer == ToolOutput.error("the function took too long"))
        #expect(ContinuousClock.now - began < .seconds(30))
    }

    @Test func `a receiver whose answer stops in the middle is given up in its time`() async throws {
        try await Self.withServer("Transfer-Encoding: chunked", body: Array("1\r\na\r\n".utf8)) { port in
            let client = OutboundClient(try OutboundURL("http://127.0.0.1:\(port)/"), policy: .development)
            await #expect(throws: HTTPClientError.deadlineExceeded) {
                _ = try await client.post([], headers: [], timeout: .seconds(2))
            }
            await client.close()
        }
    }

    @Test(arguments: [
        ("gzip", "H4sIAAAAAAACA6tWKijKTE5VslIyNFJ41LRGqRYAVeb1yRIAAAA="),
        ("deflate", "eJyrViooykxOVbJSMjRSeNS0RqkWADnyBmE="),
    ])
    func `an encoded answer is read, although none is asked for`(encoding: String, base64: String) async throws {
        let body = Self.bytes(base64)
        let head = "Content-Encoding: \(encoding)\r\nContent-Length: \(body.count)"
        #expect(try await Self.withServer(head, body: body) { await Self.call($0) } == #"{"price":"12 €"}"#)
    }

    @Test func `the limit of an answer's size holds for what is decoded`() async throws {
        let body = Self.bytes("H4sIAAAAAAACA+3BMQEAAADCoKzrX8IUfkABAAAAAG8Ddln0TIgTAAA=")
        let head = "Content-Encoding: gzip\r\nContent-Length: \(body.count)"
        let long = try await Self.withServer(head, body: body) { await Self.call($0, most: 4999) }
        #expect(long == ToolOutput.error("the function's answer is too long"))
        let whole = try await Self.withServer(head, body: body) { await Self.call($0, most: 5000) }
        #expect(whole == String(repeating: "a", count: 5000))
    }

    @Test func `an answer that is said to be encoded and has no body is an answer`() async throws {
        let answer = try await Self.withServer("Content-Encoding: gzip\r\nContent-Length: 0") { await Self.call($0) }
        #expect(answer == "")
    }
}
