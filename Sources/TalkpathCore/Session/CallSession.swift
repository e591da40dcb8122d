package import Logging
package import TalkpathAudio
package import TalkpathWire

/// One call, from its beginning to its known end.
///
/// The actor lives on the call's event loop: sockets and the ticker call it there without a hop, so that an end always
/// falls between two frames. It carries out the actions of `CallSessionMachine`; work that takes time (the carrier, a
/// socket being opened or closed, the store) is a child task of `run()` that reports back.
public actor CallSession {
    public nonisolated let id: CallID
    public nonisolated let direction: CallDirection
    /// The agent that the call was given, with those that take over after it.
    public nonisolated let agent: AgentProfile
    /// The agent of the list that has the call now, as it was given.
    var agentInUse: AgentProfile
    package nonisolated let executor: any SerialExecutor
    /// The media plane; to be touched on ``executor`` only.
    package nonisolated let media: LoopConfined<CallMedia>

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// The session's ports to the world around it.
    package struct Ports: Sendable {
        package var carrier: (any Carrier)?
        package var connector: any AgentConnector
        package var store: any CallStore
        package var events: any CallEventSink
        package var tools: (any ToolHandler)?
        package var toolEndpoints: (any ToolEndpointCaller)?
        /// For replays: returns when the recorded call took the answer of a built-in function. Its own answer counts.
        package var builtInTools: (any ToolHandler)?
        package var clock: any CallClock
        package var logger: Logger
        package var observer: (any SessionObserver)?
        package var captures: (any CaptureSink)?
        package var instruments: CallInstruments
        /// Nil: the cost of calls is not reckoned.
        package var prices: PriceTable?

        package init(
            carrier: (any Carrier)?,
            connector: any AgentConnector,
            store: any CallStore,
            events: any CallEventSink,
            tools: (any ToolHandler)? = nil,
            clock: any CallClock,
            logger: Logger,
            observer: (any SessionObserver)? = nil,
            captures: (any CaptureSink)? = nil,
            instruments: CallInstruments = CallInstruments()
        ) {
            self.carrier = carrier
            self.connector = connector
            self.store = store
            self.events = events
            self.tools = tools
            self.clock = clock
            self.logger = logger
            self.observer = observer
            self.captures = captures
            self.instruments = instruments
        }
    }

    /// The state of the conversation.
    package struct Parties: Sendable {
        package var direction: CallDirection
        package var from: String
        package var to: String
        package var metadata: [String: JSONValue] = [:]
        package var variables: [String: JSONValue] = [:]
        package var publicURL: String?
        package var tenant = ""
        /// Known from the start for an inbound call.
        package var carrierCallID: String?
        /// nil: as the agent has it, else as the server has it.
        package var capture: CapturePolicy?
    }

    let parties: Parties
    let limits: CallLimits
    let ports: Ports
    let logger: Logger
    let startedOn: MonotonicInstant

    /// Ask it through its own methods and properties, never through a stored part's (`machine.transfer.number`): a
    /// debug build (Swift 6.3) ends the borrow of this uncopyable value before it reads the part's field, which is a
    /// read of freed memory.
    var machine: CallSessionMachine
    var outcome = CallOutcome()
    private let jobs: AsyncStream<SessionJob>
    let jobQueue: AsyncStream<SessionJob>.Continuation

    var agentSockets = AgentSockets()
    /// The caller's media sockets that are not known to be closed, by number.
    var mediaConnections: [Int: any LegConnection] = [:]
    package internal(set) var carrierCallID: String?
    var answeredBy: AnsweredBy?
    var guards: CallGuards

    var transcript = Transcript()
    var callerTurns = CallerTurns()
    var resumptionHandle: String?
    var talk: CallTalk
    /// The wait for the model's own word that its session is closed.
    var agentGoodbye = AgentGoodbye()
    /// The part of this call's counts that the instruments have been told.
    var reportedMetrics = CallMetrics()
    var loggedFaults = LoggedFaults()

    package init(
        id: CallID,
        parties: Parties,
        agent: AgentProfile,
        limits: CallLimits,
        media: sending CallMedia,
        executor: any SerialExecutor,
        ports: Ports
    ) {
        self.id = id
        direction = parties.direction
        self.parties = parties
        self.agent = agent
        agentInUse = agent
        self.limits = limits
        talk = CallTalk(agent)
        self.executor = executor
        self.ports = ports
        var logger = ports.logger
        logger[metadataKey: "call_id"] = "\(id)"
        self.logger = logger
        self.media = LoopConfined(media, on: executor)
        startedOn = ports.clock.now
        carrierCallID = parties.carrierCallID
        guards = CallGuards(limits: limits)
        let carrier: CallSessionMachine.Carrier =
            switch (parties.direction, ports.carrier, parties.carrierCallID) {
            case (.outbound, .some, _): .unplaced
            case (.inbound, .some, let id?): .ringing(id)
            case (.outbound, nil, _), (.inbound, _, _): .absent
            }
        machine = CallSessionMachine(
            callID: id,
            direction: parties.direction,
            carrier: carrier,
            limits: limits,
            connectPolicy: agent.connectPolicy,
            startedAt: ports.clock.wallTime,
            startedOn: startedOn,
            agents: agent.succession,
            fallback: agent.fallback,
            pricing: ports.prices.map {
                CallPricing($0, agents: agent.succession, direction: parties.direction, to: parties.to)
            },
            observer: ports.observer
        )
        (jobs, jobQueue) = AsyncStream.makeStream()
    }

    // MARK: Life

    /// Begins the call: what takes time waits until `run()` carries it out. Must be called once, before anything
    /// else.
    package func begin() {
        prepareGreeting()
        perform(machine.begin(at: startedOn))
        // A call that is placed is journalled before the carrier is asked.
        if direction == .inbound || ports.carrier == nil { jobQueue.yield(.journal) }
    }

    /// The carrier's name of the call, from its first source: a process that hangs up after a crash must know it.
    func noteCarrierCallID(_ id: String) {
        guard carrierCallID == nil, !id.isEmpty else { return }
        carrierCallID = id
        outcome.answered(.success(id))
        // A webhook may be faster than the carrier's answer, or come where the answer is lost.
        outcome.placementIsKnown()
        jobQueue.yield(.journal)
    }

    /// Runs the call until nothing of it is left; must be called once. Returns after the end, when the last task has.
    ///
    /// Cancelling it abandons the call: its sockets are closed and every waiter gets a receipt, but the session does
    /// not wait for the carrier.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs {
                group.addTask { await self.carryOut(job) }
            }
            // A peer that has not answered by now has been given up.
            group.cancelAll()
            // Beside them and not after: a socket that closes slowly must not keep an abandoned call alive.
            if !machine.isRetired { await abandon() }
        }
        media.value.tap?.finish()
    }

    private func abandon() async {
        requestEnd(EndRequest(.shutdown))
        agentGoodbye.giveUp()
        // Taken now: while they close, the end's own deadlines may pass, and an ended call releases its sockets.
        var connections = agentSockets.open
        connections += mediaConnections.sorted { $0.key < $1.key }.map(\.value)
        await withDiscardingTaskGroup { group in
            for connection in connections { group.addTask { await connection.close() } }
        }
        agentSockets.removeAll()
        agentGoodbye.came()
        perform(machine.abandon(at: ports.clock.now))
    }

    /// Ends the call, and returns when it is known to be ended, or when ``CallLimits/endBound`` has passed.
    ///
    /// Of several ends the first reason counts, every step happens once, and each waiter gets the same receipt. Works
    /// in every state. Cancelling the asking task abandons nothing.
    @discardableResult
    public func end(_ request: EndRequest) async -> EndReceipt {
        requestEnd(request)
        return await waitForEnd()
    }

    /// Asks for the end and does not wait. On the loop.
    package func requestEnd(_ request: EndRequest) {
        capture(.endRequested(request))
        perform(machine.end(request, at: ports.clock.now))
    }

    /// The receipt, once the call has ended.
    var receipt: EndReceipt? { outcome.receipt }

    /// The newest socket to the model that was ordered.
    var agentSocket: AgentSocketID { agentSockets.newest }

    /// The receipt, once the call has ended.
    @discardableResult
    public func waitForEnd() async -> EndReceipt {
        await withCheckedContinuation { continuation in
            // Looked up in here: on the way into this closure the actor may have done something else.
            outcome.waitForReceipt(continuation)
        }
    }

    /// The carrier's answer to the request to place this call, once it has come: its name of the call, or an error.
    /// - Returns: `nil` if the call ended before there was an answer, or is none that is placed.
    public func waitForPlacement() async -> Result<String, CarrierError>? {
        await withCheckedContinuation { continuation in
            outcome.waitForPlacement(continuation, isPlaced: direction == .outbound && ports.carrier != nil)
        }
        return outcome.placement
    }

    /// The process leaves: ends the call if it has not begun to end, and waits for nothing longer than `bound` in all.
    package func hurry(within bound: Duration) {
        capture(.hurried(within: bound))
        perform(machine.hurry(within: bound, at: ports.clock.now))
    }

    /// After the end: stops asking a carrier that has not confirmed.
    package func giveUp() {
        capture(.givenUp)
        perform(machine.giveUp())
    }

    /// Every 20 ms, from the ticker, on the loop.
    package func tick(at now: MonotonicInstant) {
        let media = media.value
        media.tap?.ticked(at: now)
        media.tick(at: now)
        let isHeardOut = machine.drains && isHeardOut(at: now)
        if !machine.drains { talk.drain = DrainWatch() }
        perform(machine.tick(at: now) { isHeardOut })
        handleMediaEvents(at: now)
        talkTick(at: now)
        agentGoodbye.tick(at: now)
        watchGuards(at: now)
        media.pump()
    }

    /// True if its end has not begun.
    package var isLive: Bool { machine.isLive }

    /// True if its media socket may still come.
    package var awaitsMedia: Bool { machine.awaitsMedia }

    // MARK: Reports of the carrier

    /// The carrier's media socket has been given to this call.
    /// - Returns: its number, for ``mediaClosed(line:)``; nil if the call is over or has one already: the socket is
    ///   then the giver's to close.
    package func mediaOpened(_ connection: any LegConnection, sink: any LegSink, carrierCallID id: String) -> Int? {
        guard machine.awaitsMedia else { return nil }
        capture(.mediaOpened(carrierCallID: id))
        let line = machine.mediaLine + 1
        mediaConnections[line] = connection
        media.value.telephonyOpened(sink)
        noteCarrierCallID(id)
        perform(machine.streamStarted(carrierCallID: id, at: ports.clock.now))
        return line
    }

    /// A ring leg has no socket: its media is there from the start.
    package func ringLegAttached() {
        perform(machine.streamStarted(carrierCallID: "", hasSocket: false, at: ports.clock.now))
    }

    /// The carrier's media socket of that number is gone.
    package func mediaClosed(line: Int) {
        capture(.mediaClosed(line: line))
        mediaConnections[line] = nil
        perform(machine.mediaIsClosed(line: line, at: ports.clock.now))
    }

    /// The model's socket is open, on the loop, before any message of it is read.
    /// - Returns: false if the socket is not wanted any more; none of its messages may then reach ``media``. The caller
    ///   of `connect` gets it back and closes it.
    @discardableResult
    package func agentSocketOpened(_ sink: any LegSink, socket: AgentSocketID) -> Bool {
        guard machine.awaitsAgent(socket: socket) else { return false }
        capture(.agentOpened(socket: socket))
        machine.agentOpened(socket: socket, at: ports.clock.now)
        let media = media.value
        media.agentOpened(sink)
        if !media.agentAwaitsGreeting {
            configureAgent()
            media.pump()
        }
        return true
    }

    /// The model's socket `socket` is gone.
    package func agentClosed(socket: AgentSocketID, reason: String) {
        capture(.agentClosed(socket: socket, reason: reason))
        let isAmended = noteRefusal(socket: socket, reason: reason)
        agentGoodbye.came()
        if socket == agentSocket {
            agentIsGone(socket)
        }
        perform(machine.agentLost(socket: socket, message: reason, isAmended: isAmended, at: ports.clock.now))
    }

    /// A webhook of the carrier.
    package func carrierProgressed(_ progress: CarrierProgress, carrierCallID id: String) {
        capture(.progressed(progress, carrierCallID: id))
        // A report that belongs to another call.
        if let carrierCallID, carrierCallID != id { return }
        noteCarrierCallID(id)
        perform(machine.progressed(progress, id: id, at: ports.clock.now))
    }
}
