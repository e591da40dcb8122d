public import TalkpathAudio
public import TalkpathWire

/// Every live call of this process, and the way to the ended ones.
///
/// The calls live on lanes, each a thread of its own. A new call goes to the lane with the most room and stays there.
/// Safe to use from any thread. A question about one call waits for that call's lane only; where a lane does not answer
/// in time, a listing shows its calls as they were seen last.
public final class CallManager: Sendable {
    /// The outcome of an end that was requested by the call's id.
    public enum EndResult: Sendable {
        /// Ended now, or joined an end in progress.
        case ended(EndReceipt)
        /// It was over before.
        case endedBefore(EndReceipt)
        case unknown
    }

    /// The reason why a call is not accepted.
    public enum Refusal: Error, Equatable, Sendable {
        /// The server is about to stop.
        case draining
        /// As many calls as are allowed.
        case full
        /// There is no filter for these audio formats.
        case unsupportedFormat
        /// The agent has options that its model does not support.
        case unsupportedOption(AgentOptionFault)
        /// Another live call has the name that was chosen for this one.
        case knownID
    }

    package let lanes: [CallLane]
    package let directory: LaneDirectory
    private let ports: CallSession.Ports
    private let identifiers: any IdentifierSource
    private let asker: any LaneAsker

    /// - Parameters:
    ///   - lanes: the executor of each lane, which runs one thing at a time.
    ///   - ports: what the sessions of a lane need, by the lane's number.
    ///   - asker: puts questions to lanes, and knows how long to wait.
    package init(
        lanes executors: [any SerialExecutor],
        identifiers: any IdentifierSource,
        maximumCalls: Int = 10_000,
        asker: any LaneAsker = PatientAsker(),
        ports: (Int) -> CallSession.Ports
    ) {
        let all = executors.indices.map(ports)
        self.ports = all[0]
        let directory = LaneDirectory(
            lanes: executors.count,
            maximumCalls: maximumCalls,
            instruments: all[0].instruments
        )
        self.directory = directory
        self.identifiers = identifiers
        self.asker = asker
        lanes = executors.indices.map {
            CallLane(
                ports: all[$0],
                identifiers: identifiers,
                executor: executors[$0],
                directory: directory,
                index: $0
            )
        }
    }

    // MARK: Life

    /// Runs the calls, until ``shutDown(mode:)`` has ended the last one. Must be called once.
    ///
    /// Cancelling it abandons the calls there are: see `CallSession.run()`.
    public func run() async {
        await forEachLane { await $0.run() }
        directory.beginDraining()
    }

    /// Accepts no new call any more, ends those there are, and lets `run()` return.
    public func shutDown(mode: EndMode = .now) async {
        directory.beginDraining()
        await forEachLane { await $0.shutDown(mode: mode) }
    }

    /// The process leaves: accepts no new call, and gives all that are left `bound` to end and to be saved. Returns
    /// when they have, or a little after the bound.
    public func shutDown(within bound: Duration) async {
        directory.beginDraining()
        await forEachLane { await $0.shutDown(within: bound) }
    }

    /// Accepts no new call any more.
    public func beginDraining() async {
        directory.beginDraining()
        await forEachLane { await $0.beginDraining() }
    }

    private func forEachLane(_ body: @escaping @Sendable (CallLane) async -> Void) async {
        guard lanes.count > 1 else { return await body(lanes[0]) }
        await withDiscardingTaskGroup { group in
            for lane in lanes { group.addTask { await body(lane) } }
        }
    }

    public var acceptsCalls: Bool { get async { directory.hasRoom } }

    /// Calls of which something is left, over all lanes. Waits for no lane.
    public var activeCalls: Int { get async { directory.count } }

    /// Calls that have not ended, over all lanes. Waits for no lane.
    package var liveCalls: Int { directory.live }

    // MARK: New calls

    /// Places a call.
    /// - Returns: the call at its beginning.
    public func place(_ call: OutboundCall) async throws(Refusal) -> CallSnapshot {
        await (try start(call)).snapshot()
    }

    /// Places a call, for a client that follows it.
    package func start(_ call: OutboundCall) async throws(Refusal) -> CallSession {
        try CallLane.check(call, hasHandler: ports.tools != nil)
        let id = call.id ?? identifiers.makeCallID()
        let seat = try directory.reserve(id, at: ports.clock.now)
        return try await lanes[seat.lane].start(call, as: id)
    }

    /// Accepts a call that the carrier has announced.
    ///
    /// A carrier repeats a webhook whose answer it did not get: for a call that is already here, that call is returned.
    public func accept(_ call: InboundCall) async throws(Refusal) -> CallID {
        let id = call.id ?? identifiers.makeCallID()
        for _ in 0..<Self.attempts {
            let seat = try directory.reserve(id, carrierCallID: call.carrierCallID, at: ports.clock.now)
            // The same call may have ended between the two steps: then it begins anew.
            if try await lanes[seat.lane].accept(call, as: seat.call) { return seat.call }
        }
        throw .full
    }

    private static let attempts = 3

    /// Begins a call whose caller's audio comes from, and goes to, an audio thread of the embedder's own.
    ///
    /// - Parameters:
    ///   - format: what the rings carry, both ways.
    ///   - limits: those of the agent where there are none.
    public func startRingCall(
        agent: AgentProfile,
        format: AudioFormat = .telephony,
        limits: CallLimits? = nil
    ) async throws(Refusal) -> RingCall {
        let id = identifiers.makeCallID()
        let seat = try directory.reserve(id, at: ports.clock.now)
        return try await lanes[seat.lane].startRingCall(agent: agent, format: format, limits: limits, as: id)
    }

