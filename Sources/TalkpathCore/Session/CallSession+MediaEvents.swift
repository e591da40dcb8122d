import Logging
package import TalkpathAudio
import TalkpathWire

/// Takes the media plane's events, and tells the other parts of the session.
extension CallSession {
    /// Acts on the media plane's events. Called after every wake with events.
    package func handleMediaEvents(at now: MonotonicInstant) {
        for event in media.value.takeEvents() { handle(event, at: now) }
    }

    private func handle(_ event: MediaEvent, at now: MonotonicInstant) {
        switch event {
        case .streamStarted:
            // Noted when the socket was given to this call.
            break
        case .streamStopped:
            perform(machine.streamStopped(at: now))
        case .dtmf(let digit):
            machine.happened(.keyPressed)
            guards.keyPressed()
            pressed(digit, at: now)
        case .interrupted(let interruption):
            cut(interruption)
            callerCutIn(at: now)
            publish(.interrupted(heardMilliseconds: interruption.heard.last?.milliseconds ?? 0))
        case .callerVoice(let transition):
            guardsHeard(transition, at: now)
        case .answered(let latency):
            ports.instruments.answered(after: latency)
            publish(.agentAnswered(after: latency), isCaptured: false)
        case .cleared(let latency):
            ports.instruments.cleared(after: latency)
        case .silenced(let interruption):
            cut(interruption)
        case .agent(let event):
            handle(event, at: now)
        case .agentItemBegan(let item):
            machine.agentWasHeard()
            talk.speech.answerProgressed()
            // Another model pauses in the middle of an answer only if the network does.
            if agentInUse.provider.mayOverlookResults { talk.debts.utteranceBegan() }
            transcript.began(item, at: callMilliseconds(at: now))
            callerTurns.answerWentOn(at: callMilliseconds(at: now))
        }
    }

    /// The caller did not hear all that these items say.
    func cut(_ interruption: PlaybackInterruption) {
        for heard in interruption.heard { cut(heard.item, heard: heard.milliseconds, of: heard.producedMilliseconds) }
        for item in interruption.neverHeard { cut(item, heard: 0, of: nil) }
    }

    private func cut(_ item: AgentItem, heard: Int, of produced: Int?) {
        guard let told = transcript.cut(item, heard: heard, of: produced) else { return }
        publish(.transcriptCorrected(told))
    }

    private func handle(_ event: AgentEvent, at now: MonotonicInstant) {
        tellGuards(event, at: now)
        switch event {
        case .awaitingConfiguration:
            configureAgent()
        case .ready:
            perform(machine.agentIsReady(at: now))
        case .callerSpeechStarted(_, let item):
            if let item { callerTurns.modelBegan(item, at: callMilliseconds(at: now)) }
            talk.speech.callerBegan(.model, at: now)
            callerCutIn(at: now)
            publish(.callerSpeechStarted)
        case .callerSpeechEnded:
            callerTurns.modelEnded()
            talk.debts.modelHeardEnd()
            perform(talk.speech.callerEnded(.model, at: now))
            publish(.callerSpeechEnded)
        case .responseStarted:
            talk.debts.answerBegan()
            talk.debts.utteranceBegan()
            callerTurns.answerBegan(at: callMilliseconds(at: now))
            talk.goodbye?.isAwaited = false
            talk.hasAgentSpoken = true
            talk.speech.responseStarted()
            publish(.agentSpeechStarted)
        case .callerTranscript(let piece):
            let isKnown = callerTurns.knows(piece.item, at: callMilliseconds(at: now))
            let isUnheard = !isKnown && !talk.speech.isResponding
            if !piece.isFinal || isUnheard { talk.debts.modelUnderstood(isUnheard: isUnheard, at: now) }
            let began = callerTurns.place(piece.item, at: callMilliseconds(at: now))
            if let turn = transcript.add(piece, by: .caller, at: began) { turnEnded(turn, at: now) }
            if piece.isFinal {
                callerTurns.written(piece.item)
                if !media.value.awaitsLastWords, media.value.isStopped { agentGoodbye.came() }
            }
        case .agentTranscript(let piece):
            talk.speech.answerProgressed()
            talk.speech.add(piece)
            if let turn = transcript.add(piece, by: .agent, at: callMilliseconds(at: now)) {
                turnEnded(turn, at: now)
            }
        case .toolCall(let call):
            talk.speech.answerProgressed()
            take(call, at: now)
        case .usage(let more):
            machine.agentUsed(more)
        case .resumptionHandle(let handle):
            if handle != nil { talk.debts.handleGiven() }
            resumptionHandle = handle ?? resumptionHandle
        case .error(let report):
            note(report, at: now)
            if report.isFatal, !configuresAgain(after: report) {
                let parameter = report.parameter.map { " (\($0))" } ?? ""
                perform(machine.agentReportedFault(report.code + parameter, at: now))
            }
        case .responseEnded(let end):
            let end = judged(end)
            if end.status == .completed { talk.debts.answerCompleted(lastAudio: media.value.lastAgentAudio) }
            if end.status == .failed || end.status == .incomplete {
                noteFailure(end.status.rawValue, code: end.reason ?? "unknown")
            }
            let isBlank = end.reason == Self.blank
            perform(talk.speech.responseEnded(end.status, retryAfter: end.retryAfter, isBlank: isBlank, at: now))
            if isBlank { blankAnswerEnded(at: now) }
            awaitAnswerToResults(at: now)
            sendHeldChange()
        case .toolCallsCancelled(let ids):
            cancelTools(ids)
        case .goingAway(let timeLeft):
            machine.agentIsGoingAway(timeLeft: timeLeft, at: now)
        case .interrupted:
            callerCutIn(at: now)
        case .mark(let name):
            mark(name)
        case .endRequested(let drains, let note):
            talk.debts.agentEnds()
            talk.speech.agentEnds()
            let mode = drains ? EndMode.drain(timeout: limits.drainTimeout) : .now
            perform(machine.end(EndRequest(.agentHangup, mode: mode, note: note), at: now))
        case .sessionBilled(let seconds):
            machine.agentBilled(seconds: seconds, closing: nil)
        case .sessionClosed(let closing):
            machine.agentBilled(seconds: closing.seconds, closing: closing.reason)
            agentGoodbye.came()
        case .expires(let second):
            let left = Int64(second) * 1000 - ports.clock.wallTime.milliseconds
            machine.agentExpires(in: .milliseconds(max(0, left)))
        case .audio, .audioEnded, .inputFormat, .resultsComplete, .ignored:
            break
        }
    }
}
