import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Moves a connection that is about to become a WebSocket to another event loop: a second descriptor for the same
/// connection is adopted there, and the first one is closed, which leaves the connection open.
///
/// The peer has not been answered yet, so it may not send frames. Bytes that came nevertheless are handed along. Use on the
/// event loop of the old channel.
final class SocketHandOver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// The new channel. Fails if the connection was lost on the way.
    let moved: EventLoopPromise<any Channel>

    private let target: any EventLoop
    private let answer: ByteBuffer
    private let makeHandler: @Sendable (_ readsManually: Bool) -> any ChannelHandler
    private var early = ByteBuffer()
    private var hasEnded = false

    init(
        to target: any EventLoop,
        answer: ByteBuffer,
        makeHandler: @escaping @Sendable (_ readsManually: Bool) -> any ChannelHandler
    ) {
        self.target = target
        self.answer = answer
        self.makeHandler = makeHandler
        moved = target.makePromise()
    }

    /// False where the event loop is the same, for TLS, whose state belongs to its channel, and while earlier answers have
    /// not left.
    static func isPossible(_ context: ChannelHandlerContext, to target: any EventLoop) -> Bool {
        guard target !== context.eventLoop else { return false }
        let pipeline = context.pipeline.syncOperations
        if (try? pipeline.handler(type: NIOSSLServerHandler.self)) != nil { return false }
        let waiting = try? context.channel.syncOptions?.getOption(ChannelOptions.bufferedWritableBytes)
        guard waiting == 0 else { return false }
        return (try? pipeline.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { _ in true }) == true
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = Self.unwrapInboundIn(data)
        early.writeBuffer(&bytes)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { hasEnded = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { hasEnded = true }

    func channelInactive(context: ChannelHandlerContext) { hasEnded = true }

    /// Hands the connection over, with everything that has come so far.
    func go(_ channel: any Channel) {
        let copy = hasEnded || !channel.isActive ? nil : Self.secondDescriptor(of: channel)
        channel.close(promise: nil)
        guard let copy else { return moved.fail(ChannelError.ioOnClosedChannel) }
        let (target, moved, answer, early, makeHandler) = (target, moved, answer, early, makeHandler)
        target.execute {
            ClientBootstrap(group: target)
                .channelOption(.allowRemoteHalfClosure, value: true)
                // Until the handler stands.
                .channelOption(.autoRead, value: false)
                .withConnectedSocket(copy)
                .assumeIsolated()
                .whenComplete { result in
                    do {
                        let channel = try result.get()
                        try Self.begin(channel, makeHandler(false), answer: answer, early: early)
                        moved.succeed(channel)
                    } catch {
                        if case .success(let channel) = result { channel.close(promise: nil) }
                        moved.fail(error)
                    }
                }
        }
    }

    private static func begin(
        _ channel: any Channel,
        _ handler: any ChannelHandler,
        answer: ByteBuffer,
        early: ByteBuffer
    ) throws {
        channel.writeAndFlush(answer, promise: nil)
        try channel.pipeline.syncOperations.addHandler(handler)
        if early.readableBytes > 0 {
            channel.pipeline.syncOperations.fireChannelRead(NIOAny(early))
            channel.pipeline.syncOperations.fireChannelReadComplete()
        }
        try channel.syncOptions?.setOption(ChannelOptions.autoRead, value: true)
    }

    private static func secondDescriptor(of channel: any Channel) -> CInt? {
        let copy = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { fcntl($0, F_DUPFD_CLOEXEC, 0) }
        return copy.flatMap { $0 >= 0 ? $0 : nil }
    }
}
