internal import NIOCore
internal import NIOPosix

/// A WebSocket client without checks of its own, for testing a server with bad input.
///
/// ```swift
/// let socket = try await RawWebSocket.connect("ws://127.0.0.1:8080/twilio/media-stream")
/// await socket.send("{}")
/// let code = await socket.closeCode()
/// ```
public final class RawWebSocket: Sendable {
    /// The server's messages, in order; ends when the socket is closed. For one consumer.
    public let messages: AsyncStream<[UInt8]>
    private let socket: SimulatorSocket
    private let closing: EventLoopFuture<Int>

    /// Opens a socket over plain TCP.
    /// - Parameters:
    ///   - url: `ws://host:port/path`.
    ///   - headers: in addition to those of the handshake; a `Host` replaces the URL's.
    /// - Throws: if the answer is not 101. The error's text holds the status.
    public static func connect(_ url: String, headers: [(name: String, value: String)] = []) async throws
        -> RawWebSocket
    {
        guard let address = PlainURL(url), address.scheme == "ws" else {
            throw SimulatorSocketError(status: nil, detail: "\(url) is no ws URL")
        }
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let (messages, source) = AsyncStream.makeStream(of: [UInt8].self)
        let closed = loop.makePromise(of: Int.self)
        let host = headers.contains { $0.name.lowercased() == "host" } ? [] : [("Host", address.authority)]
        do {
            let socket = try await SimulatorSocket.connect(
                host: address.host,
                port: address.effectivePort,
                target: address.requestTarget,
                headers: host + headers.map { ($0.name, $0.value) },
                on: loop,
                events: .init(
                    opened: { _ in },
                    received: { _, message, _ in source.yield(message) },
                    closed: { _, close in
                        source.finish()
                        closed.succeed(close.code)
                    }
                )
            )
            return RawWebSocket(socket: socket, messages: messages, closing: closed.futureResult)
        } catch {
            source.finish()
            closed.succeed(1006)
            throw error
        }
    }

    private init(socket: SimulatorSocket, messages: AsyncStream<[UInt8]>, closing: EventLoopFuture<Int>) {
        self.socket = socket
        self.messages = messages
        self.closing = closing
    }

    public func send(_ text: String) async { await run { $0.send(Array(text.utf8)) } }

    public func send(binary bytes: [UInt8]) async { await run { $0.send(bytes, binary: true) } }

    /// Sends bytes without any framing.
    public func send(raw bytes: [UInt8]) async { await run { $0.sendRaw(bytes) } }

    /// Sends a ping and waits for the answer. For one task at a time.
    /// - Throws: if the socket is closed instead.
    public func ping() async throws {
        let answered = socket.channel.eventLoop.makePromise(of: Void.self)
        closing.whenComplete { _ in answered.fail(SimulatorSocketError(status: nil, detail: "closed, not answered")) }
        await run { socket in
            socket.onPong = { answered.succeed() }
            socket.ping()
        }
        try await answered.futureResult.get()
    }

    /// Stops reading.
    public func stopReading() async { await run { $0.stopReading() } }

    public func close(code: Int = 1000) async { await run { $0.close(code: code) } }

    /// Ends with a TCP reset.
    public func reset() async { await run { $0.reset() } }

    /// Ends the TCP stream without a close frame.
    public func endStream() async { await run { $0.endStream() } }

    /// Waits until the socket is closed, and returns the close code; 1006 without a close frame.
    public func closeCode() async -> Int {
        // The promise is never failed.
        (try? await closing.get()) ?? 1006
    }

    private func run(_ body: @escaping @Sendable (SimulatorSocket) -> Void) async {
        let socket = socket
        // The loop belongs to the process and is never shut down.
        try? await socket.channel.eventLoop.submit {
            body(socket)
            socket.flush()
        }.get()
    }
}
