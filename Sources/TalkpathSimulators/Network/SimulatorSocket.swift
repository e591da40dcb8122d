internal import NIOCore
internal import NIOPosix
internal import NIOWebSocket

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// One end of a WebSocket that can also misbehave: it can vanish, reset the connection, and send raw bytes.
///
/// NIO's own decoder reads the frames, so that independent code judges the other side's framing. Written messages are
/// collected until `flush`. For the channel's event loop only.
final class SimulatorSocket: @unchecked Sendable {
    // Sendable although mutable: all of it is used on the channel's event loop only.

    enum Role { case client, server }

    /// The events of a socket, always on its event loop.
    struct Events: Sendable {
        /// First, before anything was received.
        var opened: @Sendable (SimulatorSocket) -> Void
        var received: @Sendable (SimulatorSocket, [UInt8], _ isText: Bool) -> Void
        /// Last, exactly once.
        var closed: @Sendable (SimulatorSocket, Close) -> Void
    }

    /// The close code: the peer's (1005 without one), our own, or 1006 without a close frame.
    struct Close: Sendable, Equatable {
        var code: Int
        var reason: String
        var isOurs: Bool
    }

    let channel: any Channel
    let role: Role
    let events: Events
    fileprivate var close: Close?
    private var outgoing: ByteBuffer
    private var mask: UInt32 = 0x9E37_79B9
    private(set) var isOpen = true
    /// The delay of the answer to the numbered ping; `nil` for none.
    var pongDelay: ((_ number: Int) -> TimeAmount)?
    private var pings = 0
    /// Called for each answer to a ping.
    var onPong: (() -> Void)?

    init(channel: any Channel, role: Role, events: Events) {
        self.channel = channel
        self.role = role
        self.events = events
        outgoing = channel.allocator.buffer(capacity: 4096)
    }

    /// RFC 6455 §4.2.2.
    static func accept(for key: String) -> String {
        PlainBase64.encode(SHA1.hash(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }

    func install(in pipeline: ChannelPipeline.SynchronousOperations) throws {
        try pipeline.addHandlers([
            ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 32 << 20)),
            SocketHandler(socket: self),
        ])
    }

    /// Appends a message to the bytes that the next `flush` sends.
    func send(_ message: [UInt8], binary: Bool = false) {
        channel.eventLoop.assertInEventLoop()
        guard isOpen else { return }
        message.withUnsafeBytes { append(opcode: binary ? 2 : 1, $0) }
    }

    func ping() {
        guard isOpen else { return }
        [UInt8]().withUnsafeBytes { append(opcode: 9, $0) }
    }

    func flush() {
        channel.eventLoop.assertInEventLoop()
        guard outgoing.readableBytes > 0 else { return }
        channel.writeAndFlush(outgoing, promise: nil)
        outgoing.clear()
    }

    /// Starts the closing handshake. Messages written before it are sent first.
    func close(code: Int, reason: String = "") {
        guard isOpen else { return }
        close = close ?? Close(code: code, reason: reason, isOurs: true)
        appendClose(code: code, reason: reason)
        flush()
        isOpen = false
        let channel = channel
        // Do not wait longer for a peer that does not answer.
        channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    }

    /// Resets the TCP connection, like a peer whose machine has crashed.
    func reset() {
        isOpen = false
        close = close ?? Close(code: 1006, reason: "", isOurs: true)
        channel.reset()
    }

    /// Ends the stream without a close frame.
    func endStream() {
        flush()
        isOpen = false
        close = close ?? Close(code: 1006, reason: "", isOurs: true)
        channel.close(promise: nil)
    }

    /// Stops reading: the kernel's buffers fill up, then the peer's.
    func stopReading() {
        channel.setOption(.autoRead, value: false).whenFailure { _ in }
    }

