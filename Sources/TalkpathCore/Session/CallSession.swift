package import Logging
package import TalkpathAudio
package import TalkpathWire

/// One call, from its beginning to its known end.
///
/// The actor lives on the call's event loop: sockets and the ticker call it there without a hop, so that an end always
/// falls between two frames. It carries out what ``CallSessionMachine`` orders; whatever takes time (the carrier, a
/// socket being opened or closed, the store) is a child task of ``run()`` that reports back.
public actor CallSession {
    public nonisolated let id: CallID
    public nonisolated let direction: CallDirection
    public nonisolated let agent: AgentProfile
    package nonisolated let executor: any SerialExecutor
    /// The media plane; to be touched on ``executor`` only.
    package nonisolated let media: LoopConfined<CallMedia>

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// What a session needs of the world around it.
    package struct Ports: Sendable {
        package var carrier: (any Carrier)?
        package var connector: any AgentConnector
        package var store: any CallStore
        package var events: any CallEventSink
        package var tools: (any ToolHandler)?
        package var clock: any CallClock
        package var logger: Logger

        package init(
            carrier: (any Carrier)?,
            connector: any AgentConnector,
            store: any CallStore,
            events: any CallEventSink,
            tools: (any ToolHandler)? = nil,
            clock: any CallClock,
            logger: Logger
        ) {
            self.carrier = carrier
            self.connector = connector
            self.store = store
            self.events = events
            self.tools = tools
            self.clock = clock
            self.logger = logger
        }
    }

    /// Who is talking to whom.
    package struct Parties: Sendable {
        package var direction: CallDirection
        package var from: String
        package var to: String
        package var metadata: [String: JSONValue] = [:]
        package var publicURL: String?
        package var tenant = ""
        /// Known from the start for an inbound call.
        package var carrierCallID: String?
    }

    /// Work that takes time; a child task each.
    private enum Job: Sendable {
        case place
        case connectAgent(socket: Int)
        case hangUp(String)
        case closeAgent(any LegConnection)
        case closeMedia(any LegConnection)
        case save(EndReceipt)
        case update(EndReceipt)
        case tool(AgentToolCall)
    }

    private let parties: Parties
    private let limits: CallLimits
    private let ports: Ports
    private let logger: Logger
    private let startedOn: MonotonicInstant

    private var machine: CallSessionMachine
    private var receipt: EndReceipt?
    private var waiters: [CheckedContinuation<EndReceipt, Never>] = []
    private var placement: Result<String, CarrierError>?
    private var placementWaiters: [CheckedContinuation<Void, Never>] = []
    private let jobs: AsyncStream<Job>
    private let jobQueue: AsyncStream<Job>.Continuation

    private var agentConnection: (any LegConnection)?
    private var agentSocket = 0
    private var mediaConnection: (any LegConnection)?
    private var carrierCallID: String?

    private var transcript = Transcript()
    private var callerTurnBegan: Int?
    private var usage = AgentUsage(inputTokens: 0, outputTokens: 0, totalTokens: 0)
    private var resumptionHandle: String?

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
        self.limits = limits
        self.executor = executor
        self.ports = ports
        var logger = ports.logger
        logger[metadataKey: "call_id"] = "\(id)"
        self.logger = logger
        self.media = LoopConfined(media, on: executor)
        startedOn = ports.clock.now
        carrierCallID = parties.carrierCallID
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
            startedAt: ports.clock.wallTime
        )
        (jobs, jobQueue) = AsyncStream.makeStream()
    }

    // MARK: Life

    /// Begins the call: what takes time waits until ``run()`` carries it out. Must be called once, before anything else.
    package func begin() {
        perform(machine.begin(at: ports.clock.now))
    }

    /// Runs the call until nothing of it is left; must be called once. Returns after the end, when the last task has.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs {
                group.addTask { await self.carryOut(job) }
            }
            // Whoever has not answered by now has been given up.
            group.cancelAll()
        }
    }

    /// Ends the call, and returns when it is known to be ended, or when ``CallLimits/endBound`` has passed.
    ///
    /// However many ask, the first reason counts, everything happens once, and everybody gets the same receipt. Works
    /// in every state. Cancelling the asking task abandons nothing.
    @discardableResult
    public func end(_ request: EndRequest) async -> EndReceipt {
        requestEnd(request)
        if let receipt { return receipt }
        return await withCheckedContinuation { waiters.append($0) }
    }

    /// Asks for the end and does not wait. On the loop.
    package func requestEnd(_ request: EndRequest) {
        perform(machine.end(request, at: ports.clock.now))
    }

    /// The receipt, once the call has ended.
    public func waitForEnd() async -> EndReceipt {
        if let receipt { return receipt }
        return await withCheckedContinuation { waiters.append($0) }
    }

    /// What the carrier answered to the order to place this call, once it has: its name of the call, or why not.
    /// - Returns: `nil` if the call ended before there was an answer, or is none that is placed.
    public func waitForPlacement() async -> Result<String, CarrierError>? {
        if placement == nil, receipt == nil, direction == .outbound {
            await withCheckedContinuation { placementWaiters.append($0) }
        }
        return placement
    }

    private func placementIsKnown() {
        let waiting = placementWaiters
        placementWaiters = []
        for waiter in waiting { waiter.resume() }
    }

    /// Every 20 ms, from the ticker, on the loop.
    package func tick(at now: MonotonicInstant) {
        let media = media.value
        media.tick(at: now)
        let actions = machine.tick(at: now) { media.isPlayedOut(at: now) }
        if !actions.isEmpty { perform(actions) }
        noteHappenings(at: now)
        media.pump()
    }

    // MARK: What sockets report

    /// The carrier's media socket has been given to this call.
    /// - Returns: false if the call is over or has one already; the socket is then the giver's to close.
    package func mediaOpened(_ connection: any LegConnection, sink: any LegSink, carrierCallID id: String) -> Bool {
        guard machine.isLive, mediaConnection == nil else { return false }
        mediaConnection = connection
        machine.hasMediaSocket = true
        media.value.telephonyOpened(sink)
        if !id.isEmpty { carrierCallID = carrierCallID ?? id }
        perform(machine.streamStarted(carrierCallID: id, at: ports.clock.now))
        return true
    }

    /// A ring leg has no socket: its media is there from the start.
    package func ringLegAttached() {
        perform(machine.streamStarted(carrierCallID: "", at: ports.clock.now))
    }

    /// The carrier's media socket is gone.
    package func mediaClosed() {
        perform(machine.mediaIsClosed(at: ports.clock.now))
    }

    /// The model's socket `socket` is gone.
    package func agentClosed(socket: Int, reason: String) {
        guard socket == agentSocket else { return }
        media.value.agentLost()
        perform(machine.agentLost(socket: socket, message: reason, isFinal: false, at: ports.clock.now))
    }

    /// A webhook of the carrier.
    package func carrierProgressed(_ progress: CarrierProgress, carrierCallID id: String) {
        carrierCallID = carrierCallID ?? id
        perform(machine.progressed(progress, id: id, at: ports.clock.now))
    }

    /// Acts on what the media plane has noticed. Called after every wake in which it noticed something.
    package func noteHappenings(at now: MonotonicInstant) {
        let media = media.value
        for happening in media.takeHappenings() { note(happening, at: now) }
    }

    private func note(_ happening: CallMedia.Happening, at now: MonotonicInstant) {
        switch happening {
        case .streamStarted:
            // Noted when the socket was given to this call.
            break
        case .streamStopped:
            perform(machine.streamStopped(at: now))
        case .dtmf:
            publish(.dtmf)
        case .interrupted(let interruption):
            for heard in interruption.heard { transcript.cut(heard.item, heardMilliseconds: heard.milliseconds) }
            for item in interruption.neverHeard { transcript.cut(item, heardMilliseconds: 0) }
            publish(.interrupted(heardMilliseconds: interruption.heard.last?.milliseconds ?? 0))
        case .agent(let event):
            note(event, at: now)
        }
    }

    private func note(_ event: AgentEvent, at now: MonotonicInstant) {
        switch event {
        case .awaitingConfiguration:
            media.value.command(.configure(agent.configuration(resumptionHandle: resumptionHandle)))
        case .ready:
            perform(machine.agentIsReady(at: now))
        case .callerSpeechStarted:
            callerTurnBegan = callMilliseconds(at: now)
            publish(.callerSpeechStarted)
        case .callerSpeechEnded:
            publish(.callerSpeechEnded)
        case .responseStarted:
            publish(.agentSpeechStarted)
        case .callerTranscript(let piece):
            let began = callerTurnBegan ?? callMilliseconds(at: now)
            if let turn = transcript.add(piece, by: .caller, at: began) { publish(.transcript(turn)) }
        case .agentTranscript(let piece):
            if let turn = transcript.add(piece, by: .agent, at: callMilliseconds(at: now)) {
                publish(.transcript(turn))
            }
        case .toolCall(let call):
            publish(.toolCalled(name: call.name))
            take(call)
        case .usage(let more):
            usage.inputTokens += more.inputTokens
            usage.outputTokens += more.outputTokens
            usage.totalTokens += more.totalTokens
        case .resumptionHandle(let handle):
            resumptionHandle = handle ?? resumptionHandle
        case .error(let report):
            logger.warning("The model reported an error", metadata: ["code": "\(report.code)"])
            guard report.isFatal else { return }
            perform(machine.agentLost(socket: agentSocket, message: report.code, isFinal: true, at: now))
        case .responseEnded, .goingAway, .toolCallsCancelled, .audio, .audioEnded, .interrupted, .ignored:
            break
        }
    }

    private func take(_ call: AgentToolCall) {
        guard call.name == AgentProfile.endCallTool.name, agent.mayEndCall else {
            jobQueue.yield(.tool(call))
            return
        }
        // What the agent has said so far is heard to its end first.
        let request = EndRequest(.agentHangup, mode: .drain(timeout: limits.drainTimeout))
        perform(machine.end(request, at: ports.clock.now))
    }

    // MARK: Orders

    private func perform(_ actions: [SessionAction]) {
        for action in actions { perform(action) }
        if !actions.isEmpty { media.value.pump() }
    }

    private func perform(_ action: SessionAction) {
        switch action {
        case .placeCall:
            jobQueue.yield(.place)
        case .connectAgent(let socket):
            agentSocket = socket
            jobQueue.yield(.connectAgent(socket: socket))
        case .dropAgent(let socket):
            guard socket == agentSocket else { return }
            media.value.agentLost()
            if let connection = agentConnection { jobQueue.yield(.closeAgent(connection)) }
            agentConnection = nil
        case .openUplink(let isFirst):
            if !isFirst, resumptionHandle == nil { recallConversation() }
            media.value.agentIsReady()
        case .greet:
            if let words = agent.firstMessage { media.value.command(.say(words)) }
        case .stopBridge:
            media.value.stop(at: ports.clock.now)
        case .hangUp(let id):
            jobQueue.yield(.hangUp(id))
        case .closeAgent:
            closeAgent()
        case .closeMedia:
            closeMedia()
        case .saveRecord(let receipt):
            jobQueue.yield(.save(receipt))
        case .updateRecord(let receipt):
            self.receipt = receipt
            jobQueue.yield(.update(receipt))
        case .finish(let receipt):
            finish(receipt)
        case .retire:
            media.value.detach()
            jobQueue.finish()
        case .publish(let kind):
            publish(kind)
        }
    }

    /// A new session of the model knows nothing: tell it what was said.
    private func recallConversation() {
        for turn in transcript.turns {
            let role: AgentCommand.MessageRole = turn.speaker == .caller ? .user : .assistant
            media.value.command(.addMessage(role: role, text: turn.text))
        }
    }

    private func closeAgent() {
        if let connection = agentConnection {
            jobQueue.yield(.closeAgent(connection))
        }
        // Still being opened: the task that opens it finds out, closes it and reports.
    }

    private func closeMedia() {
        guard let connection = mediaConnection else {
            perform(machine.mediaIsClosed(at: ports.clock.now))
            return
        }
        jobQueue.yield(.closeMedia(connection))
    }

    private func finish(_ receipt: EndReceipt) {
        self.receipt = receipt
        logger.info(
            "Call ended",
            metadata: [
                "reason": "\(receipt.reason.rawValue)", "duration_ms": "\(receipt.duration.wholeMilliseconds)",
                "teardown_ms": "\(receipt.teardown.wholeMilliseconds)",
                "carrier_confirmed": "\(receipt.carrierConfirmed)",
            ]
        )
        publish(.ended(receipt))
        let waiting = waiters
        waiters = []
        for waiter in waiting { waiter.resume(returning: receipt) }
        placementIsKnown()
    }

    // MARK: Jobs

    private func carryOut(_ job: Job) async {
        switch job {
        case .place:
            await place()
        case .connectAgent(let socket):
            await connectAgent(socket: socket)
        case .hangUp(let id):
            await hangUp(id)
        case .closeAgent(let connection):
            await connection.close()
            if !machine.isLive { perform(machine.agentIsClosed(at: ports.clock.now)) }
        case .closeMedia(let connection):
            await connection.close()
            perform(machine.mediaIsClosed(at: ports.clock.now))
        case .save(let receipt):
            await save(receipt)
        case .update(let receipt):
            do {
                try await ports.store.update(snapshot(with: receipt))
            } catch {
                logger.error("The record of an ended call could not be brought up to date")
            }
        case .tool(let call):
            await answer(call)
        }
    }

    private func place() async {
        guard let carrier = ports.carrier else { return }
        defer { placementIsKnown() }
        let order = PlaceOrder(
            callID: id,
            from: parties.from,
            to: parties.to,
            ringTimeout: limits.ringTimeout,
            timeLimit: limits.maxDuration,
            publicURL: parties.publicURL
        )
        do {
            let placed = try await carrier.place(order)
            carrierCallID = carrierCallID ?? placed
            placement = .success(placed)
            perform(machine.placed(placed, at: ports.clock.now))
        } catch {
            placement = .failure(error)
            perform(machine.placingFailed(error, at: ports.clock.now))
        }
    }

    private func hangUp(_ id: String) async {
        guard let carrier = ports.carrier else { return }
        let answer: Result<HangUpAnswer, CarrierError>
        do {
            answer = .success(try await carrier.hangUp(id))
        } catch {
            answer = .failure(error)
        }
        perform(machine.hangUpAnswered(answer, at: ports.clock.now))
    }

    private func connectAgent(socket: Int) async {
        let target = agent.provider.target(baseURL: agent.baseURL, model: agent.model, apiKey: agent.apiKey)
        do {
            let connection = try await ports.connector.connect(
                target,
                socket: socket,
                timeout: limits.agentSetupTimeout,
                session: self
            )
            await opened(connection, socket: socket)
        } catch {
            guard machine.isLive else {
                perform(machine.agentIsClosed(at: ports.clock.now))
                return
            }
            perform(machine.agentConnectFailed(socket: socket, error, at: ports.clock.now))
        }
    }

    private func opened(_ connection: any LegConnection, socket: Int) async {
        // Between the opening and now the call may have ended, or this attempt been given up.
        if machine.holdsAgent(socket: socket) {
            agentConnection = connection
            return
        }
        await connection.close()
        if !machine.isLive, socket == agentSocket { perform(machine.agentIsClosed(at: ports.clock.now)) }
    }

    /// The socket is open, on the loop, before any message of it is read.
    package func agentSocketOpened(_ sink: any LegSink, socket: Int) {
        guard machine.isLive, socket == agentSocket else { return }
        let media = media.value
        media.agentOpened(sink)
        perform(machine.agentOpened(socket: socket, at: ports.clock.now))
        if !media.agentAwaitsGreeting {
            media.command(.configure(agent.configuration(resumptionHandle: resumptionHandle)))
            media.pump()
        }
    }

    private func save(_ receipt: EndReceipt) async {
        do {
            try await ports.store.save(snapshot(with: receipt))
            perform(machine.recordSaved(error: nil, at: ports.clock.now))
        } catch {
            logger.error("The record of an ended call could not be saved")
            perform(machine.recordSaved(error: "the store failed", at: ports.clock.now))
        }
    }

    private func answer(_ call: AgentToolCall) async {
        let output =
            if let tools = ports.tools {
                await tools.call(call, on: id)
            } else {
                #"{"error":"no such function"}"#
            }
        guard machine.isLive else { return }
        media.value.command(.toolResult(id: call.id, name: call.name, output: output))
        media.value.pump()
    }

    // MARK: Telling

    private func publish(_ kind: CallEvent.Kind) {
        ports.events.publish(CallEvent(callID: id, at: ports.clock.now - startedOn, kind: kind))
    }

    private func callMilliseconds(at now: MonotonicInstant) -> Int {
        (now - startedOn).wholeMilliseconds
    }

    /// The call as it stands.
    public func snapshot() -> CallSnapshot {
        snapshot(with: receipt)
    }

    private func snapshot(with receipt: EndReceipt?) -> CallSnapshot {
        CallSnapshot(
            id: id,
            direction: direction,
            status: receipt?.status ?? machine.status,
            from: parties.from,
            to: parties.to,
            carrierCallID: carrierCallID,
            agent: agent,
            metadata: parties.metadata,
            publicURL: parties.publicURL,
            tenant: parties.tenant,
            startedAt: machine.startedAt,
            answeredAt: machine.answeredAt,
            endedAt: receipt?.endedAt,
            duration: receipt?.duration ?? (ports.clock.now - startedOn),
            transcript: transcript.turns,
            metrics: metrics(),
            receipt: receipt
        )
    }

    private func metrics() -> CallMetrics {
        let media = media.value
        let (up, down) = (media.uplink.counters, media.downlink.counters)
        var metrics = CallMetrics()
        metrics.framesFromCaller = up.frames
        metrics.bytesFromCaller = up.bytes
        metrics.bytesToAgent = up.bytesToAgent
        metrics.bytesFromAgent = down.bytesFromAgent
        metrics.framesToCaller = down.frames
        metrics.bytesToCaller = down.bytes
        metrics.interruptions = down.interruptions
        metrics.flushedMilliseconds = down.flushedBytes / media.downlink.format.bytesPerMillisecond
        metrics.gaps = up.gaps
        metrics.filledMilliseconds = up.filledMilliseconds
        metrics.duplicateFrames = up.duplicates
        metrics.droppedMilliseconds =
            up.droppedBytes / media.uplink.format.bytesPerMillisecond
            + down.droppedBytes / media.downlink.format.bytesPerMillisecond
        metrics.badMessages =
            media.counters.badTelephonyMessages + media.counters.badAgentMessages + up.badPayloads + down.badPayloads
        metrics.inputTokens = usage.inputTokens
        metrics.outputTokens = usage.outputTokens
        return metrics
    }
}