    // MARK: The carrier's side

    /// A token for the call's media socket: for one socket, for sixty seconds.
    ///
    /// A carrier repeats a webhook whose answer it did not get, and an attacker may repeat one that was overheard: as
    /// long as the token is not spent, it is the same one, and once the call has had its media there is none any more.
    public func makeStreamToken(for call: CallID) async -> String? {
        await lane(of: call)?.makeStreamToken(for: call)
    }

    /// A webhook about a call's progress.
    /// - Parameter call: our own name of the call, where the carrier was given it.
    /// - Returns: true if the call is known.
    @discardableResult
    public func carrierProgressed(
        _ progress: CarrierProgress,
        carrierCallID: String,
        call: CallID?
    ) async -> Bool {
        guard let lane = lane(of: call, carrierCallID) else { return false }
        return await lane.carrierProgressed(progress, carrierCallID: carrierCallID, call: call)
    }

    /// A webhook about what went wrong, or about the call's media stream.
    /// - Parameter call: our own name of the call, where the carrier was given it.
    /// - Returns: true if the call is known.
    @discardableResult
    public func carrierReported(_ report: CarrierReport, carrierCallID: String, call: CallID?) async -> Bool {
        guard let lane = lane(of: call, carrierCallID) else { return false }
        return await lane.carrierReported(report, carrierCallID: carrierCallID, call: call)
    }

    /// A webhook about a transfer, by the ticket that the carrier was given.
    /// - Returns: the carrier's next step for the caller.
    public func transferTold(
        _ news: TransferNews,
        transfer: Int,
        carrierCallID: String,
        call: CallID
    ) async -> TransferSequel {
        guard let lane = lane(of: call) else { return .hangUp }
        return await lane.transferTold(news, transfer: transfer, carrierCallID: carrierCallID, call: call)
    }

    /// The carrier has found out what answered.
    /// - Parameter call: our own name of the call, where the carrier was given it.
    /// - Returns: true if the call is known.
    @discardableResult
    public func machineDetected(_ answer: AnsweredBy, carrierCallID: String, call: CallID?) async -> Bool {
        guard let lane = lane(of: call, carrierCallID) else { return false }
        return await lane.machineDetected(answer, carrierCallID: carrierCallID, call: call)
    }

    private func lane(of call: CallID?, _ carrierCallID: String = "") -> CallLane? {
        (call ?? directory.call(carrierCallID: carrierCallID)).flatMap(directory.lane(of:)).map { lanes[$0] }
    }

    // MARK: Asking

    /// Waits for no lane.
    public func session(_ id: CallID) async -> CallSession? { directory.session(id) }

    /// A live call that the carrier knows by this name. Waits for no lane.
    public func session(carrierCallID: String) async -> CallSession? {
        directory.session(carrierCallID: carrierCallID)
    }

    /// Live calls, in the order of their beginning.
    public func active() async -> [CallSnapshot] {
        guard lanes.count > 1 else { return await active(on: lanes[0]) }
        var calls: [CallSnapshot] = []
        await withTaskGroup(of: [CallSnapshot].self) { group in
            for lane in lanes { group.addTask { await self.active(on: lane) } }
            for await some in group { calls += some }
        }
        // Names break ties, so that two listings agree.
        return calls.sorted { ($0.startedAt, $0.id.text) < ($1.startedAt, $1.id.text) }
    }

    /// - Returns: nil if the lane did not answer in time.
    package func ask<Answer: Sendable>(
        _ lane: CallLane,
        _ question: @escaping @Sendable (isolated CallLane) -> Answer
    ) async -> Answer? {
        await asker.ask(lane, question)
    }

    private func active(on lane: CallLane) async -> [CallSnapshot] {
        guard let calls = await asker.ask(lane, { $0.active() }) else {
            return directory.lastSeen(on: lane.index).sorted { $0.startedAt < $1.startedAt }
        }
        directory.saw(calls)
        return calls
    }

    /// A call, live or ended.
    public func find(_ id: CallID) async throws -> CallSnapshot? {
        if let session = directory.session(id) { return await session.snapshot() }
        return try await ports.store.find(id)
    }

    /// Ended calls, newest first.
    public func recent(limit: Int) async throws -> [CallSnapshot] {
        try await ports.store.recent(limit: limit)
    }

    /// Ends a call by its name; see ``CallSession/end(_:)``.
    public func end(_ id: CallID, _ request: EndRequest) async throws -> EndResult {
        if let session = directory.session(id) {
            let before = await session.receipt
            // An end that the carrier has not confirmed is taken up again at once.
            let receipt = await session.end(request)
            return before == nil ? .ended(receipt) : .endedBefore(receipt)
        }
        guard let receipt = try await ports.store.find(id)?.receipt else { return .unknown }
        return .endedBefore(receipt)
    }
}

/// Puts questions to lanes.
package protocol LaneAsker: Sendable {
    /// - Returns: nil if the lane did not answer in time.
    func ask<Answer: Sendable>(
        _ lane: CallLane,
        _ question: @escaping @Sendable (isolated CallLane) -> Answer
    ) async -> Answer?
}

/// Waits for as long as the lane takes.
package struct PatientAsker: LaneAsker {
    package init() {}

    package func ask<Answer: Sendable>(
        _ lane: CallLane,
        _ question: @escaping @Sendable (isolated CallLane) -> Answer
    ) async -> Answer? {
        await lane.answer(question)
    }
}
