import NIOCore
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// A media socket of an embedder's server, as ``TelephonyBridge`` writes to it.
///
/// The bridge calls both methods on a media thread, which carries many calls: hand the work to your server's own buffer
/// or thread and return at once.
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
    /// The stream's side on one lane.
    private final class Side: Sendable {
        let eventLoop: any EventLoop
        let connection: NIOLoopBoundBox<ForeignConnection?>

        init(_ make: @escaping @Sendable () -> ForeignConnection, on eventLoop: any EventLoop) {
            self.eventLoop = eventLoop
            let box = NIOLoopBoundBox.makeEmptyBox(valueType: ForeignConnection.self, eventLoop: eventLoop)
            connection = box
            eventLoop.execute { box.value = make() }
        }

        func execute(_ body: @escaping @Sendable (ForeignConnection?) -> Void) {
            eventLoop.execute { [connection] in body(connection.value) }
        }
    }

    /// Until the stream's first message has told which call, and so which lane, it is for.
    private struct Undecided {
        var codec = TwilioMediaStreamsCodec()
        /// Messages that were looked at.
        var messages = 0
    }

    private let bridge: MediaBridge
    private let admission: TelephonyAdmission
    private let socket: any ForeignSocket
    private let mayRelay: Bool
    /// The beginning of a stream.
    private let first: Side
    /// The stream from its `start` on.
    private let decided = AtomicLazyReference<Side>()
    private let undecided = Mutex(Undecided())

    private static let mostMessagesBeforeStart = 100

    init(
        bridge: MediaBridge,
        lane: MediaLane? = nil,
        admission: TelephonyAdmission,
        socket: any ForeignSocket,
        mayRelay: Bool = true
    ) {
        self.bridge = bridge
        self.admission = admission
        self.socket = socket
        self.mayRelay = mayRelay
        first = Self.side(on: lane ?? bridge.laneWithMostRoom, bridge, admission, socket)
        if lane != nil || bridge.lanes.count == 1 { _ = decided.storeIfNil(first) }
    }

    private static func side(
        on lane: MediaLane,
        _ bridge: MediaBridge,
        _ admission: TelephonyAdmission,
        _ socket: any ForeignSocket
    ) -> Side {
        let eventLoop = lane.eventLoop
        return Side(
            { ForeignConnection(bridge: bridge, eventLoop: eventLoop, admission: admission, socket: socket) },
            on: eventLoop
        )
    }

    /// Takes one whole text message of the carrier. Returns at once; the bridge handles it on a media thread.
    public func receive(_ message: String) {
        guard let decided = decided.load() else { return receive(Array(message.utf8)) }
        decided.execute { connection in
            var message = message
            message.withUTF8 { connection?.received(RawSpan(_unsafeBytes: UnsafeRawBufferPointer($0)), isText: true) }
            connection?.readComplete()
        }
    }

    /// Takes one whole text message as UTF-8 bytes. Returns at once.
    public func receive(_ message: [UInt8]) {
        side(for: message).execute { connection in
            connection?.received(message.span.bytes, isText: true)
            connection?.readComplete()
        }
    }

    /// The lane's side that takes this message.
    private func side(for message: [UInt8]) -> Side {
        if let decided = decided.load() { return decided }
        return undecided.withLock { undecided in
            if let decided = decided.load() { return decided }
            undecided.messages += 1
            guard undecided.messages <= Self.mostMessagesBeforeStart else { return decided.storeIfNil(first) }
            guard case .started(let start)? = try? undecided.codec.receive(message.span.bytes) else { return first }
            guard let lane = bridge.lane(for: start), lane.eventLoop !== first.eventLoop else {
                return decided.storeIfNil(first)
            }
            first.execute { $0?.leave() }
            return decided.storeIfNil(Self.side(on: lane, bridge, admission, socket))
        }
    }

    /// Tells the call that the socket is closed, whichever side closed it. Further calls have no effect.
    public func closed() {
        (decided.load() ?? first).execute { $0?.closed() }
    }

    // MARK: Relaying

    /// Copies a message and hands it to the call's lane.
    func relay(_ message: RawSpan, isText: Bool) {
        let copy = message.withUnsafeBytes { [UInt8]($0) }
        (decided.load() ?? first).execute { $0?.received(copy.span.bytes, isText: isText) }
    }

    /// The messages of one wake of the socket have been handed over.
    func relayRead() {
        (decided.load() ?? first).execute { $0?.readComplete() }
    }
}

