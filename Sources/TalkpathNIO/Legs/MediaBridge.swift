package import Logging
package import NIOCore
package import NIOSSL
import TalkpathAudio
package import TalkpathCore
import TalkpathWire

/// The media plane of a process on one event loop: its calls, their sockets and the 20 ms ticker.
package final class MediaBridge: Sendable {
    package let eventLoop: any EventLoop
    package let manager: CallManager
    package let clock = SystemClock()

    private let ticker: FrameTicker
    private let refusalCounters: NIOLoopBoundBox<TelephonyRefusals>
    private let overruns: SocketOverruns
    private let refusalLog = LogLimiter()
    private let logger: Logger

    /// - Parameters:
    ///   - carrier: `nil` if no calls can be placed; then closing the socket is the only way to hang up.
    ///   - agentTLS: the TLS context for models reached over `wss`; `nil` verifies against the system's root
    ///     certificates.
    package init(
        eventLoop: any EventLoop,
        carrier: (any Carrier)?,
        store: any CallStore,
        events: any CallEventSink,
        tools: (any ToolHandler)? = nil,
        toolEndpoints: (any ToolEndpointCaller)? = nil,
        identifiers: any IdentifierSource = SystemIdentifiers(),
        maximumCalls: Int = 10_000,
        agentTLS: NIOSSLContext? = nil,
        instruments: CallInstruments = CallInstruments(),
        logger: Logger,
        captures: (any CaptureSink)? = nil,
        foreignAgents: JudgeOfAgentAddresses? = nil
    ) {
        self.eventLoop = eventLoop
        self.logger = logger
        ticker = FrameTicker(eventLoop: eventLoop) { lateness, missed in
            instruments.ticked(late: lateness)
            if missed > 0 { instruments.missed(ticks: missed) }
        }
        let overruns = SocketOverruns(instruments: instruments, clock: clock, logger: logger)
        self.overruns = overruns
        refusalCounters = NIOLoopBoundBox.makeBoxSendingValue(TelephonyRefusals(), eventLoop: eventLoop)
        var ports = CallSession.Ports(
            carrier: carrier,
            connector: SocketAgentConnector(eventLoop: eventLoop, tls: agentTLS, clock: clock, judge: foreignAgents) {
                overruns.note($0, leg: .agent)
            },
            store: store,
            events: events,
            tools: tools,
            clock: clock,
            logger: logger,
            captures: captures,
            instruments: instruments
        )
        ports.toolEndpoints = toolEndpoints
        manager = CallManager(
            ports: ports,
            identifiers: identifiers,
            executor: eventLoop.executor,
            maximumCalls: maximumCalls
        )
    }

    /// Runs the calls and their clock until the manager has shut down. Call it once.
    package func run() async {
        let entry = ManagerTick(manager: manager)
        let token = try? await eventLoop.submit { self.ticker.register(entry) }.get()
        await manager.run()
        if let token { try? await eventLoop.submit { self.ticker.unregister(token) }.get() }
    }

    /// Makes the consumer for one media socket. Call it on the event loop.
    package func telephonySocket(admission: TelephonyAdmission) -> TelephonySocket {
        TelephonySocket(bridge: self, admission: admission)
    }

    /// Counts of the media sockets that never got a call.
    package func refusals() async throws -> TelephonyRefusals {
        try await eventLoop.submit { self.refusalCounters.value }.get()
    }

    /// The punctuality of the 20 ms clock since the last call of this method, or since the clock started.
    package func takePunctuality() async throws -> FrameTicker.Punctuality {
        try await eventLoop.submit { self.ticker.takePunctuality() }.get()
    }

    func refused(_ reason: TelephonyRefusals.Reason) {
        refusalCounters.value.count(reason)
    }

    /// Counts and logs a leg's socket that was closed because its peer exceeded its budget.
    func overran(_ overrun: WebSocketOverrun, leg: SocketOverruns.Leg) { overruns.note(overrun, leg: leg) }

    /// Logs a media socket that is closed without a call.
    ///
    /// - Parameter words: a sentence of our own, with nothing from the peer in it.
    func tell(refusal words: String) {
        let now = clock.now
        refusalLog.log(words, at: now) { repeats in
            logger.warning(
                "A media socket without a call was closed",
                metadata: ["reason": "\(words)", "unreported": "\(repeats)"]
            )
        }
    }

    /// Finds or makes the call that a stream belongs to. Call it on the event loop.
    func session(
        for start: TelephonyStreamStart,
        _ admission: TelephonyAdmission
    ) throws(StreamRefusal) -> CallSession {
        let result: Result<CallSession, StreamRefusal> = manager.assumeIsolated { manager in
            do throws(StreamRefusal) {
                if let token = start.parameters["token"] {
                    return .success(try manager.spendStreamToken(token, carrierCallID: start.carrierCallID))
                }
                guard case .open(let makeCall) = admission else { return .failure(.withoutToken) }
                let accepted = try? manager.session(manager.accept(makeCall(start)))
                return accepted.map { .success($0) } ?? .failure(.notAccepted)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

/// Forwards the ticks to the manager.
private final class ManagerTick: FrameTickerEntry, Sendable {
    private let manager: CallManager

    init(manager: CallManager) {
        self.manager = manager
    }

    func tick(at now: MonotonicInstant) {
        manager.assumeIsolated { $0.tick(at: now) }
    }
}
