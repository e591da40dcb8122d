import NIOCore
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// A media socket of an embedder's server, as ``TelephonyBridge`` writes to it.
///
/// The bridge calls both methods on its media thread, which carries every call: hand the work to your server's own
/// buffer or thread and return at once.
public protocol MediaSocket: Sendable {
    /// Sends text messages, in this order, and flushes once: the messages of one wake of the bridge, as a rule one
    /// frame of 20 ms.
    func send(_ messages: [String])

    /// Starts the closing handshake (RFC 6455 §7). Call ``MediaStream/closed()`` once the socket is gone.
    ///
    /// - Parameters:
    ///   - code: 1000, or the code of the fault (§7.4.1).
    ///   - reason: a short sentence for the peer's log; free of numbers and secrets.
    func close(code: UInt16, reason: String)
}

/// A carrier's media stream over a socket of an embedder's server. Made by ``TelephonyBridge``; safe to use from any
/// thread.
///
/// Give it each message of the socket in the order of arrival, and tell it when the socket is gone.
public final class MediaStream: Sendable {
    private let eventLoop: any EventLoop
    private let connection: NIOLoopBoundBox<ForeignConnection?>

    init(bridge: MediaBridge, admission: TelephonyAdmission, socket: any MediaSocket) {
        eventLoop = bridge.eventLoop
        let box = NIOLoopBoundBox.makeEmptyBox(valueType: ForeignConnection.self, eventLoop: bridge.eventLoop)
        connection = box
        eventLoop.execute {
            box.value = ForeignConnection(bridge: bridge, admission: admission, socket: socket)
        }
    }

    /// Takes one whole text message of the carrier. Returns at once; the bridge handles it on its media thread.
    public func receive(_ message: String) {
        eventLoop.execute { [connection] in
            var message = message
            message.withUTF8 { connection.value?.received(RawSpan(_unsafeBytes: UnsafeRawBufferPointer($0))) }
        }
    }

    /// Takes one whole text message as UTF-8 bytes. Returns at once.
    public func receive(_ message: [UInt8]) {
        eventLoop.execute { [connection] in connection.value?.received(message.span.bytes) }
    }

    /// Tells the call that the socket is closed, whichever side closed it. Further calls have no effect.
    public func closed() {
        eventLoop.execute { [connection] in connection.value?.closed() }
    }
}

/// The bridge's side of a ``MediaSocket``. Use on the media event loop only.
private final class ForeignConnection: MediaConnection {
    let budget: WebSocketBudget? = .telephony

    private let bridge: MediaBridge
    private let socket: any MediaSocket
    private let consumer: TelephonySocket
    private let gone: EventLoopPromise<Void>
    private var frames: RateBucket
    private var bytes: RateBucket
    private var close: WebSocketClose?
    private var isGone = false

    /// Time that the embedder's server has to close a socket; the end of the call does not wait longer.
    private static let closeTimeout = TimeAmount.seconds(2)

    init(bridge: MediaBridge, admission: TelephonyAdmission, socket: any MediaSocket) {
        self.bridge = bridge
        self.socket = socket
        consumer = bridge.telephonySocket(admission: admission)
        gone = bridge.eventLoop.makePromise()
        let now = bridge.eventLoop.now
        frames = RateBucket(WebSocketBudget.telephony.frames, at: now)
        bytes = RateBucket(WebSocketBudget.telephony.bytes, at: now)
        consumer.opened(self as any MediaConnection)
    }

    func received(_ message: RawSpan) {
        guard !isGone, close == nil else { return }
        let now = bridge.eventLoop.now
        frames.refill(at: now)
        bytes.refill(at: now)
        guard frames.take(1) else { return overran(.frames) }
        guard bytes.take(message.byteCount) else { return overran(.bytes) }
        consumer.received(message, isText: true)
        consumer.readComplete()
    }

    func closed() {
        guard !isGone else { return }
        isGone = true
        gone.succeed()
        consumer.closed(close ?? WebSocketClose(code: WebSocketCloseCode.abnormal, reason: "", cause: .endOfStream))
    }

    func makeLeg() -> any LegSink & LegConnection { ForeignLeg(self, socket: socket, gone: gone.futureResult) }

    func beginClose(code: UInt16, reason: String) {
        beginClose(WebSocketClose(code: code, reason: reason, cause: .local))
    }

    func overran(_ overrun: WebSocketOverrun) {
        beginClose(
            WebSocketClose(code: WebSocketCloseCode.policyViolation, reason: overrun.words, cause: .overrun(overrun))
        )
    }

    private func beginClose(_ close: WebSocketClose) {
        guard !isGone, self.close == nil else { return }
        self.close = close
        socket.close(code: close.code, reason: close.reason)
        // A server that never calls `closed()` must not keep the call alive.
        bridge.eventLoop.assumeIsolated().scheduleTask(in: Self.closeTimeout) { self.closed() }
    }

    var eventLoop: any EventLoop { bridge.eventLoop }
}

/// The telephony leg over a ``MediaSocket``.
private final class ForeignLeg: LegSink, LegConnection, @unchecked Sendable {
    // Unchecked: `connection` is used on the media event loop only.
    private let connection: ForeignConnection
    private let socket: any MediaSocket
    private let eventLoop: any EventLoop
    private let gone: EventLoopFuture<Void>

    init(_ connection: ForeignConnection, socket: any MediaSocket, gone: EventLoopFuture<Void>) {
        self.connection = connection
        self.socket = socket
        self.gone = gone
        eventLoop = connection.eventLoop
    }

    /// Copies each message into a string, which every server framework can send.
    func drain(_ outbox: inout MessageOutbox) {
        var messages: [String] = []
        outbox.drain { message in
            messages.append(message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
        }
        if !messages.isEmpty { socket.send(messages) }
    }

    func close() async {
        eventLoop.execute { self.connection.beginClose(code: WebSocketCloseCode.normal, reason: "") }
        // The promise never fails.
        try? await gone.get()
    }
}