/// A socket on another thread than the call's.
protocol ForeignSocket: Sendable {
    /// Sends the messages of the outbox. Called on the call's lane; must return at once.
    func drain(_ outbox: inout MessageOutbox)
    func close(code: UInt16, reason: String)
}

/// A socket of an embedder's.
struct EmbeddersSocket: ForeignSocket {
    let socket: any MediaSocket

    /// Copies each message into a string, which every server framework can send.
    func drain(_ outbox: inout MessageOutbox) {
        var messages: [String] = []
        outbox.drain { message in
            messages.append(message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
        }
        if !messages.isEmpty { socket.send(messages) }
    }

    func close(code: UInt16, reason: String) { socket.close(code: code, reason: reason) }
}

/// A socket of Talkpath's server whose event loop is not that of the call's lane.
struct RelayedSocket: ForeignSocket {
    private let connection: WebSocketConnection

    init(_ connection: WebSocketConnection) {
        self.connection = connection
    }

    /// Copies the messages of one wake into one buffer and hands it to the socket's event loop.
    func drain(_ outbox: inout MessageOutbox) {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        outbox.drain { message in
            message.withUnsafeBytes { bytes.append(contentsOf: $0) }
            ends.append(bytes.count)
        }
        guard !ends.isEmpty else { return }
        connection.eventLoop.execute { [connection, bytes, ends] in
            var begin = 0
            for end in ends {
                _ = connection.write(bytes.span.bytes.extracting(begin..<end))
                begin = end
            }
            connection.flush()
        }
    }

    func close(code: UInt16, reason: String) {
        connection.eventLoop.execute { [connection] in connection.beginClose(code: code, reason: reason) }
    }
}

/// The lane's side of a socket on another thread. Use on the lane's event loop only.
private final class ForeignConnection: MediaConnection {
    let budget: WebSocketBudget? = .telephony
    let eventLoop: any EventLoop

    private let socket: any ForeignSocket
    private let consumer: TelephonySocket
    private let gone: EventLoopPromise<Void>
    private var frames: RateBucket
    private var bytes: RateBucket
    private var close: WebSocketClose?
    private var isGone = false

    /// Time that the embedder's server has to close a socket; the end of the call does not wait longer.
    private static let closeTimeout = TimeAmount.seconds(2)

    init(bridge: MediaBridge, eventLoop: any EventLoop, admission: TelephonyAdmission, socket: any ForeignSocket) {
        self.eventLoop = eventLoop
        self.socket = socket
        consumer = TelephonySocket(bridge: bridge, admission: admission, mayRelay: false)
        gone = eventLoop.makePromise()
        let now = eventLoop.now
        frames = RateBucket(WebSocketBudget.telephony.frames, at: now)
        bytes = RateBucket(WebSocketBudget.telephony.bytes, at: now)
        consumer.opened(self as any MediaConnection)
    }

    func received(_ message: RawSpan, isText: Bool) {
        guard !isGone, close == nil else { return }
        let now = eventLoop.now
        frames.refill(at: now)
        bytes.refill(at: now)
        guard frames.take(1) else { return overran(.frames) }
        guard bytes.take(message.byteCount) else { return overran(.bytes) }
        consumer.received(message, isText: isText)
    }

    func readComplete() {
        guard !isGone, close == nil else { return }
        consumer.readComplete()
    }

    func closed() {
        guard !isGone else { return }
        isGone = true
        gone.succeed()
        consumer.closed(close ?? WebSocketClose(code: WebSocketCloseCode.abnormal, reason: "", cause: .endOfStream))
    }

    /// The stream goes on on another lane.
    func leave() {
        guard !isGone else { return }
        isGone = true
        gone.succeed()
        consumer.leave()
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
        eventLoop.assumeIsolated().scheduleTask(in: Self.closeTimeout) { self.closed() }
    }
}

/// The telephony leg over a ``ForeignSocket``.
private final class ForeignLeg: LegSink, LegConnection, @unchecked Sendable {
    // Unchecked: `connection` is used on the lane's event loop only.
    private let connection: ForeignConnection
    private let socket: any ForeignSocket
    private let eventLoop: any EventLoop
    private let gone: EventLoopFuture<Void>

    init(_ connection: ForeignConnection, socket: any ForeignSocket, gone: EventLoopFuture<Void>) {
        self.connection = connection
        self.socket = socket
        self.gone = gone
        eventLoop = connection.eventLoop
    }

    func drain(_ outbox: inout MessageOutbox) { socket.drain(&outbox) }

    func close() async {
        eventLoop.execute { self.connection.beginClose(code: WebSocketCloseCode.normal, reason: "") }
        // The promise never fails.
        try? await gone.get()
    }
}
