package import NIOCore
import NIOSSL
import TalkpathAudio
package import TalkpathCore
import TalkpathWire

/// The socket to a speech model. Everything runs on the call's event loop.
final class AgentSocket: WebSocketConsumer {
    private let session: CallSession
    private let number: AgentSocketID
    private let media: CallMedia
    private let clock: SystemClock
    private let eventLoop: any EventLoop
    /// The media's agent generation while this socket is the call's agent leg.
    private var generation: Int?
    private var connection: WebSocketConnection?
    private var conduct: LegConduct?
    private let overran: @Sendable (WebSocketOverrun) -> Void

    init(
        session: CallSession,
        number: AgentSocketID,
        eventLoop: any EventLoop,
        clock: SystemClock,
        overran: @escaping @Sendable (WebSocketOverrun) -> Void
    ) {
        self.overran = overran
        self.eventLoop = eventLoop
        self.session = session
        self.number = number
        self.clock = clock
        media = session.media.value
    }

    func opened(_ connection: WebSocketConnection) {
        let leg = SocketLeg(connection)
        let isWanted = session.assumeIsolated { [number] in $0.agentSocketOpened(leg, socket: number) }
        guard isWanted else {
            connection.beginClose()
            return
        }
        generation = media.agentGeneration
        self.connection = connection
        conduct = connection.limits.budget.map { LegConduct($0, at: connection.eventLoop.now) }
        conduct?.begin(withFaults: faults)
    }

    private var faults: Int { media.counters.badAgentMessages + media.downlink.counters.badPayloads }

    func received(_ message: RawSpan, isText: Bool) {
        // Vendors differ in the kind of message for the same JSON; for a socket agent, audio comes in binary ones.
        guard media.agentGeneration == generation else { return }
        media.agentReceived(message, isText: isText, at: clock.now)
        if let overrun = conduct?.judge(faults: faults, events: media.events.count, on: eventLoop) {
            connection?.overran(overrun)
        }
        // Passes events on at once, not at the end of the wake, because their order relative to the model's messages
        // matters.
        if !media.events.isEmpty {
            let now = clock.now
            session.assumeIsolated { $0.handleMediaEvents(at: now) }
        }
    }

    func readComplete() {
        media.pump()
        if media.isClearing { media.noteCleared(at: clock.now) }
    }

    func closed(_ close: WebSocketClose) {
        connection = nil
        if case .overrun(let overrun) = close.cause { overran(overrun) }
        let reason = "the model's socket was closed (\(close.code)\(close.reason.isEmpty ? "" : ": \(close.reason)"))"
        // In a later turn of the loop, because the socket may have broken while the session was writing to it.
        eventLoop.execute { [session, number] in
            session.assumeIsolated { $0.agentClosed(socket: number, reason: reason) }
        }
    }
}

/// Judges the address of an agent that a tenant has named, and returns the addresses of its name.
package typealias JudgeOfAgentAddresses =
    @Sendable (_ url: String) async -> Result<[SocketAddress], AgentConnectError>

/// Opens model sockets on the media event loop.
struct SocketAgentConnector: AgentConnector {
    let eventLoop: any EventLoop
    /// The TLS context for `wss`; `nil` verifies against the system's root certificates.
    let tls: NIOSSLContext?
    let clock: SystemClock
    /// Judges the addresses that tenants have named; without it, every address is connected to.
    var judge: JudgeOfAgentAddresses?
    /// Called for each model socket that was closed because the model exceeded its budget.
    let overran: @Sendable (WebSocketOverrun) -> Void

    func connect(
        _ target: WebSocketTarget,
        socket: AgentSocketID,
        timeout: Duration,
        session: CallSession
    ) async throws(AgentConnectError) -> any LegConnection {
        let judged = target.isForeign ? try await judge?(target.url).get() : nil
        do {
            let connection = try await WebSocketClient.connect(
                url: target.url,
                headers: target.headers.map { ($0.name, $0.value) },
                eventLoop: eventLoop,
                tls: tls,
                judged: judged,
                timeout: timeout
            ) { [clock, eventLoop, overran] in
                AgentSocket(session: session, number: socket, eventLoop: eventLoop, clock: clock, overran: overran)
            }
            return SocketLeg(connection)
        } catch {
            throw AgentConnectError(Self.explain(error), isFinal: Self.isFinal(error))
        }
    }

    /// A message without the body of the answer, because the body is the provider's text.
    private static func explain(_ error: WebSocketClientError) -> String {
        "the model's socket could not be opened: \(error.message)"
    }

    private static func isFinal(_ error: WebSocketClientError) -> Bool {
        switch error.code {
        case .invalidURL, .invalidHeader, .tls: true
        case .rejected: (400..<500).contains(error.status ?? 0) && error.status != 429 && error.status != 408
        case .nameResolution, .connectionRefused, .connectionLost, .timedOut, .invalidHandshake, .cancelled: false
        }
    }
}
