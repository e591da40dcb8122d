public import TalkpathAudio
public import TalkpathWire

/// Every live call of this process, and the way to the ended ones.
///
/// Lives on the media event loop, so that sockets and the ticker reach calls without a hop.
public actor CallManager {
    package nonisolated let executor: any SerialExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// How an end that was asked for by the call's name went.
    public enum EndResult: Sendable {
        /// Ended now, or joined an end in progress.
        case ended(EndReceipt)
        /// It was over before.
        case endedBefore(EndReceipt)
        case unknown
    }

    /// Why a call is not accepted.
    public enum Refusal: Error, Equatable, Sendable {
        /// The server is about to stop.
        case draining
        /// As many calls as are allowed.
        case full
        /// There is no filter for these audio formats.
        case unsupportedFormat
        /// The agent asks for what its model does not take.
        case unsupportedOption(AgentOptionFault)
    }

    private let ports: CallSession.Ports
    private let identifiers: any IdentifierSource
    private let maximumCalls: Int

    private var sessions: [CallID: CallSession] = [:]
    private var byCarrierCallID: [String: CallID] = [:]
    /// In the order of their beginning; what the ticker goes through.
    private var ticking: [CallSession] = []
    private var tokens = StreamTokens()
    private var isDraining = false
    private var ticks = 0

    /// Once a second the calls' counts are told to the instruments.
    private static let ticksPerReport = 50

    private let newcomers: AsyncStream<CallSession>
    private let newcomerQueue: AsyncStream<CallSession>.Continuation

    package init(
        ports: CallSession.Ports,
        identifiers: any IdentifierSource,
        executor: any SerialExecutor,
        maximumCalls: Int = 10_000
    ) {
        self.ports = ports
        self.identifiers = identifiers
        self.executor = executor
        self.maximumCalls = maximumCalls
        (newcomers, newcomerQueue) = AsyncStream.makeStream()
    }

    // MARK: Life

    /// Runs the calls, until ``shutDown(mode:)`` has ended the last one. Must be called once.
    ///
    /// Cancelling it abandons the calls there are: see ``CallSession/run()``.
    public func run() async {
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
    public func shutDown(mode: EndMode = .now) async {
        isDraining = true
        await withDiscardingTaskGroup { group in
            for session in ticking {
                group.addTask { await session.end(EndRequest(.shutdown, mode: mode)) }
            }
        }
        // What the carrier has not confirmed within its time must not hold up the process.
        for session in ticking { await session.giveUp() }
        newcomerQueue.finish()
    }

    /// The process leaves: accepts no new call, and gives all that are left `bound` to end and to be saved. Returns when
    /// they have, or a little after the bound.
    public func shutDown(within bound: Duration) async {
        isDraining = true
        for session in ticking { await session.hurry(within: bound) }
        await shutDown()
    }

    /// Accepts no new call any more.
    public func beginDraining() {
        isDraining = true
    }

    public var acceptsCalls: Bool { !isDraining && sessions.count < maximumCalls }

    public var activeCalls: Int { sessions.count }

    // MARK: New calls

    /// Places a call.
    /// - Returns: the call at its very beginning.
    public func place(_ call: OutboundCall) throws(Refusal) -> CallSnapshot {
        try start(call).assumeIsolated { $0.snapshot() }
    }

    /// Places a call, for whoever goes on to follow it.
    package func start(_ call: OutboundCall) throws(Refusal) -> CallSession {
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
        do throws(AgentOptionFault) {
            try call.agent.check(hasHandler: ports.tools != nil)
        } catch {
            throw .unsupportedOption(error)
        }
        let media = try makeMedia(for: call.agent)
        return try begin(parties, id: call.id, agent: call.agent, limits: call.limits, media: media)
    }

    /// Accepts a call that the carrier has announced.
    ///
    /// A carrier repeats a webhook whose answer it did not get: for a call that is already here, that call is returned.
    public func accept(_ call: InboundCall) throws(Refusal) -> CallID {
        if let id = call.carrierCallID, let known = byCarrierCallID[id], sessions[known] != nil { return known }
        let parties = CallSession.Parties(
            direction: .inbound,
            from: call.from,
            to: call.to,
            tenant: call.tenant,
            carrierCallID: call.carrierCallID,
            capture: call.capture
        )
        let media = try makeMedia(for: call.agent)
        let session = try begin(parties, id: call.id, agent: call.agent, limits: call.limits, media: media)
        if let id = call.carrierCallID { byCarrierCallID[id] = session.id }
        return session.id
    }

    /// Begins a call whose caller's audio comes from, and goes to, an audio thread of the embedder's own.
    ///
    /// - Parameters:
    ///   - format: what the rings carry, both ways.
    ///   - limits: those of the agent where there are none.
    public func startRingCall(
        agent: AgentProfile,
        format: AudioFormat = .telephony,
        limits: CallLimits? = nil
    ) throws(Refusal) -> RingCall {
        let ends = RingLeg.make(format: format)
        let media: CallMedia
        do {
            media = try CallMedia(
                plan: Self.plan(for: agent),
                format: format,
                callerAudio: ends.callerAudio,
                agentAudio: ends.agentAudio
            )
        } catch {
            throw .unsupportedFormat
        }
        // Rings carry no messages: there is nothing that could be replayed.
        let parties = CallSession.Parties(direction: .inbound, from: "", to: "", capture: .nothing)
        let session = try begin(parties, agent: agent, limits: limits ?? agent.limits, media: media)
        session.assumeIsolated { $0.ringLegAttached() }
        return RingCall(session: session, leg: ends.leg)
    }

    private static func plan(for agent: AgentProfile) -> MediaPlan {
        MediaPlan(
            provider: agent.provider,
            agentInput: agent.inputFormat,
            agentOutput: agent.outputFormat,
            resampler: agent.resampler,
            bargeIn: agent.bargeIn
        )
    }

    private func makeMedia(for agent: AgentProfile) throws(Refusal) -> sending CallMedia {
        do {
            return try CallMedia(plan: Self.plan(for: agent))
        } catch {
            throw .unsupportedFormat
        }
    }

    private func begin(
        _ parties: CallSession.Parties,
        id: CallID? = nil,
        agent: AgentProfile,
        limits: CallLimits,
        media: sending CallMedia
    ) throws(Refusal) -> CallSession {
        guard !isDraining else { throw .draining }
        guard sessions.count < maximumCalls else { throw .full }
        let session = CallSession(
            id: id ?? identifiers.makeCallID(),
            parties: parties,
            agent: agent,
            limits: limits,
            media: media,
            executor: executor,
            ports: ports
        )
        session.assumeIsolated { $0.beginCapture() }
        sessions[session.id] = session
        ports.instruments.active(calls: sessions.count)
        ticking.append(session)
        session.assumeIsolated { $0.begin() }
        newcomerQueue.yield(session)
        return session
    }

    /// The call's `run()` has returned: nothing is left of it.
    private func remove(_ session: CallSession) {
        forget(session.id)
        ticking.removeAll { $0 === session }
    }

    private func forget(_ id: CallID) {
        sessions[id] = nil
        ports.instruments.active(calls: sessions.count)
        byCarrierCallID = byCarrierCallID.filter { $0.value != id }
        tokens.removeAll(of: id)
    }

    // MARK: The carrier's side

    /// A token for the call's media socket: for one socket, for sixty seconds.
    ///
    /// A carrier repeats a webhook whose answer it did not get, and somebody else may repeat one that was overheard: as
    /// long as the token is not spent, it is the same one, and once the call has had its media there is none any more.
    public func makeStreamToken(for call: CallID) -> String? {
        guard let session = sessions[call], session.assumeIsolated({ $0.awaitsMedia }) else { return nil }
        if let token = tokens.token(of: call, at: ports.clock.now) { return token }
        let token = identifiers.makeToken()
        tokens.add(token, for: call, at: ports.clock.now)
        return token
    }

    /// The call that a media socket belongs to, by the token it brought. The token is spent if the call is its own.
    ///
    /// - Parameter carrierCallID: what the socket's first message calls the call.
    package func spendStreamToken(
        _ token: String,
        carrierCallID: String
    ) throws(StreamRefusal) -> CallSession {
        guard let id = tokens.call(of: token, at: ports.clock.now), let session = sessions[id] else {
            throw .unknownToken
        }
        let name = session.assumeIsolated { $0.carrierCallID }
        guard name == nil || name == carrierCallID else { throw .otherCall }
        tokens.remove(token)
        return session
    }

    /// A webhook about a call's progress.
    /// - Parameter call: our own name of the call, where the carrier was given it.
    /// - Returns: whether the call is known.
    @discardableResult
    public func carrierProgressed(_ progress: CarrierProgress, carrierCallID: String, call: CallID?) -> Bool {
        let id = call ?? byCarrierCallID[carrierCallID]
        guard let id, let session = sessions[id] else { return false }
        byCarrierCallID[carrierCallID] = id
        session.assumeIsolated { $0.carrierProgressed(progress, carrierCallID: carrierCallID) }
        return true
    }

    /// A webhook about what went wrong, or about the call's media stream.
    /// - Parameter call: our own name of the call, where the carrier was given it.
    /// - Returns: whether the call is known.
    @discardableResult
    public func carrierReported(_ report: CarrierReport, carrierCallID: String, call: CallID?) -> Bool {
        guard let id = call ?? byCarrierCallID[carrierCallID], let session = sessions[id] else { return false }
        session.assumeIsolated { $0.carrierReported(report, carrierCallID: carrierCallID) }
        return true
    }

    /// A webhook about a transfer, by the ticket that the carrier was given.
    /// - Returns: what the carrier is to do with the caller.
    public func transferTold(
        _ news: TransferNews,
        transfer: Int,
        carrierCallID: String,
        call: CallID
    ) -> TransferSequel {
        guard let session = sessions[call] else { return .hangUp }
        return session.assumeIsolated { $0.transferTold(news, transfer: transfer, carrierCallID: carrierCallID) }
    }

    /// The carrier has found out what answered.
    /// - Parameter call: our own name of the call, where the carrier was given it.
    /// - Returns: whether the call is known.
    @discardableResult
    public func machineDetected(_ answer: AnsweredBy, carrierCallID: String, call: CallID?) -> Bool {
        guard let id = call ?? byCarrierCallID[carrierCallID], let session = sessions[id] else { return false }
        return session.assumeIsolated { session in
            // Another call's news must not end this one.
            guard session.carrierCallID == nil || session.carrierCallID == carrierCallID else { return false }
            session.machineDetected(answer)
            return true
        }
    }

    /// Every 20 ms, on the loop.
    package func tick(at now: MonotonicInstant) {
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
        ports.instruments.waiting(uplinkMilliseconds: uplink, backlogMilliseconds: backlog)
    }

    // MARK: Asking

    public func session(_ id: CallID) -> CallSession? { sessions[id] }

    /// A live call that the carrier knows by this name.
    public func session(carrierCallID: String) -> CallSession? {
        byCarrierCallID[carrierCallID].flatMap { sessions[$0] }
    }

    /// Live calls, in the order of their beginning.
    public func active() -> [CallSnapshot] {
        ticking.filter { sessions[$0.id] != nil }
            .map { $0.assumeIsolated { $0.snapshot() } }
            .filter { $0.receipt == nil }
    }

    /// A call, live or ended.
    public func find(_ id: CallID) async throws -> CallSnapshot? {
        if let session = sessions[id] { return await session.snapshot() }
        return try await ports.store.find(id)
    }

    /// Ended calls, newest first.
    public func recent(limit: Int) async throws -> [CallSnapshot] {
        try await ports.store.recent(limit: limit)
    }

    /// Ends a call by its name; see ``CallSession/end(_:)``.
    public func end(_ id: CallID, _ request: EndRequest) async throws -> EndResult {
        if let session = sessions[id] {
            let before = await session.receipt
            // An end that the carrier has not confirmed is taken up again at once.
            let receipt = await session.end(request)
            return before == nil ? .ended(receipt) : .endedBefore(receipt)
        }
        guard let receipt = try await ports.store.find(id)?.receipt else { return .unknown }
        return .endedBefore(receipt)
    }
}
