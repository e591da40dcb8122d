package import Logging
package import NIOCore
package import NIOSSL
import Synchronization
import TalkpathAudio
package import TalkpathCore
import TalkpathWire

/// The media plane of a process: its lanes, each an event loop with calls, their sockets and a 20 ms ticker of its own.
package final class MediaBridge: Sendable {
    package let lanes: [MediaLane]
    package let manager: CallManager
    package let clock = SystemClock()

    private let refusalCounters = Mutex(TelephonyRefusals())
    private let overruns: SocketOverruns
    private let instruments: CallInstruments
    private let refusalLog = LogLimiter()
    private let logger: Logger

    /// - Parameters:
    ///   - eventLoops: a lane for each of them.
    ///   - carrier: `nil` if no calls can be placed; then closing the socket is the only way to hang up.
    ///   - maximumCalls: on all lanes together.
    ///   - agents: the agents of this process, by name.
    ///   - agentTLS: the TLS context for models reached over `wss`; `nil` verifies against the system's root
    ///     certificates.
    package init(
        eventLoops: [any EventLoop],
        carrier: (any Carrier)?,
        store: any CallStore,
        events: any CallEventSink,
        tools: (any ToolHandler)? = nil,
        agents: [String: any InProcessAgent] = [:],
        toolEndpoints: (any ToolEndpointCaller)? = nil,
        identifiers: any IdentifierSource = SystemIdentifiers(),
        maximumCalls: Int = 10_000,
        agentTLS: NIOSSLContext? = nil,
        instruments: CallInstruments = CallInstruments(),
        logger: Logger,
        captures: (any CaptureSink)? = nil,
        foreignAgents: JudgeOfAgentAddresses? = nil,
        prices: PriceTable? = nil
    ) {
        precondition(!eventLoops.isEmpty, "calls need a lane")
        self.logger = logger
        self.instruments = instruments
        let clock = clock
        let overruns = SocketOverruns(instruments: instruments, clock: clock, logger: logger)
        self.overruns = overruns
        let manager = CallManager(
            lanes: eventLoops.map(\.executor),
            identifiers: identifiers,
            maximumCalls: maximumCalls,
            asker: eventLoops.count > 1 ? BoundedAsker() : PatientAsker()
        ) { lane in
            let eventLoop = eventLoops[lane]
            let connectors = AgentConnectors(
                sockets: SocketAgentConnector(eventLoop: eventLoop, tls: agentTLS, clock: clock, judge: foreignAgents) {
                    overruns.note($0, leg: .agent)
                },
                inProcess: InProcessConnector(
                    agents: agents,
                    eventLoop: eventLoop,
                    clock: clock,
                    instruments: instruments,
                    logger: logger
                )
            )
            var ports = CallSession.Ports(
                carrier: carrier,
                connector: connectors,
                store: store,
                events: events,
                tools: tools,
                clock: clock,
                logger: logger,
                captures: captures,
                instruments: instruments
            )
            ports.toolEndpoints = toolEndpoints
            ports.prices = prices
            return ports
        }
        self.manager = manager
        lanes = eventLoops.indices.map { index in
            let eventLoop = eventLoops[index]
            let load = NIOLoopBoundBox.makeBoxSendingValue(LaneLoad(), eventLoop: eventLoop)
            let ticker = FrameTicker(eventLoop: eventLoop) { lateness, missed in
                instruments.ticked(late: lateness)
                if missed > 0 { instruments.missed(ticks: missed) }
                load.value.ticked(late: lateness)
            }
            return MediaLane(eventLoop: eventLoop, calls: manager.lanes[index], ticker: ticker, load: load)
        }
    }

    /// Runs the calls and their clocks until the manager has shut down. Call it once.
    package func run() async {
        var clocks: [(MediaLane, FrameTicker.Token)] = []
        for lane in lanes {
            if let token = await lane.start() { clocks.append((lane, token)) }
        }
        await manager.run()
        for (lane, token) in clocks { await lane.stop(token) }
    }

    /// Makes the consumer for one media socket. It may be used on any event loop: that of the call's lane saves a hop.
    package func telephonySocket(admission: TelephonyAdmission) -> TelephonySocket {
        TelephonySocket(bridge: self, admission: admission)
    }

    /// Counts of the media sockets that never got a call.
    package var refusals: TelephonyRefusals { refusalCounters.withLock { $0 } }

    /// The punctuality of the 20 ms clocks since the last call of this method, or since the clocks started.
    package func takePunctuality() async throws -> FrameTicker.Punctuality {
        var all = FrameTicker.Punctuality()
        for lane in lanes { all.add(try await lane.takePunctuality()) }
        return all
    }

    func refused(_ reason: TelephonyRefusals.Reason) {
        refusalCounters.withLock { $0.count(reason) }
    }

    /// Counts a media socket that got no call, in the metrics.
    package func refused(_ reason: MediaRefusal) { instruments.refused(reason) }

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

    // MARK: Lanes

    /// The lane of a live call. Any thread may ask.
    package func lane(of call: CallID) -> MediaLane? { manager.directory.lane(of: call).map { lanes[$0] } }

    /// The lane for the next call. Any thread may ask.
    package var laneWithMostRoom: MediaLane { lanes[manager.directory.laneWithMostRoom(at: clock.now)] }

    /// The lane of the call that a stream is for; `nil` where it is for none that is known. Any thread may ask.
    func lane(for start: TelephonyStreamStart) -> MediaLane? {
        let directory = manager.directory
        if let token = start.parameters["token"] {
            return directory.seat(token: token, at: clock.now).map { lanes[$0.lane] }
        }
        guard !start.carrierCallID.isEmpty else { return nil }
        return directory.call(carrierCallID: start.carrierCallID).flatMap(lane(of:))
    }

    /// The place of a media socket's call.
    enum CallPlace {
        /// On the lane of the event loop that asks.
        case here(CallSession)
        /// On another lane, or on one, where the event loop that asks is none.
        case elsewhere(MediaLane)
    }

    /// Finds or makes the call that a stream belongs to, if it is on the lane of this event loop.
    ///
    /// - Parameter eventLoop: the loop of the media socket, which calls this.
    func place(
        for start: TelephonyStreamStart,
        _ admission: TelephonyAdmission,
        on eventLoop: any EventLoop
    ) throws(StreamRefusal) -> CallPlace {
        let own = lanes.first { $0.eventLoop === eventLoop }
        if let token = start.parameters["token"] {
            guard let seat = manager.directory.seat(token: token, at: clock.now) else { throw .unknownToken }
            guard let own, own.index == seat.lane else { return .elsewhere(lanes[seat.lane]) }
            return .here(try own.session(token, carrierCallID: start.carrierCallID))
        }
        guard case .open(let makeCall) = admission else { throw .withoutToken }
        let call = makeCall(start)
        if let known = call.carrierCallID.flatMap(manager.directory.call(carrierCallID:)),
            let lane = manager.directory.lane(of: known), lane != own?.index
        {
            return .elsewhere(lanes[lane])
        }
        guard let own else { return .elsewhere(laneWithMostRoom) }
        guard let session = own.accept(call) else { throw .notAccepted }
        return .here(session)
    }
}

extension MediaLane {
    fileprivate func session(_ token: String, carrierCallID: String) throws(StreamRefusal) -> CallSession {
        let result: Result<CallSession, StreamRefusal> = calls.assumeIsolated { calls in
            do throws(StreamRefusal) {
                return .success(try calls.spendStreamToken(token, carrierCallID: carrierCallID))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    fileprivate func accept(_ call: InboundCall) -> CallSession? {
        calls.assumeIsolated { calls in
            (try? calls.accept(call)).flatMap { calls.session($0) }
        }
    }
}

extension FrameTicker.Punctuality {
    /// Counts another clock's ticks as well.
    mutating func add(_ other: Self) {
        ticks += other.ticks
        missed += other.missed
        maximumLateness = max(maximumLateness, other.maximumLateness)
        totalLateness += other.totalLateness
    }
}
