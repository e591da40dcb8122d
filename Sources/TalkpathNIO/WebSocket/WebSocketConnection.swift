package import NIOCore
import Synchronization

/// One open WebSocket.
///
/// Write on the channel's event loop only. `close`, `drop`, `isOpen` and the identity are safe from any thread.
///
/// Messages are collected and sent together by `flush`, which runs by itself at the end of a read. Code that writes at
/// another time, such as a frame ticker, must call it.
package final class WebSocketConnection: @unchecked Sendable {
    // Sendable although mutable: the mutable state below is accessed on `eventLoop` only, which the methods check in
    // debug builds. A lock for every written frame would cost time and protect nothing.

    /// Unique in this process.
    package let id: UInt64
    package let eventLoop: any EventLoop
    package let remoteAddress: SocketAddress?
    package let role: WebSocketRole
    package let limits: WebSocketLimits

    private let channel: any Channel
    private let open = Atomic<Bool>(true)

    // MARK: State of the event loop

    private enum Phase {
        case open
        /// We sent our close frame and wait for the peer's.
        case closing
        /// Both close frames were exchanged. The server ends the stream; the client waits for that.
        case closed
        /// The peer broke the rules or is gone: all its further input is discarded.
        case failed
        /// The channel is closed.
        case ended
    }

    private enum Timer {
        /// Nothing arrived for a while: send a ping.
        case ping
        /// The ping was not answered.
        case pong
        /// The closing handshake takes too long.
        case close
    }

    private static let nextID = Atomic<UInt64>(1)
    /// The most memory, in bytes, that the outgoing buffer keeps between writes.
    private static let keptCapacity = 64 << 10

    private var phase = Phase.open
    private var result: WebSocketClose?
    private var context: ChannelHandlerContext?
    private var outgoing: ByteBuffer
    private var maskingKeys = WebSocketMaskingKeys()
    private var armed: (timer: Timer, callback: NIOScheduledCallback)?
    private var lastInbound: NIODeadline
    private var heldPong: [UInt8]?
    private var controlWindowStart: NIODeadline
    private var controlFramesInWindow = 0
    private var frameBucket: RateBucket?
    private var byteBucket: RateBucket?

    init(context: ChannelHandlerContext, role: WebSocketRole, limits: WebSocketLimits) {
        self.id = Self.nextID.add(1, ordering: .relaxed).oldValue
        self.eventLoop = context.eventLoop
        self.channel = context.channel
        self.remoteAddress = context.remoteAddress
        self.role = role
        self.limits = limits
        self.context = context
        self.outgoing = context.channel.allocator.buffer(capacity: 1024)
        self.lastInbound = context.eventLoop.now
        self.controlWindowStart = lastInbound
        if let budget = limits.budget {
            frameBucket = RateBucket(budget.frames, at: lastInbound)
            byteBucket = RateBucket(budget.bytes, at: lastInbound)
        }
        armKeepAlive()
    }

    // MARK: From any thread

    /// True while messages may be written; false from the first sign of an ending on.
    package var isOpen: Bool { open.load(ordering: .relaxed) }

    /// Does the closing handshake, for at most `WebSocketLimits.closeTimeout`, and returns when the channel is closed.
    ///
    /// Messages written before still go out first. A second call, or one on a socket that is closing already, only
    /// waits and changes neither code nor reason. Cancelling the caller's task does not cut it short.
    ///
    /// - Parameters:
    ///   - code: a code that RFC 6455 §7.4 lets an endpoint send.
    ///   - reason: a text for the peer's log; cut at 123 bytes.
    package func close(code: UInt16 = WebSocketCloseCode.normal, reason: String = "") async {
        if eventLoop.inEventLoop {
            beginClose(code: code, reason: reason)
        } else {
            eventLoop.execute { self.beginClose(code: code, reason: reason) }
        }
        // The close future cannot fail.
        try? await channel.closeFuture.get()
    }

    /// Drops the connection at once, without a close frame. For simulated network trouble, and for misbehaving peers.
    package func drop() async {
        eventLoop.execute {
            self.end(as: WebSocketClose(code: WebSocketCloseCode.abnormal, reason: "dropped", cause: .local))
        }
        try? await channel.closeFuture.get()
    }

    // MARK: On the event loop

    /// Stops or resumes reading from the kernel. The peer notices when the buffers are full. Keep-alive goes on, so a
    /// long pause ends the connection. For simulated network trouble; not for sockets that were upgraded from HTTP
    /// routes.
    package func setReading(_ isReading: Bool) {
        eventLoop.assertInEventLoop()
        try? channel.syncOptions?.setOption(ChannelOptions.autoRead, value: isReading)
    }

    /// Appends one message to those that the next `flush` sends. Copies the bytes; allocates only when the buffer must
    /// grow.
    ///
    /// - Returns: false if the socket is not open, or if the message exceeds the buffer limit because the peer does not
    ///   read; the connection is then dropped.
    @discardableResult
    package func write(_ message: RawSpan, binary: Bool = false) -> Bool {
        eventLoop.assertInEventLoop()
        guard case .open = phase else { return false }
        guard hasRoom(for: message.byteCount) else {
            end(as: WebSocketClose(code: WebSocketCloseCode.abnormal, reason: "", cause: .peerDoesNotRead))
            return false
        }
        append(binary ? .binary : .text, message)
        return true
    }

    /// Hands the written messages to the kernel, in one write.
    package func flush() {
        eventLoop.assertInEventLoop()
        guard outgoing.readableBytes > 0, let context else { return }
        context.writeAndFlush(NIOAny(outgoing), promise: nil)
        // The kernel has nearly always taken everything by now, so `clear` finds the storage unshared and keeps it.
        if outgoing.storageCapacity > Self.keptCapacity {
            outgoing = context.channel.allocator.buffer(capacity: 1024)
        } else {
            outgoing.clear()
        }
    }

    /// Bytes written that the kernel has not taken.
    package var bufferedBytes: Int {
        eventLoop.assertInEventLoop()
        return outgoing.readableBytes + channelBufferedBytes
    }

    /// Starts the closing handshake and returns at once: the form of `close` for callers on the event loop.
    package func beginClose(code: UInt16 = WebSocketCloseCode.normal, reason: String = "") {
        beginClose(WebSocketClose(code: code, reason: reason, cause: .local))
    }

    func beginClose(_ close: WebSocketClose) {
        eventLoop.assertInEventLoop()
        guard case .open = phase else { return }
        leaveOpen(phase: .closing, result: close)
        appendCloseFrame(code: close.code, reason: close.reason)
        flush()
    }

    // MARK: For the handler

    /// True while frames still matter.
    var acceptsFrames: Bool {
        switch phase {
        case .open, .closing: true
        case .closed, .failed, .ended: false
        }
    }

    /// True while messages still matter: not after our own close frame.
    var deliversMessages: Bool {
        if case .open = phase { true } else { false }
    }

    func received(bytes count: Int) {
        lastInbound = eventLoop.now
        frameBucket?.refill(at: lastInbound)
        byteBucket?.refill(at: lastInbound)
        if byteBucket?.take(count) == false { overran(.bytes) }
    }

    /// Counts the start of a message's frame, after its bytes have been counted.
    func beganFrame() {
        if frameBucket?.take(1) == false { overran(.frames) }
    }

    /// Closes with 1008, because the peer sends more than the thread of all calls can afford.
    func overran(_ overrun: WebSocketOverrun) {
        fail(WebSocketFailure(WebSocketCloseCode.policyViolation, overrun.words), cause: .overrun(overrun))
    }

    func receivedPing(_ payload: RawSpan) {
        guard countControlFrame(), case .open = phase else { return }
        if channel.isWritable {
            append(.pong, payload)
        } else {
            // The peer does not read, so only the latest ping still needs an answer (RFC 6455 §5.5.3).
            heldPong = payload.withUnsafeBytes { Array($0) }
        }
    }

    func receivedPong() {
        _ = countControlFrame()
    }

    func becameWritable() {
        guard case .open = phase, let pong = heldPong else { return }
        heldPong = nil
        append(.pong, pong.span.bytes)
        flush()
    }

    func receivedClose(code: UInt16, reason: String) {
        switch phase {
        case .open:
            leaveOpen(phase: .closed, result: WebSocketClose(code: code, reason: reason, cause: .peer))
            appendCloseFrame(code: code, reason: "")
            flush()
            endStreamAsServer()
        case .closing:
            phase = .closed
            endStreamAsServer()
        case .closed, .failed, .ended:
            break
        }
    }

    /// The peer broke a rule: sends a close frame and nothing more, and waits a moment for the peer to go, so that a
    /// reset does not destroy our close frame.
    func fail(_ failure: WebSocketFailure, cause: WebSocketClose.Cause = .protocolError) {
        switch phase {
        case .open:
            let close = WebSocketClose(code: failure.code, reason: failure.reason, cause: cause)
            leaveOpen(phase: .failed, result: close)
            appendCloseFrame(code: failure.code, reason: failure.reason)
            flush()
            context?.close(mode: .output, promise: nil)
        case .closing:
            phase = .failed
            context?.close(mode: .output, promise: nil)
        case .closed, .failed, .ended:
            break
        }
    }

    /// Ends the connection, because the peer's stream ended.
    func receivedEndOfStream() {
        end(as: WebSocketClose(code: WebSocketCloseCode.abnormal, reason: "", cause: .endOfStream))
    }

    func receivedError(_ error: any Error) {
        end(as: WebSocketClose(code: WebSocketCloseCode.abnormal, reason: "\(error)", cause: .reset))
    }

    /// Records that the channel is closed, and releases it.
    func ended() -> WebSocketClose {
        let close = result ?? WebSocketClose(code: WebSocketCloseCode.abnormal, reason: "", cause: .endOfStream)
        open.store(false, ordering: .relaxed)
        phase = .ended
        result = close
        disarm()
        context = nil
        return close
    }

    // MARK: Inside

    private func append(_ opcode: WebSocketOpcode, _ payload: RawSpan) {
        let mask: UInt32? = role == .client ? maskingKeys.next() : nil
        payload.withUnsafeBytes { outgoing.writeWebSocketFrame(opcode, $0, mask: mask) }
    }

    private func appendCloseFrame(code: UInt16, reason: String) {
        guard code != WebSocketCloseCode.noStatus else { return append(.close, RawSpan()) }
        var payload: [UInt8] = [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)]
        // A control frame holds 125 bytes; cut between characters.
        for character in reason.unicodeScalars {
            let bytes = UTF8.encode(character)!
            guard payload.count + bytes.count <= 125 else { break }
            payload.append(contentsOf: bytes)
        }
        append(.close, payload.span.bytes)
    }

    private func hasRoom(for count: Int) -> Bool {
        let waiting = outgoing.readableBytes + count
        // A writable channel holds less than NIO's high-water mark of 64 KiB, so this does not ask for the exact
        // number.
        if channel.isWritable { return waiting <= limits.maximumBufferedBytes }
        return waiting + channelBufferedBytes <= limits.maximumBufferedBytes
    }

    private var channelBufferedBytes: Int {
        (try? channel.syncOptions?.getOption(ChannelOptions.bufferedWritableBytes)) ?? 0
    }

    /// Returns false if the peer sends more pings and pongs in a second than the limits allow.
    private func countControlFrame() -> Bool {
        let now = eventLoop.now
        if now - controlWindowStart >= .seconds(1) {
            controlWindowStart = now
            controlFramesInWindow = 0
        }
        controlFramesInWindow += 1
        guard controlFramesInWindow > limits.maximumControlFramesPerSecond else { return true }
        fail(WebSocketFailure(WebSocketCloseCode.policyViolation, "too many pings"))
        return false
    }

    /// Every way out of `.open` goes through this method.
    private func leaveOpen(phase: Phase, result: WebSocketClose) {
        self.phase = phase
        self.result = result
        heldPong = nil
        open.store(false, ordering: .relaxed)
        arm(.close, at: eventLoop.now + TimeAmount(limits.closeTimeout))
    }

    private func endStreamAsServer() {
        guard role == .server else { return }
        context?.close(promise: nil)
    }

    /// Drops the connection without a close frame. Works below TLS, because TLS's `close_notify` would wait for the
    /// peer.
    private func end(as close: WebSocketClose) {
        switch phase {
        case .open: leaveOpen(phase: .failed, result: close)
        case .closing, .closed, .failed: phase = .failed
        case .ended: return
        }
        dropTransport()
    }

    private func dropTransport() {
        guard let context else { return }
        if let transport = try? context.pipeline.syncOperations.handler(type: TransportHandle.self) {
            transport.drop()
        } else {
            context.close(promise: nil)
        }
    }
}

