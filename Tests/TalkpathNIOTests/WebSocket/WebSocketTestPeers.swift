import NIOCore
import NIOPosix
import Synchronization
import TalkpathNIO

/// The calls that a consumer received, in order.
enum ConsumerEvent: Equatable, Sendable {
    case opened
    case text(String)
    case binary([UInt8])
    case writable(Bool)
    case closed(WebSocketClose)
}

/// Records its calls, and echoes messages on request.
final class RecordingConsumer: WebSocketConsumer, Sendable {
    private let continuation: AsyncStream<ConsumerEvent>.Continuation
    private let current = Mutex<WebSocketConnection?>(nil)
    private let reads = Mutex(0)
    private let echoes: Bool
    private let greeting: String?
    private let recordsWritability: Bool
    let events: AsyncStream<ConsumerEvent>

    init(echoes: Bool = false, greeting: String? = nil, recordsWritability: Bool = false) {
        self.recordsWritability = recordsWritability
        self.echoes = echoes
        self.greeting = greeting
        (events, continuation) = AsyncStream.makeStream()
    }

    var connection: WebSocketConnection? { current.withLock { $0 } }
    var readCompletes: Int { reads.withLock { $0 } }

    func opened(_ connection: WebSocketConnection) {
        current.withLock { $0 = connection }
        if let greeting { connection.write(text: greeting) }
        continuation.yield(.opened)
    }

    func received(_ message: RawSpan, isText: Bool) {
        let bytes = message.withUnsafeBytes { Array($0) }
        if echoes { connection?.write(message, binary: !isText) }
        continuation.yield(isText ? .text(String(decoding: bytes, as: UTF8.self)) : .binary(bytes))
    }

    func readComplete() { reads.withLock { $0 += 1 } }

    func writabilityChanged(isWritable: Bool) {
        if recordsWritability { continuation.yield(.writable(isWritable)) }
    }

    func closed(_ close: WebSocketClose) {
        continuation.yield(.closed(close))
        continuation.finish()
    }

    /// The events up to the end, as a list.
    func untilClosed() async -> [ConsumerEvent] {
        var list: [ConsumerEvent] = []
        for await event in events { list.append(event) }
        return list
    }

    /// Waits for the next event.
    func next() async -> ConsumerEvent? {
        var iterator = events.makeAsyncIterator()
        return await iterator.next()
    }

    /// The end of the socket; drops all events before it.
    func close() async -> WebSocketClose? {
        guard case .closed(let close) = await untilClosed().last else { return nil }
        return close
    }
}

extension WebSocketConnection {
    @discardableResult
    func write(text: String) -> Bool { write(text.utf8.span.bytes) }

    @discardableResult
    func write(binary bytes: [UInt8]) -> Bool { write(bytes.span.bytes, binary: true) }

    /// Writes and flushes from a test's thread.
    func send(text: String) async throws {
        try await eventLoop.submit {
            self.write(text: text)
            self.flush()
        }.get()
    }

    func send(binary bytes: [UInt8]) async throws {
        try await eventLoop.submit {
            self.write(binary: bytes)
            self.flush()
        }.get()
    }
}

/// A peer that sends and receives bytes and knows no protocol.
final class RawPeer: Sendable {
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        let continuation: AsyncStream<[UInt8]>.Continuation

        init(_ continuation: AsyncStream<[UInt8]>.Continuation) { self.continuation = continuation }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            continuation.yield(Array(Self.unwrapInboundIn(data).readableBytesView))
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { continuation.finish() }
        }

        func channelInactive(context: ChannelHandlerContext) { continuation.finish() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    let channel: any Channel
    private let chunks: AsyncStream<[UInt8]>
    private let received = Mutex<[UInt8]>([])

    private init(_ channel: any Channel, _ chunks: AsyncStream<[UInt8]>) {
        self.channel = channel
        self.chunks = chunks
    }

    static func connect(port: Int, group: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup) async throws
        -> RawPeer
    {
        let (stream, continuation) = AsyncStream<[UInt8]>.makeStream()
        let channel = try await ClientBootstrap(group: group)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return RawPeer(channel, stream)
    }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// Everything received so far, at least until `isEnough` returns true or the stream ends.
    @discardableResult
    func read(until isEnough: ([UInt8]) -> Bool) async -> [UInt8] {
        var all = received.withLock { $0 }
        if isEnough(all) { return all }
        for await chunk in chunks {
            all += chunk
            received.withLock { $0 = all }
            if isEnough(all) { break }
        }
        return all
    }

    func readText(until text: String) async -> String {
        String(decoding: await read { String(decoding: $0, as: UTF8.self).contains(text) }, as: UTF8.self)
    }

    /// Everything up to the end of the peer's stream.
    func readToEnd() async -> String { String(decoding: await read { _ in false }, as: UTF8.self) }

    func close() async { try? await channel.close() }
}

/// The bytes of a handshake and of frames, for raw peers.
enum RawWebSocket {
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    /// The answer to `key`, from RFC 6455 §1.3.
    static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    static func request(_ target: String = "/", extra: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            + "Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Version: 13\r\n\(extra)\r\n"
    }

    /// One frame with any first byte, masked with a fixed key or unmasked.
    static func frame(_ firstByte: UInt8, _ payload: [UInt8], masked: Bool = true) -> [UInt8] {
        var frame: [UInt8] = [firstByte]
        let maskBit: UInt8 = masked ? 0x80 : 0
        switch payload.count {
        case ...125: frame.append(maskBit | UInt8(payload.count))
        case ...0xFFFF: frame += [maskBit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            frame.append(maskBit | 127)
            frame += stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: payload.count >> $0) }
        }
        guard masked else { return frame + payload }
        let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        return frame + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }

    static func text(_ text: String, masked: Bool = true) -> [UInt8] { frame(0x81, Array(text.utf8), masked: masked) }

    static func close(_ code: UInt16, masked: Bool = true) -> [UInt8] {
        frame(0x88, [UInt8(code >> 8), UInt8(code & 0xFF)], masked: masked)
    }
}
