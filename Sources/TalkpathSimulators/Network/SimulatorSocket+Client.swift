internal import NIOCore
internal import NIOPosix
internal import TalkpathAudio

/// The reason why a WebSocket could not be opened.
struct SimulatorSocketError: Error, Sendable, CustomStringConvertible {
    /// The HTTP status instead of 101; `nil` if there was no answer.
    var status: Int?
    var detail: String

    var description: String { status.map { "answered \($0), not 101: \(detail)" } ?? detail }
}

extension SimulatorSocket {
    /// Opens a WebSocket over plain TCP.
    ///
    /// - Parameters:
    ///   - host: the host to connect to.
    ///   - target: path and query of the request line.
    ///   - headers: all headers besides those of the handshake, including `Host`.
    static func connect(
        host: String,
        port: Int,
        target: String,
        headers: [(String, String)],
        on loop: any EventLoop,
        timeout: Duration = .seconds(10),
        events: Events
    ) async throws -> SimulatorSocket {
        let opened = loop.makePromise(of: SimulatorSocket.self)
        let request = Self.request(target: target, headers: headers)
        do {
            let channel = try await ClientBootstrap(group: loop)
                .connectTimeout(.nanoseconds(timeout.wholeNanoseconds))
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            HandshakeHandler(request: request.bytes, key: request.key, opened: opened, events: events)
                        )
                    }
                }
                .connect(host: host, port: port).get()
            loop.scheduleTask(in: .nanoseconds(timeout.wholeNanoseconds)) {
                opened.fail(SimulatorSocketError(status: nil, detail: "no answer to the handshake within \(timeout)"))
            }
            do {
                return try await opened.futureResult.get()
            } catch {
                channel.close(promise: nil)
                throw error
            }
        } catch {
            opened.fail(error)
            throw error
        }
    }

    private static func request(target: String, headers: [(String, String)]) -> (bytes: [UInt8], key: String) {
        let key = PlainBase64.encode((0..<16).map { _ in UInt8.random(in: .min ... .max) })
        var text = "GET \(target) HTTP/1.1\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        text +=
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(key)\r\n\r\n"
        return (Array(text.utf8), key)
    }
}

/// Sends the request, reads the head of the answer, and makes way for the frame decoder.
private final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let headLimit = 16 << 10

    private let request: [UInt8]
    private let key: String
    private let opened: EventLoopPromise<SimulatorSocket>
    private let events: SimulatorSocket.Events
    private var answer = ByteBuffer()

    init(
        request: [UInt8],
        key: String,
        opened: EventLoopPromise<SimulatorSocket>,
        events: SimulatorSocket.Events
    ) {
        self.request = request
        self.key = key
        self.opened = opened
        self.events = events
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        answer.writeBuffer(&bytes)
        let view = answer.readableBytesView
        guard let end = view.firstRange(of: Array("\r\n\r\n".utf8)) else {
            if answer.readableBytes > Self.headLimit { fail(context, status: nil, "an answer without end") }
            return
        }
        let head = String(decoding: view[..<end.lowerBound], as: UTF8.self)
        let rest = ByteBuffer(bytes: view[end.upperBound...])
        finish(context, head: head, rest: rest)
    }

    func channelInactive(context: ChannelHandlerContext) {
        opened.fail(SimulatorSocketError(status: nil, detail: "the connection was closed instead of an answer"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        opened.fail(error)
        context.close(promise: nil)
    }

    private func finish(_ context: ChannelHandlerContext, head: String, rest: ByteBuffer) {
        // Swift treats a CRLF as one character.
        let lines = head.split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, let status = Int(words[1]) else { return fail(context, status: nil, "not HTTP") }
        guard status == 101 else {
            return fail(context, status: status, String(decoding: rest.readableBytesView.prefix(200), as: UTF8.self))
        }
        let accept = lines.dropFirst().first { $0.lowercased().hasPrefix("sec-websocket-accept:") }?
            .split(separator: ":", maxSplits: 1).last?.filter { $0 != " " }
        guard accept == SimulatorSocket.accept(for: key) else {
            return fail(context, status: status, "a wrong Sec-WebSocket-Accept")
        }
        let socket = SimulatorSocket(channel: context.channel, role: .client, events: events)
        do {
            try socket.install(in: context.pipeline.syncOperations)
        } catch {
            return fail(context, status: status, "\(error)")
        }
        events.opened(socket)
        socket.flush()
        opened.succeed(socket)
        if rest.readableBytes > 0 { context.fireChannelRead(NIOAny(rest)) }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    private func fail(_ context: ChannelHandlerContext, status: Int?, _ detail: String) {
        opened.fail(SimulatorSocketError(status: status, detail: detail))
        context.close(promise: nil)
    }
}
