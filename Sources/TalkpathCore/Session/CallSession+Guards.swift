import Logging
import TalkpathAudio
import TalkpathWire

/// Feeds the guards, and carries out their verdicts.
extension CallSession {
    /// Every 20 ms.
    func watchGuards(at now: MonotonicInstant) {
        // The agent must not speak before an announcement is over.
        guard machine.isInConversation, talk.awaitsVerdictSince == nil else { return }
        let media = media.value
        let line = CallGuards.Line(
            lastAudio: media.uplink.voice.lastAudio,
            lastSound: media.uplink.voice.lastSound,
            isCallerSpeaking: media.uplink.voice.isSpeaking,
            isAgentHeard: !media.isPlayedOut(at: now),
            isAgentReady: machine.isAgentReady,
            isCallerMuted: !media.isCallerHeard,
            lastAgentMessage: media.lastAgentMessage
        )
        if line.isAgentHeard { machine.agentAnswered() }
        if let verdict = guards.watch(line, at: now) { act(on: verdict, at: now) }
    }

    private func act(on verdict: CallGuards.Verdict, at now: MonotonicInstant) {
        switch verdict {
        case .end(let reason, let note):
            perform(machine.end(EndRequest(reason, note: note), at: now))
        case .prompt(let words):
            publish(.idlePrompted)
            perform(talk.speech.add(.say(id: nil, words: words), at: now))
        case .askAgent:
            askAgent(at: now)
        case .agentIsSilent:
            perform(machine.agentFellSilent(at: now))
        case .loopSuspected(let score):
            logger.warning("Two agents seem to talk in circles", metadata: ["score_percent": "\(Int(score * 100))"])
            publish(.loopSuspected(score: score))
        }
    }

    /// The caller waits, and the agent does nothing about it.
    private func askAgent(at now: MonotonicInstant) {
        logger.info("The model has not answered the caller, and is asked to")
        perform(talk.speech.urge(at: now))
        media.value.pump()
    }

    /// Our voice detector hears the caller begin or end.
    func guardsHeard(_ transition: VoiceActivityDetector.Transition, at now: MonotonicInstant) {
        guard media.value.isCallerHeard else {
            talk.debts.callerMuted()
            perform(talk.speech.callerEnded(.detector, at: now))
            return
        }
        switch transition {
        case .speechStarted:
            talk.hasCallerSpoken = true
            talk.hasAgentSpoken = false
            guards.agent?.heardBegin(at: now)
            talk.debts.detectorHeardBegin(at: now)
            callerTurns.detectorBegan(at: callMilliseconds(at: now))
            talk.speech.callerBegan(.detector, at: now)
            if agentInUse.provider.leavesTurnsToUs { publish(.callerSpeechStarted) }
        case .speechEnded:
            let lastSpeech = media.value.uplink.voice.lastSpeech
            guards.agent?.heardEnd(lastSpeech: lastSpeech, at: now)
            let began = talk.debts.detectorBegan
            let isTurn = talk.debts.detectorHeardEnd(lastSpeech: lastSpeech, at: now)
            // A session that has heard the end only is reminded of the rest.
            if isTurn, machine.isAgentReady { remindAgent() }
            callerTurns.detectorEnded(lastSpeech: callMilliseconds(at: lastSpeech ?? now))
            if agentInUse.provider.leavesTurnsToUs { publish(.callerSpeechEnded) }
            // Not every model says that it hears the caller.
            if isTurn, agentInUse.provider.answersByItself, let began, let goodbye = talk.goodbye, began > goodbye.asked
            {
                callerCutIn(isTurn: true, at: now)
            }
            perform(talk.speech.callerEnded(.detector, at: now))
        }
    }

    /// Before the session itself acts on it.
    func tellGuards(_ event: AgentEvent, at now: MonotonicInstant) {
        switch event {
        case .callerSpeechStarted: guards.agent?.modelHeardBegin()
        case .callerSpeechEnded: guards.agent?.modelHeardEnd(at: now)
        case .callerTranscript: guards.agent?.modelUnderstood()
        case .responseStarted, .agentTranscript, .audio, .audioEnded: guards.agent?.answerProgressed(at: now)
        case .responseEnded(let end):
            switch end.status {
            case .incomplete where talk.speech.isEmpty: break
            case .completed where isBlank(end) && talk.speech.isRequested:
                // It is asked for again.
                guards.agent?.answerProgressed(at: now)
            case .completed where isBlank(end):
                // The session may be lost before the agent is asked again.
                let isOwed = guards.agent?.respondedEmptily(at: now) ?? false
                if isOwed, machine.isInConversation { talk.debts.modelHeardEnd() }
            case .completed, .incomplete:
                guards.agent?.responseEnded(at: now)
                machine.agentAnswered()
            // Cut short by the caller, whose turn it is then; or no answer at all.
            case .cancelled, .failed: break
            }
        case .toolCall(let call): guards.agent?.toolCalled(call.id, at: now)
        case .toolCallsCancelled(let ids): for id in ids { guards.agent?.toolFinished(id, at: now) }
        case .awaitingConfiguration, .ready, .interrupted, .goingAway, .resumptionHandle, .usage, .error, .ignored,
            .inputFormat, .mark, .endRequested, .sessionBilled, .sessionClosed, .expires, .resultsComplete:
            break
        }
    }

    /// A turn of either side is final.
    func turnEnded(_ turn: TranscriptEntry, at now: MonotonicInstant) {
        publish(.transcript(turn))
        guard machine.isInConversation, let verdict = guards.turnEnded(turn) else { return }
        act(on: verdict, at: now)
    }

    // MARK: Machines

    /// The carrier has found out what answered.
    package func machineDetected(_ answer: AnsweredBy) {
        machine.happened(.machineDetected)
        // Carriers repeat their webhooks.
        guard machine.isLive, answer != answeredBy else { return }
        capture(.machineDetected(answer))
        answeredBy = answer
        publish(.machineDetected(answer))
        guard answer.isMachine, limits.machineDetection != .off, limits.onMachine == .hangUp else {
            verdictCame(at: ports.clock.now)
            return
        }
        perform(machine.end(EndRequest(.voicemail), at: ports.clock.now))
    }

    // MARK: The carrier's own limit

    /// Ours fires first, so that the receipt tells the reason; the carrier's is for the case that we are gone by then.
    func limitDuration(of carrierCallID: String) async {
        guard let carrier = ports.carrier, machine.isLive else { return }
        do {
            try await carrier.limitDuration(of: carrierCallID, to: limits.maxDuration + Self.carrierGrace)
        } catch {
            guard machine.isLive else { return }
            logger.warning("The carrier has not taken the call's time limit", metadata: ["code": "\(error.code)"])
        }
    }

    private static let carrierGrace = Duration.seconds(15)
}