    /// Sends bytes without framing.
    func sendRaw(_ bytes: [UInt8]) {
        flush()
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    // MARK: Calls from the handler

    fileprivate func received(_ payload: ByteBuffer, opcode: WebSocketOpcode) {
        guard isOpen else { return }
        events.received(self, Array(payload.readableBytesView), opcode == .text)
    }

    fileprivate func pong(_ payload: ByteBuffer) {
        guard let pongDelay else { return answer(ping: payload) }
        channel.eventLoop.scheduleTask(in: pongDelay(pings)) { self.answer(ping: payload) }
        pings += 1
    }

    private func answer(ping payload: ByteBuffer) {
        guard isOpen else { return }
        payload.withUnsafeReadableBytes { append(opcode: 10, $0) }
        flush()
    }

    fileprivate func receivedClose(_ payload: ByteBuffer) {
        var payload = payload
        let code = payload.readInteger(as: UInt16.self)
        close =
            close ?? Close(code: code.map(Int.init) ?? 1005, reason: String(buffer: payload), isOurs: false)
        if isOpen {
            appendClose(code: code.map(Int.init), reason: "")
            flush()
            isOpen = false
        }
        channel.close(promise: nil)
    }

    fileprivate func ended() {
        isOpen = false
        events.closed(self, close ?? Close(code: 1006, reason: "", isOurs: false))
    }

    // MARK: Framing (RFC 6455 §5.2)

    private func appendClose(code: Int?, reason: String) {
        guard let code else { return [UInt8]().withUnsafeBytes { append(opcode: 8, $0) } }
        let payload = [UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)] + reason.utf8.prefix(123)
        payload.withUnsafeBytes { append(opcode: 8, $0) }
    }

    private func append(opcode: UInt8, _ payload: UnsafeRawBufferPointer) {
        let maskBit: UInt8 = role == .client ? 0x80 : 0
        outgoing.writeInteger(0x80 | opcode)
        switch payload.count {
        case ..<126: outgoing.writeInteger(maskBit | UInt8(payload.count))
        case ..<65536:
            outgoing.writeInteger(maskBit | 126)
            outgoing.writeInteger(UInt16(payload.count))
        default:
            outgoing.writeInteger(maskBit | 127)
            outgoing.writeInteger(UInt64(payload.count))
        }
        guard role == .client else {
            outgoing.writeBytes(payload)
            return
        }
        // Xorshift: the mask only has to differ from frame to frame here.
        mask ^= mask << 13
        mask ^= mask >> 17
        mask ^= mask << 5
        let key = mask
        outgoing.writeInteger(key)
        outgoing.writeWithUnsafeMutableBytes(minimumWritableBytes: payload.count) { target in
            for place in 0..<payload.count {
                target[place] = payload[place] ^ UInt8(truncatingIfNeeded: key >> UInt32(24 - 8 * (place & 3)))
            }
            return payload.count
        }
    }
}

private final class SocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame

    private let socket: SimulatorSocket
    private var fragments: (opcode: WebSocketOpcode, data: ByteBuffer)?

    init(socket: SimulatorSocket) {
        self.socket = socket
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        if socket.role == .server, frame.maskKey == nil {
            return socket.close(code: 1002, reason: "frames of a client must be masked")
        }
        switch frame.opcode {
        case .text, .binary:
            if frame.fin {
                socket.received(frame.unmaskedData, opcode: frame.opcode)
            } else {
                fragments = (frame.opcode, frame.unmaskedData)
            }
        case .continuation:
            guard var message = fragments else {
                return socket.close(code: 1002, reason: "a continuation of nothing")
            }
            var data = frame.unmaskedData
            message.data.writeBuffer(&data)
            fragments = frame.fin ? nil : message
            if frame.fin { socket.received(message.data, opcode: message.opcode) }
        case .ping: socket.pong(frame.unmaskedData)
        case .pong: socket.onPong?()
        case .connectionClose: socket.receivedClose(frame.unmaskedData)
        default: socket.close(code: 1002, reason: "unknown opcode")
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        socket.flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        socket.ended()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOWebSocketError { return socket.close(code: 1002, reason: "malformed frame") }
        context.close(promise: nil)
    }
}

extension Channel {
    /// Closes with a TCP reset instead of the usual close.
    func reset() {
        guard let socket = self as? any SocketOptionProvider else { return close(promise: nil) }
        socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in self.close(promise: nil) }
    }
}
