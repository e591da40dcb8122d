package import TalkpathAudio
import TalkpathWire

/// The calls that share one thread, for their whole life: their telephony sockets, the models' sockets, the sessions
/// and the 20 ms ticker, which reach each other without a hop.
///
/// ``CallManager`` stands in front of all lanes of a process. Which call is where, the ``LaneDirectory`` knows.
package actor CallLane {
    package nonisolated let index: Int
    package nonisolated let executor: any SerialExecutor
    package nonisolated let directory: LaneDirectory
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private nonisolated let ports: CallSession.Ports
    private nonisolated let identifiers: any IdentifierSource

    /// In the order of their beginning; the ticker visits them.
    private var ticking: [CallSession] = []
    private var isDraining = false
    private var ticks = 0

    /// Once a second the calls' counts are told to the instruments.
    private static let ticksPerReport = 50

    private let newcomers: AsyncStream<CallSession>
    private let newcomerQueue: AsyncStream<CallSession>.Continuation

    /// - Parameter index: the lane's number in the directory.
    package init(
        ports: CallSession.Ports,
        identifiers: any IdentifierSource,
        executor: any SerialExecutor,
        directory: LaneDirectory,
        index: Int
    ) {
        var ports = ports
        ports.events = EndNoticingSink(directory: directory, next: ports.events)
        self.ports = ports
        self.identifiers = identifiers
        self.executor = executor
        self.directory = directory
        self.index = index
        (newcomers, newcomerQueue) = AsyncStream.makeStream()
    }

    /// A lane with a directory of its own: all calls of a world that has one thread.
    package init(
        ports: CallSession.Ports,
        identifiers: any IdentifierSource,
        executor: any SerialExecutor,
        maximumCalls: Int = 10_000
    ) {
        self.init(
            ports: ports,
            identifiers: identifiers,
            executor: executor,
            directory: LaneDirectory(lanes: 1, maximumCalls: maximumCalls, instruments: ports.instruments),
            index: 0
        )
    }

    // MARK: Life

    /// Runs the calls, until ``shutDown(mode:)`` has ended the last one. Must be called once.
    ///
    /// Cancelling it abandons the calls there are: see ``CallSession/run()``.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await session in newcomers {
                group.addTask {
                    await session.run()
                    await self.remove(session)
                }
            }
        }
        isDraining = true
        // Only where this was cancelled: calls that were not yet taken up are abandoned as the others were.
        for session in ticking {
            await session.run()
            remove(session)
        }
    }

    /// Accepts no new call any more, ends those there are, and lets ``run()`` return.
    package func shutDown(mode: EndMode = .now) async {
        isDraining = true
        await withDiscardingTaskGroup { group in
            for session in ticking {
                group.addTask { await session.end(EndRequest(.shutdown, mode: mode)) }
            }
        }
        // A carrier that does not confirm within its time must not hold up the process.
        for session in ticking { await session.giveUp() }
        newcomerQueue.finish()
    }

    /// The process leaves: accepts no new call, and gives all that are left `bound` to end and to be saved. Returns
    /// when they have, or a little after the bound.
    package func shutDown(within bound: Duration) async {
        isDraining = true
        for session in ticking { await session.hurry(within: bound) }
        await shutDown()
    }

    /// Accepts no new call any more.
    package func beginDraining() { isDraining = true }

    // MARK: New calls

    /// Places a call here.
    package func place(_ call: OutboundCall) throws(CallManager.Refusal) -> CallSnapshot {
        try start(call).assumeIsolated { $0.snapshot() }
    }

    package func start(_ call: OutboundCall) throws(CallManager.Refusal) -> CallSession {
        try Self.check(call, hasHandler: ports.tools != nil)
        let id = call.id ?? identifiers.makeCallID()
        _ = try directory.reserve(id, on: index, at: ports.clock.now)
        return try start(call, as: id)
    }

    package static func check(_ call: OutboundCall, hasHandler: Bool) throws(CallManager.Refusal) {
        do throws(AgentOptionFault) {
            try call.agent.check(hasHandler: hasHandler)
        } catch {
            throw .unsupportedOption(error)
        }
    }

    /// Places a call that has its place in the directory, which it loses where it is refused.
    package func start(_ call: OutboundCall, as id: CallID) throws(CallManager.Refusal) -> CallSession {
        let parties = CallSession.Parties(
            direction: .outbound,
            from: call.from,
            to: call.to,
            metadata: call.metadata,
            variables: call.variables,
            publicURL: call.publicURL,
            tenant: call.tenant,
            capture: call.capture
        )
        return try begin(parties, as: id, agent: call.agent, limits: call.limits)
    }

    /// Accepts a call here, unless it is here or on another lane already.
    package func accept(_ call: InboundCall) throws(CallManager.Refusal) -> CallID {
        let id = call.id ?? identifiers.makeCallID()
        let seat = try directory.reserve(id, carrierCallID: call.carrierCallID, on: index, at: ports.clock.now)
        guard seat.isNew else { return seat.call }
        _ = try accept(call, as: id)
        return id
    }

    /// Accepts a call that has its place in the directory, which it loses where it is refused.
    ///
    /// A carrier repeats a webhook whose answer it did not get. Of two that bring the same place, the first to arrive
    /// begins the call.
    ///
    /// - Returns: false if the call has lost its place meanwhile.
    package func accept(_ call: InboundCall, as id: CallID) throws(CallManager.Refusal) -> Bool {
        guard directory.session(id) == nil else { return true }
        guard directory.contains(id) else { return false }
        let parties = CallSession.Parties(
            direction: .inbound,
            from: call.from,
            to: call.to,
            metadata: call.metadata,
            variables: call.variables,
            tenant: call.tenant,
            carrierCallID: call.carrierCallID,
            capture: call.capture
        )
        _ = try begin(parties, as: id, agent: call.agent, limits: call.limits)
        return true
    }

    /// Begins a call whose caller's audio comes from, and goes to, an audio thread of the embedder's own.
    package func startRingCall(
        agent: AgentProfile,
        format: AudioFormat = .telephony,
        limits: CallLimits? = nil
    ) throws(CallManager.Refusal) -> RingCall {
        let id = identifiers.makeCallID()
        _ = try directory.reserve(id, on: index, at: ports.clock.now)
        return try startRingCall(agent: agent, format: format, limits: limits, as: id)
    }

    /// Begins such a call that has its place in the directory, which it loses where it is refused.
    package func startRingCall(
        agent: AgentProfile,
        format: AudioFormat,
        limits: CallLimits?,
        as id: CallID
    ) throws(CallManager.Refusal) -> RingCall {
        let ends = RingLeg.make(format: format)
        let media: CallMedia
        do {
            media = try CallMedia(
                plan: MediaPlan(agent),
                format: format,
                callerAudio: ends.callerAudio,
                agentAudio: ends.agentAudio
            )
        } catch {
            directory.forget(id)
            throw .unsupportedFormat
        }
        // Rings carry no messages: there is nothing that could be replayed.
        let parties = CallSession.Parties(direction: .inbound, from: "", to: "", capture: .nothing)
        let session = try begin(parties, as: id, agent: agent, limits: limits ?? agent.limits, media: media)
        session.assumeIsolated { $0.ringLegAttached() }
        return RingCall(session: session, leg: ends.leg)
    }

    private func begin(
        _ parties: CallSession.Parties,
        as id: CallID,
        agent: AgentProfile,
        limits: CallLimits
    ) throws(CallManager.Refusal) -> CallSession {
        let media: CallMedia
        do {
            media = try CallMedia(plan: MediaPlan(agent))
        } catch {
            directory.forget(id)
            throw .unsupportedFormat
        }
        return try begin(parties, as: id, agent: agent, limits: limits, media: media)
    }

    private func begin(
        _ parties: CallSession.Parties,
        as id: CallID,
        agent: AgentProfile,
        limits: CallLimits,
        media: sending CallMedia
    ) throws(CallManager.Refusal) -> CallSession {
        // The lane may have been told to stop since the call got its place.
        guard !isDraining else {
            directory.forget(id)
            throw .draining
        }
        let session = CallSession(
            id: id,
            parties: parties,
            agent: agent,
            limits: limits,
            media: media,
            executor: executor,
            ports: ports
        )
        session.assumeIsolated { $0.beginCapture() }
        directory.began(session, as: session.assumeIsolated { $0.snapshot() })
        ticking.append(session)
        session.assumeIsolated { $0.begin() }
        newcomerQueue.yield(session)
        return session
    }

    /// The call's `run()` has returned: nothing is left of it.
    private func remove(_ session: CallSession) {
        directory.forget(session.id)
        ticking.removeAll { $0 === session }
    }

    // MARK: The carrier's side

    /// A token for the media socket of a call of this lane; see ``CallManager/makeStreamToken(for:)``.
    package func makeStreamToken(for call: CallID) -> String? {
        guard let session = session(call), session.assumeIsolated({ $0.awaitsMedia }) else { return nil }
        return directory.token(of: call, at: ports.clock.now, else: identifiers.makeToken)
    }

    /// The call of this lane that a media socket belongs to, by the token it brought. The token is spent if the call is
    /// its own.
    ///
    /// - Parameter carrierCallID: the carrier's call id in the socket's first message.
    package func spendStreamToken(
        _ token: String,
        carrierCallID: String
    ) throws(StreamRefusal) -> CallSession {
        guard let seat = directory.seat(token: token, at: ports.clock.now), let session = session(seat.call) else {
            throw .unknownToken
        }
        let name = session.assumeIsolated { $0.carrierCallID }
        guard name == nil || name == carrierCallID else { throw .otherCall }
        directory.spend(token)
        return session
    }

    /// A webhook about the progress of a call of this lane.
    /// - Returns: true if the call is known.
    @discardableResult
    package func carrierProgressed(_ progress: CarrierProgress, carrierCallID: String, call: CallID?) -> Bool {
        guard let session = session(call, carrierCallID) else { return false }
        directory.link(carrierCallID, to: session.id)
        session.assumeIsolated { $0.carrierProgressed(progress, carrierCallID: carrierCallID) }
        return true
    }

    /// A webhook about what went wrong on a call of this lane, or about its media stream.
    /// - Returns: true if the call is known.
    @discardableResult
    package func carrierReported(_ report: CarrierReport, carrierCallID: String, call: CallID?) -> Bool {
        guard let session = session(call, carrierCallID) else { return false }
        session.assumeIsolated { $0.carrierReported(report, carrierCallID: carrierCallID) }
        return true
    }

    /// A webhook about a transfer of a call of this lane, by the ticket that the carrier was given.
    /// - Returns: the carrier's next step for the caller.
    package func transferTold(
        _ news: TransferNews,
        transfer: Int,
        carrierCallID: String,
        call: CallID
    ) -> TransferSequel {
        guard let session = session(call, carrierCallID) else { return .hangUp }
        return session.assumeIsolated { $0.transferTold(news, transfer: transfer, carrierCallID: carrierCallID) }
    }

    /// The carrier has found out what answered a call of this lane.
    /// - Returns: true if the call is known.
    @discardableResult
    package func machineDetected(_ answer: AnsweredBy, carrierCallID: String, call: CallID?) -> Bool {
        guard let session = session(call, carrierCallID) else { return false }
        return session.assumeIsolated { session in
            // Another call's news must not end this one.
            guard session.carrierCallID == nil || session.carrierCallID == carrierCallID else { return false }
            session.machineDetected(answer)
            return true
        }
    }

    // MARK: The clock

    /// Every 20 ms, on the lane.
    package func tick(at now: MonotonicInstant) {
        directory.ticked(index, at: now)
        for session in ticking { session.assumeIsolated { $0.tick(at: now) } }
        ticks += 1
        if ticks % Self.ticksPerReport == 0 { report() }
    }

    private func report() {
        var (uplink, backlog) = (0, 0)
        for session in ticking {
            session.assumeIsolated { session in
                session.reportCounts()
                uplink += session.media.value.uplink.waitingMilliseconds
                backlog += session.media.value.downlink.backlogMilliseconds
            }
        }
        directory.waiting(on: index, uplinkMilliseconds: uplink, backlogMilliseconds: backlog)
    }

    // MARK: Asking

    /// Calls of this lane that are not gone.
    package var activeCalls: Int { ticking.count }

    /// A call of this lane.
    package func session(_ id: CallID) -> CallSession? {
        guard let session = directory.session(id), directory.lane(of: id) == index else { return nil }
        return session
    }

    private func session(_ id: CallID?, _ carrierCallID: String) -> CallSession? {
        guard let id = id ?? directory.call(carrierCallID: carrierCallID) else { return nil }
        return session(id)
    }

    /// Live calls of this lane, in the order of their beginning.
    package func active() -> [CallSnapshot] {
        ticking.map { $0.assumeIsolated { $0.snapshot() } }.filter { $0.receipt == nil }
    }

    /// Answers on the lane.
    package func answer<Answer: Sendable>(
        _ question: @Sendable (isolated CallLane) -> Answer
    ) -> Answer {
        question(self)
    }
}

/// Tells the directory of every end before the other observers.
private struct EndNoticingSink: CallEventSink {
    let directory: LaneDirectory
    let next: any CallEventSink

    func publish(_ event: CallEvent) {
        if case .ended = event.kind { directory.ended(event.callID) }
        next.publish(event)
    }
}

extension CallSession {
    /// The origin at which the carrier reaches the server for this call, from any thread.
    package nonisolated var publicURL: String? { parties.publicURL }
}
