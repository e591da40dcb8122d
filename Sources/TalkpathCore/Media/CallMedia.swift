package import TalkpathAudio
package import TalkpathWire

/// A call's media plane: both pipelines, both codecs, and the messages waiting for either socket.
///
/// A plain object on the call's event loop. Sockets hand it messages and are handed messages; the ticker calls it
/// every 20 ms; nothing here waits, locks or asks an actor. What the session has to know about is left in
/// ``happenings``, for whoever called to pass on.
package final class CallMedia {
    /// Something for the session to act on. Audio is not among them.
    package enum Happening: Equatable, Sendable {
        case streamStarted(TelephonyStreamStart)
        case streamStopped
        case dtmf(digit: UInt8)
        /// The caller spoke over the agent, and the agent has been silenced.
        case interrupted(PlaybackInterruption)
        /// The caller has begun or ceased to speak, as heard on the line.
        case callerVoice(VoiceActivityDetector.Transition)
        /// The agent's words were cut, or never heard, because somebody muted it.
        case silenced(PlaybackInterruption)
        /// The agent has begun to answer the caller, who waited this long.
        case answered(after: Duration)
        /// The telephony leg's socket has been told to clear, so long after the model's word.
        case cleared(after: Duration)
        case agent(AgentEvent)
        /// Audio of an utterance begins to come; it may be told more than once.
        case agentItemBegan(AgentItem)
    }

    /// Messages that were not understood, by socket.
    package struct Counters: Sendable, Equatable {
        package var badTelephonyMessages = 0
        package var ignoredTelephonyMessages = 0
        package var badAgentMessages = 0
        package var messagesAfterStop = 0
        /// The first message that was not understood, by socket; without its content.
        package var firstTelephonyFault: WireError?
        package var firstAgentFault: WireError?
    }

    private enum Telephony {
        case twilio, ring
    }

    package internal(set) var uplink: UplinkPipeline
    package internal(set) var downlink: DownlinkPipeline
    package private(set) var counters = Counters()
    package private(set) var happenings: [Happening] = []
    /// How long the caller waits for answers.
    private(set) var turns = TurnClock()
    /// From the model's word that the caller interrupts until the telephony leg's socket has been told to clear.
    package private(set) var clearing = LatencyHistogram()
    /// When the model said so, until the order to clear is on its way.
    private var clearsSince: MonotonicInstant?

    private let telephony: Telephony
    private let bargeIn: BargeIn
    private var telephonyCodec = TwilioMediaStreamsCodec()
    private var agentCodec: AgentCodec
    private let provider: AgentProvider

    private var toTelephony = MessageOutbox(capacity: 1024)
    // A frame of 24 kHz is 1.4 kB to the agent; whoever needs more grows.
    private var toAgent = MessageOutbox(capacity: 2048)
    /// What is being handed to the sockets, so that more can be written meanwhile.
    private var leavingForTelephony = MessageOutbox(capacity: 1024)
    private var leavingForAgent = MessageOutbox(capacity: 2048)
    private var isPumping = false
    /// Takes down what goes through here, if the call is captured.
    package var tap: CaptureTap?
    private var telephonySink: (any LegSink)?
    private var agentSink: (any LegSink)?

    /// The caller's line takes audio.
    private var isStreaming = false
    /// The agent takes audio.
    private var isAgentReady = false
    /// The call is being ended: no audio moves any more.
    package private(set) var isStopped = false

    private var agentEvents: [AgentEvent] = []
    /// When the model said that it was interrupted, or the newest rest of what was interrupted came.
    private var lastRest: MonotonicInstant?
    /// The rest of what was interrupted comes without such a pause.
    private static let restPatience = Duration.milliseconds(300)
    /// Whose audio came last.
    private var newestItem: AgentItem?
    /// Items of a socket's codec begin at 0; over the whole call they must differ.
    private var itemBase = 0
    /// Changes whenever the model's socket does: a socket of an older generation has nothing to say any more.
    package private(set) var agentGeneration = 0
    /// When the model last said anything at all.
    private(set) var lastAgentMessage: MonotonicInstant?

    /// How far an item's number lies from that of the socket before.
    private static let itemsPerSocket = 1_000_000

    /// A call whose caller comes over a carrier's media socket.
    package init(plan: MediaPlan) throws(ResamplerError) {
        let ring = ByteRing(minimumCapacity: plan.uplinkMilliseconds * AudioFormat.telephony.bytesPerMillisecond)
        telephony = .twilio
        provider = plan.provider
        bargeIn = plan.bargeIn
        agentCodec = AgentCodec(plan.provider)
        uplink = try UplinkPipeline(
            from: .telephony,
            to: plan.agentInput,
            engine: plan.resampler,
            producer: ring.producer,
            consumer: ring.consumer,
            hearsIntrusion: plan.bargeIn != .model
        )
        downlink = try DownlinkPipeline(
            from: plan.agentOutput,
            to: .telephony,
            engine: plan.resampler,
            lead: plan.lead,
            ring: nil
        )
    }

    /// A call whose caller's audio is handed over on rings by the embedder's own audio thread.
    package init(
        plan: MediaPlan,
        format: AudioFormat,
        callerAudio: consuming ByteRing.Consumer,
        agentAudio: consuming ByteRing.Producer
    ) throws(ResamplerError) {
        telephony = .ring
        provider = plan.provider
        bargeIn = plan.bargeIn
        agentCodec = AgentCodec(plan.provider)
        uplink = try UplinkPipeline(
            from: format,
            to: plan.agentInput,
            engine: plan.resampler,
            producer: nil,
            consumer: callerAudio,
            hearsIntrusion: plan.bargeIn != .model
        )
        downlink = try DownlinkPipeline(
            from: plan.agentOutput,
            to: format,
            engine: plan.resampler,
            lead: plan.lead,
            ring: agentAudio
        )
        isStreaming = true
    }

    // MARK: Telephony leg

    /// One message of the carrier's media socket. On the loop.
    package func telephonyReceived(_ message: RawSpan, at now: MonotonicInstant) {
        tap?.telephonyReceived(message, at: now)
        guard !isStopped else {
            receiveAfterStop(message)
            return
        }
        do {
            switch try telephonyCodec.receive(message) {
            case .media(let media):
                uplink.ingest(media, in: message, at: now)
                hearCaller(at: now)
                forwardCallerAudio(at: now)
            case .mark(let mark):
                if let mark { downlink.echoed(mark, at: now) }
            case .dtmf(let digit):
                happenings.append(.dtmf(digit: digit))
            case .started(let start):
                guard !isStreaming else {
                    counters.ignoredTelephonyMessages += 1
                    return
                }
                isStreaming = true
                happenings.append(.streamStarted(start))
                sendAgentAudio(isTick: false, at: now)
            case .stopped:
                happenings.append(.streamStopped)
            case .connected:
                break
            case .ignored:
                counters.ignoredTelephonyMessages += 1
            }
        } catch {
            counters.badTelephonyMessages += 1
            counters.firstTelephonyFault = counters.firstTelephonyFault ?? error
        }
    }

    /// The bridge has stopped, and only the carrier's farewell matters.
    private func receiveAfterStop(_ message: RawSpan) {
        if let event = try? telephonyCodec.receive(message), case .stopped = event {
            happenings.append(.streamStopped)
        } else {
            counters.messagesAfterStop += 1
        }
    }

    // MARK: Agent leg

    /// One message of the model's socket. On the loop.
    package func agentReceived(_ message: RawSpan, at now: MonotonicInstant) {
        tap?.agentReceived(message, at: now)
        guard !isStopped else {
            counters.messagesAfterStop += 1
            return
        }
        lastAgentMessage = now
        if let lastRest, now - lastRest >= Self.restPatience {
            self.lastRest = nil
            agentCodec.interruptionIsOver()
        }
        agentEvents.removeAll(keepingCapacity: true)
        do {
            try agentCodec.receive(message, into: &agentEvents)
        } catch {
            counters.badAgentMessages += 1
            counters.firstAgentFault = counters.firstAgentFault ?? error
        }
        for event in agentEvents { take(event, of: message, at: now) }
    }

    private func take(_ event: AgentEvent, of message: RawSpan, at now: MonotonicInstant) {
        switch event {
        case .audio(var audio):
            audio.item.index += itemBase
            if lastRest != nil { lastRest = now }
            if audio.item != newestItem {
                newestItem = audio.item
                happenings.append(.agentItemBegan(audio.item))
            }
            downlink.ingest(audio, in: message)
            sendAgentAudio(isTick: false, at: now)
        case .audioEnded(let item):
            let item = AgentItem(index: item.index + itemBase)
            downlink.ended(item)
            tellModelMuted(endedBy: item)
            sendAgentAudio(isTick: false, at: now)
        case .responseStarted:
            lastRest = nil
            downlink.responseStarted()
            happenings.append(.agent(event))
        case .callerSpeechStarted(let milliseconds, let item):
            // One that does not fall silent by itself is silenced by our own ears only.
            if bargeIn != .local { interrupt(at: now) }
            let item = item.map { AgentItem(index: $0.index + itemBase) }
            happenings.append(.agent(.callerSpeechStarted(inputMilliseconds: milliseconds, item: item)))
        case .interrupted:
            interrupt(at: now)
            downlink.awaitResponse()
            lastRest = now
            happenings.append(.agent(event))
        case .ready:
            happenings.append(.agent(event))
        case .ignored:
            break
        case .agentTranscript(var piece):
            piece.item.index += itemBase
            happenings.append(.agent(.agentTranscript(piece)))
        case .callerTranscript(var piece):
            piece.item.index += itemBase
            happenings.append(.agent(.callerTranscript(piece)))
        case .responseEnded:
            downlink.responseEnded()
            tellModelMuted(endedBy: nil)
            sendAgentAudio(isTick: false, at: now)
            happenings.append(.agent(event))
        case .awaitingConfiguration, .callerSpeechEnded, .toolCall, .toolCallsCancelled, .goingAway,
            .resumptionHandle, .usage, .error:
            happenings.append(.agent(event))
        }
    }

    /// Silences the agent, in one step: the epoch ends, what was heard is computed, the backlog is dropped, the far
    /// end is told to clear and the model how much was heard.
    private func interrupt(at now: MonotonicInstant) {
        clearTelephony(noticed: now, at: now)
        guard let interruption = downlink.interrupt(at: now) else { return }
        tellModel(interruption)
        happenings.append(.interrupted(interruption))
    }

    /// Our own ears have heard the caller speak over the agent.
    private func interruptLocally(at now: MonotonicInstant) {
        guard isCallerHeard, downlink.mayBeHeard else { return }
        // A model that cannot be cancelled talks on, and the rest of its turn is dropped.
        if downlink.isResponding { write(.cancelResponse) }
        interrupt(at: now)
    }

    /// Writes a command about one of the agent's items, if the present socket knows it.
    func write(_ command: AgentCommand) {
        var command = command
        switch command {
        case .truncate(let item, let milliseconds):
            guard item.index >= itemBase else { return }
            command = .truncate(item: AgentItem(index: item.index - itemBase), heardMilliseconds: milliseconds)
        case .delete(let item):
            guard item.index >= itemBase else { return }
            command = .delete(item: AgentItem(index: item.index - itemBase))
        case .configure, .cancelResponse, .say, .respond, .addMessage, .history, .prompt, .toolResult:
            break
        }
        agentCodec.write(command, to: &toAgent)
    }

    func append(_ happening: Happening) {
        happenings.append(happening)
    }

    /// Empties the far end, if it may hold anything. What it has not been sent yet is not sent any more.
    /// - Parameter noticed: when the model reported the interruption that this is for.
    func clearTelephony(
        noticed: MonotonicInstant? = nil,
        sparesDigits: Bool = true,
        at now: MonotonicInstant
    ) {
        guard telephony == .twilio, downlink.mayBePlaying else { return }
        if sparesDigits, downlink.hasDigitsUnderWay(at: now) { return }
        toTelephony.removeAll()
        guard telephonyCodec.writeClear(to: &toTelephony) else { return }
        clearsSince = noticed
    }

    /// Whether an order to clear has been handed over whose delay is not yet measured; see ``noteCleared(at:)``.
    package var isClearing: Bool { clearsSince != nil }

    /// The messages handed over before have been written to the telephony leg's socket.
    ///
    /// - Parameter now: read after that, not the wake's own instant.
    package func noteCleared(at now: MonotonicInstant) {
        guard let since = clearsSince else { return }
        clearsSince = nil
        clearing.record(now - since)
        happenings.append(.cleared(after: now - since))
    }

    // MARK: Session's orders

    /// A socket to the model is open: `sink` takes its messages, a new codec reads them.
    package func agentOpened(_ sink: any LegSink) {
        guard !isStopped else { return }
        if agentGeneration > 0 { itemBase += Self.itemsPerSocket }
        agentGeneration += 1
        agentCodec = AgentCodec(provider)
        lastRest = nil
        toAgent.removeAll()
        agentSink = sink
        isAgentReady = false
    }

    /// Whether the model speaks first after its socket has opened.
    package var agentAwaitsGreeting: Bool { agentCodec.awaitsGreeting }

    /// The model's socket is gone. What the caller says from now on is kept in the ring.
    package func agentLost() {
        agentSink = nil
        isAgentReady = false
        agentGeneration += 1
        toAgent.removeAll()
        guard !isStopped else { return }
        downlink.sourceLost()
    }

    /// Audio may flow to the agent; what was kept goes first.
    package func agentIsReady(at now: MonotonicInstant) {
        guard !isStopped else { return }
        isAgentReady = true
        forwardCallerAudio(at: now)
    }

    package func telephonyOpened(_ sink: any LegSink) {
        guard !isStopped else { return }
        telephonySink = sink
    }

    package func command(_ command: AgentCommand) {
        guard !isStopped, agentSink != nil else { return }
        write(command)
    }

    /// What happened since the last call, oldest first.
    package func takeHappenings() -> [Happening] {
        guard !happenings.isEmpty else { return [] }
        tap?.noting()
        let taken = happenings
        happenings.removeAll(keepingCapacity: true)
        return taken
    }

    /// Stops the bridge: from now on no audio moves, in either direction. What waited is dropped.
    ///
    /// - Returns: what the caller heard of what the agent was saying, or nil if nothing was cut short.
    package func stop(at now: MonotonicInstant) -> PlaybackInterruption? {
        guard !isStopped else { return nil }
        isStopped = true
        isStreaming = false
        isAgentReady = false
        uplink.flush()
        toAgent.removeAll()
        clearTelephony(sparesDigits: false, at: now)
        return downlink.flush(at: now)
    }

    /// Forgets the sockets. After ``stop(at:)``.
    package func detach() {
        telephonySink = nil
        agentSink = nil
    }

    // MARK: Audio

    /// Every 20 ms, on the loop.
    package func tick(at now: MonotonicInstant) {
        guard !isStopped else { return }
        if telephony == .ring {
            forwardCallerAudio(at: now)
            hearCaller(at: now)
        }
        sendAgentAudio(isTick: true, at: now)
        downlink.settleMilestones(at: now)
    }

    /// Hands the waiting messages to the sockets. Called once per wake.
    ///
    /// A socket that breaks while it is written to says so at once, from within: the other socket is then read, and
    /// this is called again. What comes of that is handed over after what is under way.
    package func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        if let tap, !toTelephony.isEmpty || !toAgent.isEmpty { tap.pumping() }
        while hasMessages {
            if let telephonySink, !toTelephony.isEmpty {
                if let tap { toTelephony.peek { tap.telephonySent($0) } }
                swap(&toTelephony, &leavingForTelephony)
                telephonySink.drain(&leavingForTelephony)
            }
            if let agentSink, !toAgent.isEmpty {
                if let tap { toAgent.peek { tap.agentSent($0) } }
                swap(&toAgent, &leavingForAgent)
                agentSink.drain(&leavingForAgent)
            }
        }
    }

    /// For a socket that is there.
    private var hasMessages: Bool {
        (telephonySink != nil && !toTelephony.isEmpty) || (agentSink != nil && !toAgent.isEmpty)
    }

    /// Whether the caller speaks, or hears the agent.
    func isHeard(at now: MonotonicInstant) -> Bool {
        uplink.voice.isSpeaking || !downlink.isPlayedOut(at: now)
    }

    /// The agent has begun an answer that is to be heard, and not ended it.
    var isAgentTalking: Bool { downlink.isResponding && !downlink.isMuted }

    package func isPlayedOut(at now: MonotonicInstant) -> Bool { downlink.isPlayedOut(at: now) }

    private func forwardCallerAudio(at now: MonotonicInstant) {
        guard isAgentReady else { return }
        uplink.drain(through: agentCodec, to: &toAgent, at: now)
    }

    private func hearCaller(at now: MonotonicInstant) {
        if uplink.takeIntrusion() { interruptLocally(at: now) }
        guard let transition = uplink.takeTransition() else { return }
        if transition == .speechStarted { turns.callerBegan() }
        happenings.append(.callerVoice(transition))
    }

    private func sendAgentAudio(isTick: Bool, at now: MonotonicInstant) {
        guard isStreaming else { return }
        switch telephony {
        case .twilio:
            downlink.send(through: telephonyCodec, to: &toTelephony, isTick: isTick, at: now)
        case .ring:
            downlink.sendToRing(isTick: isTick, at: now)
        }
        guard downlink.takeRunBegan(),
            let waited = turns.agentBegan(at: now, lastSpeech: uplink.voice.lastSpeech)
        else { return }
        happenings.append(.answered(after: waited))
    }
}

/// What a call's media plane is built for.
package struct MediaPlan: Sendable, Equatable {
    package var provider: AgentProvider
    /// What the agent is sent, and what it sends.
    package var agentInput: AudioFormat
    package var agentOutput: AudioFormat
    /// Who resamples, both ways.
    package var resampler: ResamplerEngine
    /// How far ahead of real time the caller's end is filled.
    package var lead: Duration
    /// How much caller audio is kept while the agent is not there.
    package var uplinkMilliseconds: Int
    /// Whose word silences the agent.
    package var bargeIn: BargeIn

    package init(
        provider: AgentProvider,
        agentInput: AudioFormat,
        agentOutput: AudioFormat,
        resampler: ResamplerEngine = .default,
        lead: Duration = .milliseconds(200),
        uplinkMilliseconds: Int = 10_000,
        bargeIn: BargeIn = .model
    ) {
        self.provider = provider
        self.agentInput = agentInput
        self.agentOutput = agentOutput
        self.resampler = resampler
        self.lead = lead
        self.uplinkMilliseconds = uplinkMilliseconds
        self.bargeIn = bargeIn
    }
}
