import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import TalkpathNIO

/// Outgoing connections through a proxy.
@Suite(.timeLimit(.minutes(5))) struct OutboundProxyTests {
    @Test(
        arguments: [
            ("http://proxy.test:3128", "proxy.test", 3128, nil), ("proxy.test", "proxy.test", 80, nil),
            ("http://me:se%40cret@10.0.0.1:8080/", "10.0.0.1", 8080, "me:se@cret"), ("http://[::1]:9", "::1", 9, nil),
        ] as [(String, String, Int, String?)]
    )
    func `every form of a proxy address is parsed`(text: String, host: String, port: Int, credentials: String?) {
        let proxy = OutboundProxy(["HTTPS_PROXY": text])
        let server = proxy.server(for: "api.example.com", port: 443)
        #expect(server == .init(host: host, port: port, credentials: credentials) && proxy.flaw == nil)
        var shown = "\(server as Any)"
        dump(server, to: &shown)
        #expect(!shown.contains("cret"))
    }

    @Test(arguments: ["https://proxy.test:443", "socks5://proxy.test", "http://proxy.test:0", "http://", "a b"])
    func `an invalid proxy address is reported by its variable`(text: String) {
        #expect(OutboundProxy(["https_proxy": text]).flaw == "HTTPS_PROXY")
    }

    @Test(arguments: [
        ("api.example.com", 443, true), ("example.org", 443, false), ("a.b.example.org", 443, false),
        ("anexample.org", 443, true), ("only.port.test", 8443, false), ("only.port.test", 443, true),
        ("10.1.2.3", 443, false), ("localhost", 443, false), ("127.0.0.1", 443, false), ("::1", 443, false),
    ])
    func `hosts in NO_PROXY and this machine are reached directly`(host: String, port: Int, isProxied: Bool) {
        let proxy = OutboundProxy([
            "HTTPS_PROXY": "http://proxy.test:3128", "NO_PROXY": ".example.org, only.port.test:8443,10.1.2.3",
        ])
        #expect((proxy.server(for: host, port: port) != nil) == isProxied)
        #expect(OutboundProxy(["HTTPS_PROXY": "http://p:1", "no_proxy": "*"]).server(for: host, port: port) == nil)
        #expect(OutboundProxy([:]).server(for: host, port: port) == nil)
    }

    /// Gives every client the same answer, and records the requests.
    private final class Proxy: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let answer: String
        private let asked: AsyncStream<String>.Continuation

        init(_ answer: String, _ asked: AsyncStream<String>.Continuation) {
            self.answer = answer
            self.asked = asked
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Self.unwrapInboundIn(data)
            asked.yield(String(decoding: bytes.readableBytesView, as: UTF8.self))
            context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        }
    }

    @Test(arguments: [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", WebSocketClientError.Code.connectionLost,
            "it answered 407"
        ),
        ("nonsense\r\n\r\n", .connectionLost, "its answer is not HTTP"),
        // The tunnel is open, so TLS begins at once, but the peer does not speak TLS.
        ("HTTP/1.1 200 Connection established\r\n\r\n", .tls, "does not speak TLS"),
    ])
    func `a model is requested through the proxy`(answer: String, code: WebSocketClientError.Code, words: String)
        async throws
    {
        let (requests, asked) = AsyncStream.makeStream(of: String.self)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Proxy(answer, asked))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)
        await #expect {
            _ = try await WebSocketClient.connect(
                url: "wss://model.test/v1/realtime",
                eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                proxy: OutboundProxy(["HTTPS_PROXY": "http://me:pw@127.0.0.1:\(port)"]),
                makeConsumer: { RecordingConsumer() }
            )
        } throws: { error in
            let error = error as? WebSocketClientError
            return error?.code == code && error?.message.contains(words) == true
        }
        let request = try #require(await requests.first { _ in true })
        #expect(request.hasPrefix("CONNECT model.test:443 HTTP/1.1\r\nHost: model.test:443\r\n"))
        #expect(request.contains("Proxy-Authorization: Basic bWU6cHc=\r\n"))
        try await listener.close()
    }
}
