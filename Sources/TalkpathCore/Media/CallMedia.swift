package import TalkpathAudio
package import TalkpathWire

/// A call's media plane: both pipelines, both codecs, and the messages waiting for either socket.
///
/// A plain object on the call's event loop. Sockets pass it their messages and get messages from it; the ticker calls
/// it every 20 ms. Nothing here waits, locks or calls an actor. Events for the session collect in ``events``; the
/// caller of the method passes them on.
package final class CallMedia {
    private enum Telephony {
        case twilio, ring
    }

    package internal(set) var uplink: UplinkPipeline
    package internal(set) var downlink: DownlinkPipeline
    package internal(set) var counters = MediaCounters()
    package private(set) var events: [MediaEvent] = []
    /// The times that the caller waited for answers.
    private(set) var turns = TurnClock()
    /// The times from the model's report of an interruption until the telephony leg's socket was told to clear.
    package var clearing: LatencyHistogram { clears.latency }
    private var clears = ClearClock()

    private let telephony: Telephony
    private var bargeIn: BargeIn
    private var telephonyCodec = TwilioMediaStreamsCodec()
    private(set) var agentCodec: AgentCodec
    private(set) var provider: AgentProvider

    let outlets = MediaOutlets()
    /// The instant of the latest message of the caller.
    private var lastWake = MonotonicInstant(nanoseconds: 0)
    /// Records this call's traffic, if the call is captured.
    package var tap: CaptureTap?

    /// True while the telephony leg accepts audio.
    private var isStreaming = false
    /// True while the agent accepts audio.
    private var isAgentReady = false
    /// True once the call is ending: no audio moves any more.
    package private(set) var isStopped = false

    private var agentEvents: [AgentEvent] = []
    var agentClock = AgentClock()
    private var items = AgentItemNumbers()
    /// The moments from which it is told whether the caller has cut a continuous track short.
    var overlap = SpeechOverlap()
    /// True once the agent was told of the end, until it has taken its leave.
    var awaitsGoodbye = false
    /// True after the end while the model still owes the caller's last words in writing.
    var awaitsLastWords = false
    /// Changes whenever the model's socket does. Messages of sockets with an older generation are ignored.
    package private(set) var agentGeneration = 0

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
            isContinuous: plan.provider.isContinuous,
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
            isContinuous: plan.provider.isContinuous,
            ring: agentAudio
        )
        isStreaming = true
    }

    // MARK: Telephony leg

    /// Handles one message of the carrier's media socket. On the loop.
    package func telephonyReceived(_ message: RawSpan, at now: MonotonicInstant) {
        tap?.telephonyReceived(message, at: now)
        outlets.tellListeners(of: message, at: now)
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
                events.append(.dtmf(digit: digit))
            case .started(let start):
                guard !isStreaming else {
                    counters.ignoredTelephonyMessages += 1
                    return
                }
                isStreaming = true
                events.append(.streamStarted(start))
                sendAgentAudio(isTick: false, at: now)
            case .stopped:
                events.append(.streamStopped)
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
            events.append(.streamStopped)
        } else {
            counters.messagesAfterStop += 1
        }
    }

    // MARK: Agent leg

    /// Handles one message of the model's socket. On the loop.
    package func agentReceived(_ message: RawSpan, isText: Bool = true, at now: MonotonicInstant) {
        tap?.agentReceived(message, isAudio: !isText && provider == .socket, at: now)
        guard !isStopped else {
            counters.messagesAfterStop += 1
            takeGoodbye(message)
            return
        }
        if !provider.isContinuous, agentClock.received(at: now) { agentCodec.interruptionIsOver() }
        agentEvents.removeAll(keepingCapacity: true)
        do {
            try agentCodec.receive(message, isText: isText, into: &agentEvents)
        } catch {
            counters.badAgentMessages += 1
            counters.firstAgentFault = counters.firstAgentFault ?? error
            agentCodec.write(.fault(error), to: &outlets.toAgent)
        }
        for event in agentEvents { take(event, of: message, at: now) }
    }

    private func take(_ event: AgentEvent, of message: RawSpan, at now: MonotonicInstant) {
        switch event {
        case .audio(let audio) where provider.isContinuous:
            takeTrack(audio, of: message, at: now)
        case .audio(var audio):
            audio.item = items.inCall(audio.item)
            if agentClock.receivedAudio(of: audio.item, at: now) { events.append(.agentItemBegan(audio.item)) }
            downlink.ingest(audio, in: message)
            sendAgentAudio(isTick: false, at: now)
        case .audioEnded(let item):
            let item = items.inCall(item)
            downlink.ended(item)
            tellModelUnheard(endedBy: item)
            sendAgentAudio(isTick: false, at: now)
        case .responseStarted:
            agentClock.restIsOver()
            downlink.responseStarted()
            events.append(.agent(event))
        case .callerSpeechStarted(let milliseconds, let item):
            // A model that does not stop by itself is silenced only by the local detector.
            if bargeIn != .local { interrupt(at: now) }
            let item = item.map { items.inCall($0) }
            events.append(.agent(.callerSpeechStarted(inputMilliseconds: milliseconds, item: item)))
        case .interrupted:
            interrupt(at: now)
            downlink.awaitResponse()
            agentClock.interrupted(at: now)
            events.append(.agent(event))
        case .ready:
            events.append(.agent(event))
        case .ignored:
            counters.ignoredAgentMessages += 1
        case .inputFormat(let format):
            if !uplink.adopt(format) { counters.badAgentMessages += 1 }
        case .agentTranscript(let piece) where provider.isContinuous:
            takeAgentWords(piece, at: now)
        case .callerTranscript(let piece) where provider.isContinuous:
            takeCallerWords(piece, at: now)
        case .agentTranscript(var piece):
            piece.item = items.inCall(piece.item)
            // A socket agent may tell words without speaking them.
            if provider != .socket { downlink.sound.wrote(piece.item) }
            events.append(.agent(.agentTranscript(piece)))
        case .callerTranscript(var piece):
            piece.item = items.inCall(piece.item)
            events.append(.agent(.callerTranscript(piece)))
        case .responseEnded(var end):
            if end.status == .completed, let fault = downlink.sound.fault {
                end.status = .failed
                end.reason = fault
                overlook(downlink.sound.items, isMissing: fault == ResponseSound.missing)
            }
            downlink.responseEnded()
            tellModelUnheard(endedBy: nil)
            sendAgentAudio(isTick: false, at: now)
            events.append(.agent(.responseEnded(end)))
        case .toolCall:
            downlink.sound.called()
            events.append(.agent(event))
        case .awaitingConfiguration, .callerSpeechEnded, .toolCallsCancelled, .goingAway,
            .resumptionHandle, .usage, .sessionBilled, .sessionClosed, .expires, .error, .mark, .endRequested:
            events.append(.agent(event))
        case .resultsComplete:
            write(.respond)
        }
    }

    /// Silences the agent in one step: ends the epoch, computes how much was heard, drops the backlog, tells the far
    /// end to clear, and tells the model how much was heard.
    private func interrupt(at now: MonotonicInstant) {
        clearTelephony(noticed: now, at: now)
        guard let interruption = downlink.interrupt(at: now) else { return }
        tellModel(interruption)
        events.append(.interrupted(interruption))
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
        guard let command = items.onSocket(command) else { return }
        agentCodec.write(command, to: &outlets.toAgent)
    }

    func append(_ event: MediaEvent) {
        events.append(event)
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
        outlets.toTelephony.removeAll()
        guard telephonyCodec.writeClear(to: &outlets.toTelephony) else { return }
        clears.written(noticed: noticed)
    }

    /// True if a `clear` was handed to the socket whose delay is not measured yet; see ``noteCleared(at:)``.
    package var isClearing: Bool { clears.isPending }

    /// Records that the messages handed over before were written to the telephony leg's socket.
    ///
    /// - Parameter now: an instant read after that, not the wake's own.
    package func noteCleared(at now: MonotonicInstant) {
        if let latency = clears.sent(at: now) { events.append(.cleared(after: latency)) }
    }

    // MARK: Session's orders

    /// A socket to the model is open: `sink` receives its messages, and a new codec reads them.
    package func agentOpened(_ sink: any LegSink) {
        guard !isStopped else { return }
        if agentGeneration > 0 { items.nextSocket() }
        agentGeneration += 1
        downlink.track?.socketBegan(base: items.inCall(AgentItem(index: 0)).index)
        agentCodec = AgentCodec(provider)
        agentClock.restIsOver()
        outlets.toAgent.removeAll()
        outlets.agentSink = sink
        isAgentReady = false
    }

    /// True if the provider sends the first message, and is configured in reply to it.
    package var agentAwaitsGreeting: Bool { agentCodec.awaitsGreeting }

    /// The model's socket is gone. From now on the ring keeps the caller's audio.
    package func agentLost() {
        outlets.agentSink = nil
        isAgentReady = false
        agentGeneration += 1
        outlets.toAgent.removeAll()
        uplink.stopClock()
        guard !isStopped else { return }
        finishWords()
        downlink.sourceLost()
    }

    /// Another agent takes the call over, after ``agentLost()``: its codec and its formats hold from now on. The caller's
    /// audio stays in the ring, and the agent's audio that waits to be heard stays in the backlog.
    ///
    /// - Returns: false if no filter fits the sample rates of its formats.
    func agentChanges(to plan: MediaPlan) -> Bool {
        guard !isStopped else { return true }
        provider = plan.provider
        bargeIn = plan.bargeIn
        agentCodec = AgentCodec(plan.provider)
        overlap = SpeechOverlap()
        let hears = uplink.agentChanges(
            to: plan.agentInput,
            engine: plan.resampler,
            hearsIntrusion: plan.bargeIn != .model
        )
        let speaks = downlink.agentChanges(
            to: plan.agentOutput,
            engine: plan.resampler,
            isContinuous: plan.provider.isContinuous
        )
        return hears && speaks
    }

    /// Lets audio flow to the agent; audio that was kept in the ring goes first.
    package func agentIsReady(at now: MonotonicInstant) {
        guard !isStopped else { return }
        isAgentReady = true
        if provider.isContinuous { uplink.startClock(at: now) }
        forwardCallerAudio(at: now)
    }

    package func telephonyOpened(_ sink: any LegSink) {
        guard !isStopped else { return }
        outlets.telephonySink = sink
    }

    /// The caller does not hear the agent any more, as the carrier has other instructions.
    ///
    /// - Returns: how much the caller heard of the agent's current speech; `nil` if nothing was cut short.
    func suspendLine(at now: MonotonicInstant) -> PlaybackInterruption? {
        guard !isStopped, telephony == .twilio else { return nil }
        isStreaming = false
        outlets.toTelephony.removeAll()
        return downlink.suspend(at: now)
    }

    /// Another media socket is to come: the former one is heard no more, and a new codec reads the next.
    ///
    /// - Returns: the agent's words that the caller did not hear.
    func awaitLine(at now: MonotonicInstant) -> PlaybackInterruption? {
        let interruption = suspendLine(at: now)
        outlets.telephonySink = nil
        telephonyCodec = TwilioMediaStreamsCodec()
        uplink.lineEnded()
        return interruption
    }

    package func command(_ command: AgentCommand) {
        guard !isStopped, outlets.agentSink != nil else { return }
        write(command)
    }

    /// The events since the last call, oldest first.
    package func takeEvents() -> [MediaEvent] {
        guard !events.isEmpty else { return [] }
        tap?.noting()
        let taken = events
        events.removeAll(keepingCapacity: true)
        return taken
    }

    /// Stops the media plane: from now on no audio moves in either direction. Waiting audio is dropped.
    ///
    /// - Parameter lastWords: the words that the model is still to write down.
    /// - Returns: how much the caller heard of the agent's current speech; `nil` if nothing was cut short.
    package func stop(
        awaiting lastWords: LastWords? = nil,
        at now: MonotonicInstant
    ) -> PlaybackInterruption? {
        guard !isStopped else { return nil }
        isStopped = true
        isStreaming = false
        awaitsGoodbye = provider.isContinuous && isAgentReady
        awaitsLastWords = lastWords != nil && isAgentReady
        isAgentReady = false
        finishWords()
        uplink.flush()
        outlets.toAgent.removeAll()
        if awaitsLastWords, let lastWords { askForLastWords(lastWords) }
        clearTelephony(sparesDigits: false, at: now)
        let interruption = downlink.flush(at: now)
        downlink.finish()
        return interruption
    }

    /// Attaches listeners, from any thread.
    package var listening: TapPoint { outlets.listening }

    /// The last message to the agent, after ``stop(at:)``.
    package func goodbye(_ end: AgentCallEnd) {
        guard outlets.agentSink != nil else { return }
        agentCodec.write(.ended(end), to: &outlets.toAgent)
    }

    func inCall(_ item: AgentItem) -> AgentItem { items.inCall(item) }

    /// The codec reads a message after the end.
    func receiveLate(_ message: RawSpan) -> [AgentEvent] {
        agentEvents.removeAll(keepingCapacity: true)
        try? agentCodec.receive(message, into: &agentEvents)
        return agentEvents
    }

    /// Releases the sockets. Call it after ``stop(at:)``.
    package func detach() {
        outlets.telephonySink = nil
        outlets.agentSink = nil
    }

    // MARK: Audio

    /// Does one frame's work. Called every 20 ms, on the loop.
    package func tick(at now: MonotonicInstant) {
        guard !isStopped else { return }
        if telephony == .ring {
            forwardCallerAudio(at: now)
            hearCaller(at: now)
        }
        if isAgentReady {
            uplink.keepClock(through: agentCodec, to: &outlets.toAgent, at: now)
            if isStreaming, uplink.bridgePause(through: agentCodec, to: &outlets.toAgent, at: now) {
                hearCaller(at: now)
            }
        }
        sendAgentAudio(isTick: true, at: now)
        downlink.settleMilestones(at: now)
    }

    /// Hands the waiting messages to the sockets. Called once per wake.
    package func pump() {
        outlets.pump(tap: tap, lastWake: lastWake)
    }

    private func forwardCallerAudio(at now: MonotonicInstant) {
        guard isAgentReady else { return }
        uplink.drain(through: agentCodec, to: &outlets.toAgent, at: now)
    }

    private func hearCaller(at now: MonotonicInstant) {
        if uplink.takeIntrusion() { interruptLocally(at: now) }
        guard let transition = uplink.takeTransition() else { return }
        if transition == .speechStarted {
            turns.callerBegan()
            overlap.callerBegan(at: now)
        }
        if isAgentReady, isCallerHeard { write(.callerVoice(isSpeaking: transition == .speechStarted)) }
        events.append(.callerVoice(transition))
    }

    func sendAgentAudio(isTick: Bool, at now: MonotonicInstant) {
        guard isStreaming else { return }
        switch telephony {
        case .twilio:
            downlink.send(through: telephonyCodec, to: &outlets.toTelephony, isTick: isTick, at: now)
        case .ring:
            downlink.sendToRing(isTick: isTick, at: now)
        }
        guard downlink.takeRunBegan(),
            let waited = turns.agentBegan(at: now, lastSpeech: uplink.voice.lastSpeech)
        else { return }
        events.append(.answered(after: waited))
    }
}
