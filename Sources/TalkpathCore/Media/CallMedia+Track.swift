import TalkpathAudio
import TalkpathWire

/// The times at which the caller and the model began to speak. They show whether the model was interrupted, because its
/// provider does not report it.
struct SpeechOverlap {
    private var callerBegan: MonotonicInstant?
    private var agentBegan: MonotonicInstant?

    /// The caller must have spoken until so long before the model fell silent.
    private static let reaction = Duration.milliseconds(300)

    mutating func callerBegan(at now: MonotonicInstant) { callerBegan = now }

    mutating func agentBegan(at now: MonotonicInstant) { agentBegan = now }

    /// True if the caller began to speak over the model, and was speaking when it fell silent.
    func isCut(silentSince: MonotonicInstant, callerLastSpeech: MonotonicInstant?) -> Bool {
        guard let callerBegan, let agentBegan, let callerLastSpeech else { return false }
        return callerBegan > agentBegan && callerBegan < silentSince
            && callerLastSpeech >= silentSince - Self.reaction
    }
}

/// A model that speaks on a continuous track: its utterances and the words of both sides become what other models state
/// themselves.
extension CallMedia {
    func takeTrack(_ audio: AgentAudio, of message: RawSpan, at now: MonotonicInstant) {
        downlink.ingestTrack(audio, in: message, at: now)
        for change in downlink.takeTrackChanges() {
            switch change {
            case .began:
                overlap.agentBegan(at: now)
                agentClock.restIsOver()
                append(.agent(.responseStarted))
            case .ended(let item, let milliseconds):
                trackEnded(item, milliseconds: milliseconds, at: now)
            }
        }
        // Silence is no sign of life.
        if let item = downlink.track?.current {
            _ = agentClock.received(at: now)
            if agentClock.receivedAudio(of: item, at: now) { append(.agentItemBegan(item)) }
        }
        if let item = downlink.track?.takeFinishedAgentWords() { finishAgentWords(of: item) }
        if let item = downlink.track?.takeFinishedCallerWords() { finishCallerWords(of: item) }
        sendAgentAudio(isTick: false, at: now)
    }

    private func trackEnded(_ item: AgentItem, milliseconds: Int, at now: MonotonicInstant) {
        tellModelUnheard(endedBy: item)
        let wasCut =
            isCallerHeard
            && overlap.isCut(
                silentSince: now - .milliseconds(SpeechTrack.pause),
                callerLastSpeech: uplink.voice.lastSpeech
            )
        if wasCut {
            append(.interrupted(PlaybackInterruption(heard: [.init(item: item, milliseconds: milliseconds)])))
        }
        append(.agent(.responseEnded(AgentResponseEnd(status: wasCut ? .cancelled : .completed))))
    }

    // MARK: Words

    func takeAgentWords(_ piece: AgentTranscript, at now: MonotonicInstant) {
        _ = agentClock.received(at: now)
        guard let place = downlink.track?.placeAgentWords(at: piece.startMilliseconds) else { return }
        if let finished = place.finished { finishAgentWords(of: finished) }
        append(.agent(.agentTranscript(AgentTranscript(item: place.item, text: piece.text, isFinal: false))))
    }

    func takeCallerWords(_ piece: AgentTranscript, at now: MonotonicInstant) {
        _ = agentClock.received(at: now)
        guard let item = downlink.track?.placeCallerWords() else { return }
        append(.agent(.callerTranscript(AgentTranscript(item: item, text: piece.text, isFinal: false))))
    }

    private func finishAgentWords(of item: AgentItem) {
        append(.agent(.agentTranscript(AgentTranscript(item: item, text: "", isFinal: true))))
    }

    private func finishCallerWords(of item: AgentItem) {
        append(.agent(.callerTranscript(AgentTranscript(item: item, text: "", isFinal: true))))
    }

    /// The socket's words are all there.
    func finishWords() {
        guard let open = downlink.track?.socketEnded() else { return }
        if let item = open.agent { finishAgentWords(of: item) }
        if let item = open.caller { finishCallerWords(of: item) }
    }

    // MARK: The end

    /// Closes the present session in order while the call goes on. Its socket is then dropped.
    func closeSession() {
        guard provider.isContinuous, !isStopped, outlets.agentSink != nil else { return }
        write(.ended(AgentCallEnd(reason: "", durationMilliseconds: 0, talkingMilliseconds: 0)))
        pump()
    }

    /// The model writes down the caller's last words, and speaks no more.
    func askForLastWords(_ words: LastWords) {
        write(.callerLeft(isSpeaking: words == .beingSaid))
        if downlink.isResponding { write(.cancelResponse) }
    }

    /// Takes in a message that the model sends after the end of the call.
    func takeGoodbye(_ message: RawSpan) {
        guard provider.isContinuous || awaitsLastWords else { return }
        for event in receiveLate(message) {
            switch event {
            case .callerTranscript(var piece) where !provider.isContinuous:
                piece.item = inCall(piece.item)
                if piece.isFinal { awaitsLastWords = false }
                append(.agent(.callerTranscript(piece)))
            case .sessionClosed:
                awaitsGoodbye = false
                append(.agent(event))
            case .sessionBilled, .usage:
                append(.agent(event))
            default: continue
            }
        }
    }
}