// MARK: Timers

extension WebSocketConnection: NIOScheduledCallbackHandler {
    package func handleScheduledCallback(eventLoop: some EventLoop) {
        guard let timer = armed?.timer else { return }
        armed = nil
        switch timer {
        case .ping: pingIfSilent()
        case .pong:
            if silence < TimeAmount(limits.pongTimeout) {
                armKeepAlive()
            } else if limits.countsTakenBytesAsLife, bufferedBytes == 0 {
                arm(.ping, at: eventLoop.now + TimeAmount(limits.pingInterval ?? limits.pongTimeout))
            } else {
                end(as: WebSocketClose(code: WebSocketCloseCode.abnormal, reason: "", cause: .timedOut))
            }
        case .close: dropTransport()
        }
    }

    private var silence: TimeAmount { eventLoop.now - lastInbound }

    private func armKeepAlive() {
        guard let interval = limits.pingInterval else { return }
        arm(.ping, at: lastInbound + TimeAmount(interval))
    }

    private func pingIfSilent() {
        guard case .open = phase, let interval = limits.pingInterval else { return }
        guard silence >= TimeAmount(interval) else { return armKeepAlive() }
        append(.ping, RawSpan())
        flush()
        arm(.pong, at: eventLoop.now + TimeAmount(limits.pongTimeout))
    }

    private func arm(_ timer: Timer, at deadline: NIODeadline) {
        disarm()
        // Fails only on a loop that is shut down, which closes its channels.
        guard let callback = try? eventLoop.scheduleCallback(at: deadline, handler: self) else { return }
        armed = (timer, callback)
    }

    private func disarm() {
        armed?.callback.cancel()
        armed = nil
    }
}

/// Stands before TLS in the pipeline, so that a connection can be dropped without TLS's `close_notify`, which would
/// wait for the peer.
final class TransportHandle: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func drop() { context?.close(promise: nil) }
}
