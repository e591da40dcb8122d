package import TalkpathAudio
package import TalkpathWire

/// A call's media plane: both pipelines, both codecs, and the messages waiting for either socket.
///
/// A plain object on the call's event loop. Sockets pass it their messages and get messages from it; the ticker calls
/// it every 20 ms. Nothing here waits, locks or calls an actor. Events for the session collect in ``happenings``; the
/// caller of the method passes them on.
package final class CallMedia {
    /// An event for the session to act on. Audio is never one.
    package enum Happening: Equatable, Sendable {
        case streamStarted(TelephonyStreamStart)
        case streamStopped
        case dtmf(digit: UInt8)
        /// The caller spoke over the agent, and the agent has been silenced.
        case interrupted(PlaybackInterruption)
        /// The caller has begun or stopped speaking, as detected on the line.
        case callerVoice(VoiceActivityDetector.Transition)
        /// Muting the agent cut its speech short, or kept the caller from hearing it.
        case silenced(PlaybackInterruption)
        /// The agent has begun to answer the caller, who waited this long.
        case answered(after: Duration)
        /// The telephony leg's socket was told to clear, this long after the model reported the interruption.
        case cleared(after: Duration)
        case agent(AgentEvent)
        /// The first audio of an utterance has arrived; may come more than once for an utterance.
        case agentItemBegan(AgentItem)
    }

    /// Counts of messages that were not understood or not used, by socket.
    package struct Counters: Sendable, Equatable {
        package var badTelephonyMessages = 0
        package var ignoredTelephonyMessages = 0
        package var badAgentMessages = 0
        package var messagesAfterStop = 0
        /// The first error in each socket's messages, without the message's content.
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
    /// The times that the caller waited for answers.
    private(set) var turns = TurnClock()
    /// The times from the model's report of an interruption until the telephony leg's socket was told to clear.
    package private(set) var clearing = LatencyHistogram()
    /// The instant of that report, until the `clear` has been written.
    private var clearsSince: MonotonicInstant?

    private let telephony: Telephony
    private let bargeIn: BargeIn
    private var telephonyCodec = TwilioMediaStreamsCodec()
    private var agentCodec: AgentCodec
    private let provider: AgentProvider

    private var toTelephony = MessageOutbox(capacity: 1024)
    // A 24 kHz frame takes 1.4 kB in a message to the agent; larger messages make the outbox grow.
    private var toAgent = MessageOutbox(capacity: 2048)
    /// The messages that are being handed to the sockets, so that more can be written meanwhile.
    private var leavingForTelephony = MessageOutbox(capacity: 1024)
    private var leavingForAgent = MessageOutbox(capacity: 2048)
    private var isPumping = false
    /// The instant of the latest message of the caller.
    private var lastWake = MonotonicInstant(nanoseconds: 0)
    /// Records this call's traffic, if the call is captured.
    package var tap: CaptureTap?
    /// Lets others listen: they get copies of the telephony leg's messages. Without listeners a message costs one load.
    private var listeners = TapSet()
    private var telephonySink: (any LegSink)?
    private var agentSink: (any LegSink)?

    /// True while the telephony leg accepts audio.
    private var isStreaming = false
    /// True while the agent accepts audio.
    private var isAgentReady = false
    /// True once the call is ending: no audio moves any more.
    package private(set) var isStopped = false

    private var agentEvents: [AgentEvent] = []
    /// The instant at which the model reported an interruption, or at which the latest rest of the interrupted response
    /// arrived.
    private var lastRest: MonotonicInstant?
    /// The rest of an interrupted response arrives without a pause as long as this.
    private static let restPatience = Duration.milliseconds(300)
    /// The item of the latest audio.
    private var newestItem: AgentItem?
    /// The base of the present socket's item numbers: every socket's codec begins at 0, but the numbers must be unique
    /// in a call.
    private var itemBase = 0
    /// Changes whenever the model's socket does. Messages of sockets with an older generation are ignored.
    package private(set) var agentGeneration = 0
    /// The instant of the model's latest message.
    private(set) var lastAgentMessage: MonotonicInstant?
    /// The instant of the model's latest audio.
    private(set) var lastAgentAudio: MonotonicInstant?
    /// After such a pause in the audio of a response, the model has waited for something: a function's result.
    private static let speechPause = Duration.milliseconds(500)

    /// The distance between the item numbers of two successive sockets.
    private static let itemsPerSocket = 1_000_000

    /// Makes the media plane of a call whose caller comes over a carrier's media socket.
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

    /// Makes the media plane of a call whose audio comes over rings from the embedder's own audio thread.
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

    /// Handles one message of the carrier's media socket. On the loop.
    package func telephonyReceived(_ message: RawSpan, at now: MonotonicInstant) {
        tap?.telephonyReceived(message, at: now)
        listeners.writer.write(.fromTelephony, at: now, message)
        lastWake = now
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

    /// The call has stopped; only the carrier's `stop` still matters.
    private func receiveAfterStop(_ message: RawSpan) {
        if let event = try? telephonyCodec.receive(message), case .stopped = event {
            happenings.append(.streamStopped)
        } else {
            counters.messagesAfterStop += 1
        }
    }

    // MARK: Agent leg

    /// Handles one message of the model's socket. On the loop.
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
            let isResumed = lastAgentAudio.map { now - $0 >= Self.speechPause } ?? false
            lastAgentAudio = now
            if lastRest != nil { lastRest = now }
            if audio.item != newestItem || isResumed {
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
            // A model that does not stop by itself is silenced only by the local detector.
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

    /// Silences the agent in one step: ends the epoch, computes how much was heard, drops the backlog, tells the far
    /// end to clear, and tells the model how much was heard.
    private func interrupt(at now: MonotonicInstant) {
        clearTelephony(noticed: now, at: now)
        guard let interruption = downlink.interrupt(at: now) else { return }
        tellModel(interruption)
        happenings.append(.interrupted(interruption))
    }

    /// The local detector has heard the caller speak over the agent, or the caller has pressed a key that silences it.
    func interruptLocally(at now: MonotonicInstant) {
        guard isCallerHeard, downlink.mayBeHeard else { return }
        // A model that cannot be cancelled continues, and the rest of its turn is dropped.
        if downlink.isResponding { write(.cancelResponse) }
        interrupt(at: now)
    }

    /// Writes a command to the agent. Skips commands about items that the present socket does not know.
    func write(_ command: AgentCommand) {
        var command = command
        switch command {
        case .truncate(let item, let milliseconds):
            guard item.index >= itemBase else { return }
            command = .truncate(item: AgentItem(index: item.index - itemBase), heardMilliseconds: milliseconds)
        case .delete(let item):
            guard item.index >= itemBase else { return }
            command = .delete(item: AgentItem(index: item.index - itemBase))
        case .configure, .change, .cancelResponse, .say, .respond, .addMessage, .history, .prompt, .toolResult:
            break
        }
        agentCodec.write(command, to: &toAgent)
    }

    func append(_ happening: Happening) {
        happenings.append(happening)
    }

    /// Empties the far end, if it may hold audio. Messages that were not sent yet are dropped.
    /// - Parameters:
    ///   - noticed: the instant at which the model reported the interruption that this is for.
    ///   - sparesDigits: does nothing while dialled digits are being played.
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

    /// True if a `clear` was handed to the socket whose delay is not measured yet; see ``noteCleared(at:)``.
    package var isClearing: Bool { clearsSince != nil }

    /// Records that the messages handed over before were written to the telephony leg's socket.
    ///
    /// - Parameter now: an instant read after that, not the wake's own.
    package func noteCleared(at now: MonotonicInstant) {
        guard let since = clearsSince else { return }
        clearsSince = nil
        clearing.record(now - since)
        happenings.append(.cleared(after: now - since))
    }

    // MARK: Session's orders

    /// A socket to the model is open: `sink` receives its messages, and a new codec reads them.
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

    /// True if the provider sends the first message, and is configured in reply to it.
    package var agentAwaitsGreeting: Bool { agentCodec.awaitsGreeting }

    /// The model's socket is gone. From now on the ring keeps the caller's audio.
    package func agentLost() {
        agentSink = nil
        isAgentReady = false
        agentGeneration += 1
        toAgent.removeAll()
        guard !isStopped else { return }
        downlink.sourceLost()
    }

    /// Lets audio flow to the agent; audio that was kept in the ring goes first.
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

    /// The events since the last call, oldest first.
    package func takeHappenings() -> [Happening] {
        guard !happenings.isEmpty else { return [] }
        tap?.noting()
        let taken = happenings
        happenings.removeAll(keepingCapacity: true)
        return taken
    }

    /// Stops the media plane: from now on no audio moves in either direction. Waiting audio is dropped.
    ///
    /// - Returns: how much the caller heard of the agent's current speech; `nil` if nothing was cut short.
    package func stop(at now: MonotonicInstant) -> PlaybackInterruption? {
        guard !isStopped else { return nil }
        isStopped = true
        isStreaming = false
        isAgentReady = false
        uplink.flush()
        toAgent.removeAll()
        clearTelephony(sparesDigits: false, at: now)
        let interruption = downlink.flush(at: now)
        downlink.finish()
        return interruption
    }

    /// Attaches listeners, from any thread.
    package var listening: TapPoint { listeners.point }

    private func tellListeners() {
        guard listeners.writer.wants(.toTelephony) else { return }
        toTelephony.peek { listeners.writer.write(.toTelephony, at: lastWake, $0) }
    }

    /// Releases the sockets. Call it after ``stop(at:)``.
    package func detach() {
        telephonySink = nil
        agentSink = nil
    }

    // MARK: Audio

    /// Does one frame's work. Called every 20 ms, on the loop.
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
    /// A socket that breaks during a write reports it at once, from within. The other socket is then read, and this
    /// method is called again. The messages that come of that are handed over after the present ones.
    package func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        if let tap, !toTelephony.isEmpty || !toAgent.isEmpty { tap.pumping() }
        while hasMessages {
            if let telephonySink, !toTelephony.isEmpty {
                if let tap { toTelephony.peek { tap.telephonySent($0) } }
                tellListeners()
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

    /// True if messages wait for a socket that is open.
    private var hasMessages: Bool {
        (telephonySink != nil && !toTelephony.isEmpty) || (agentSink != nil && !toAgent.isEmpty)
    }

    /// True while the caller speaks, or hears the agent.
    func isHeard(at now: MonotonicInstant) -> Bool {
        uplink.voice.isSpeaking || !downlink.isPlayedOut(at: now)
    }

    /// True while the agent gives an audible response that has not ended.
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

/// The settings of a call's media plane.
package struct MediaPlan: Sendable, Equatable {
    package var provider: AgentProvider
    /// The formats of the audio to and from the agent.
    package var agentInput: AudioFormat
    package var agentOutput: AudioFormat
    /// The resampling engine, for both directions.
    package var resampler: ResamplerEngine
    /// The time by which the far end's buffer may be ahead of real time.
    package var lead: Duration
    /// The caller audio, in milliseconds, that is kept while no agent is connected.
    package var uplinkMilliseconds: Int
    /// The detector that decides on barge-in: the model's, our local one, or both.
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
