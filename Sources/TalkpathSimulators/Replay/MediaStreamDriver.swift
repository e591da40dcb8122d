internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import TalkpathAudio

/// Plays the carrier's side of a recorded call to a live server: a media socket of its own, the recorded messages at
/// their recorded times, and true echoes of the server's own marks.
///
/// ```swift
/// let heard = try await MediaStreamDriver.play(messages, streamSID: "MZ…", to:
/// "ws://127.0.0.1:8080/twilio/media-stream")
/// ```
public actor MediaStreamDriver {
    /// A message of the carrier, and its time since the socket was opened.
    public struct Message: Sendable {
        public var at: Duration
        public var text: [UInt8]

        public init(at: Duration, text: [UInt8]) {
            self.at = at
            self.text = text
        }
    }

    /// The server's messages, and the end of the socket.
    public struct Outcome: Sendable {
        /// The audio from the server, µ-law at 8 kHz, from the socket's opening on.
        public var heard: [UInt8] = []
        public var mediaMessages = 0
        public var marks = 0
        public var clears = 0
        /// Messages that are not part of the protocol.
        public var violations: [String] = []
        /// The code with which the server closed the socket; `nil` if it did not.
        public var closeCode: Int?
        public var sentMessages = 0
    }

    /// The reason why the server could not be reached, in one line.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        public var description: String
    }

    private let loop: any EventLoop
    private let streamSID: String
    private let clock = SimulatorClock()
    private var messages: ArraySlice<Message>
    private var socket: SimulatorSocket?
    private var playout: PlayoutModel?
    private var outcome = Outcome()
    private var sequence = 1_000_000
    private var finished: CheckedContinuation<Outcome, Never>?
    private var isOver = false

    /// The time that the server may take to close after the carrier's `stop`.
    private static let patience = Duration.seconds(5)

    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.executor.asUnownedSerialExecutor() }

    private init(_ messages: [Message], streamSID: String, on loop: any EventLoop) {
        self.messages = messages[...]
        self.streamSID = streamSID
        self.loop = loop
    }

    /// Plays the messages in real time. Returns when the server has closed the socket, or some seconds after the last
    /// message.
    ///
    /// - Parameter url: `ws://host:port/path`.
    /// - Throws: ``Failure`` at once if the server cannot be reached.
    public static func play(_ messages: [Message], streamSID: String, to url: String) async throws -> Outcome {
        guard let parts = PlainURL(url), parts.scheme == "ws" else {
            throw Failure(description: "\(url): give ws://host:port/path; there is no TLS here")
        }
        let driver = MediaStreamDriver(messages, streamSID: streamSID, on: MultiThreadedEventLoopGroup.singleton.next())
        do {
            _ = try await SimulatorSocket.connect(
                host: parts.host,
                port: parts.effectivePort,
                target: parts.requestTarget,
                headers: [("Host", parts.authority), ("User-Agent", "TwilioProxy/1.1")],
                on: driver.loop,
                events: driver.events
            )
        } catch {
            throw Failure(description: "\(url): \(Self.explain(error))")
        }
        return await driver.waitForEnd()
    }

    /// One line, in the network's words.
    private static func explain(_ error: any Error) -> String {
        switch error {
        case let error as SimulatorSocketError: error.description
        case let error as NIOConnectionError where !error.connectionErrors.isEmpty:
            if let refusal = error.connectionErrors[0].error as? IOError {
                "the server cannot be reached: \(String(cString: strerror(refusal.errnoCode)))"
            } else {
                "the server cannot be reached: \(error.connectionErrors[0].error)"
            }
        default: "\(error)"
        }
    }

    private nonisolated var events: SimulatorSocket.Events {
        SimulatorSocket.Events(
            opened: { socket in self.assumeIsolated { $0.begin(socket) } },
            received: { _, message, _ in self.assumeIsolated { $0.take(message) } },
            closed: { _, close in self.assumeIsolated { $0.closed(close) } }
        )
    }

    private func waitForEnd() async -> Outcome {
        if isOver { return outcome }
        return await withCheckedContinuation { finished = $0 }
    }

    private func begin(_ socket: SimulatorSocket) {
        self.socket = socket
        playout = PlayoutModel(start: clock.now())
        tick()
    }

    private func closed(_ close: SimulatorSocket.Close) {
        if !close.isOurs { outcome.closeCode = close.code }
        outcome.heard = playout?.heard ?? []
        isOver = true
        finished?.resume(returning: outcome)
        finished = nil
    }

    // MARK: Time

    private func tick() {
        guard !isOver, let socket, let start = playout?.start else { return }
        let now = clock.now()
        playNow(until: now)
        while let message = messages.first, start + message.at <= now {
            socket.send(message.text)
            outcome.sentMessages += 1
            messages = messages.dropFirst()
        }
        socket.flush()
        if messages.isEmpty, now - start > lastTime + Self.patience { return socket.close(code: 1000) }
        let next = min(playout?.nextFrame ?? now, messages.first.map { start + $0.at } ?? now + .milliseconds(20))
        loop.scheduleTask(deadline: clock.deadline(for: next)) { self.assumeIsolated { $0.tick() } }
    }

    private lazy var lastTime = messages.last?.at ?? .zero

    private func playNow(until now: MonotonicInstant) {
        var echoes: [PlayoutModel.Echo] = []
        playout?.advance(to: now) { _, due in echoes += due }
        for echo in echoes { send(echo) }
    }

    private func send(_ echo: PlayoutModel.Echo) {
        sequence += 1
        let text =
            #"{"event":"mark","sequenceNumber":"\#(sequence)","streamSid":"\#(streamSID)","mark":{"name":"\#(echo.mark)"}}"#
        socket?.send(Array(text.utf8))
    }

    // MARK: The server

    private func take(_ message: [UInt8]) {
        playNow(until: clock.now())
        do throws(MediaStreamMessage.Fault) {
            switch try MediaStreamMessage(message.span.bytes, streamSID: streamSID) {
            case .media(let audio):
                outcome.mediaMessages += 1
                _ = playout?.receive(media: audio)
            case .mark(let name):
                outcome.marks += 1
                if let echo = playout?.receive(mark: name) { send(echo) }
            case .clear:
                outcome.clears += 1
                for echo in playout?.clear() ?? [] { send(echo) }
            }
        } catch {
            outcome.violations.append(error.detail)
        }
        socket?.flush()
    }
}
