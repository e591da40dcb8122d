import TalkpathAudio
import TalkpathWire

/// Talking with the call: what an operator, an embedder or a tool does to a live conversation.
///
/// All of it works on the call's own loop and may be called from anywhere. Cancelling the task that waits takes nothing
/// back; tasks that wait are told when the call ends.
extension CallSession {
    // MARK: Muting

    /// Mutes one end. A muted caller is silence to the agent. A muted agent talks on without being heard, and its
    /// current words are cut short as by an interruption. Clips and digits are heard all the same.
    public func mute(_ leg: CallLeg) throws(CallCommandError) {
        try setMuted(leg, true)
    }

    /// Lets that end be heard again; an agent from its next utterance on.
    public func unmute(_ leg: CallLeg) throws(CallCommandError) {
        try setMuted(leg, false)
    }

    public func isMuted(_ leg: CallLeg) -> Bool {
        media.value.isMuted(leg)
    }

    private func setMuted(_ leg: CallLeg, _ isMuted: Bool) throws(CallCommandError) {
        machine.happened(.muteAsked)
        guard machine.isLive else { throw .ended }
        capture(isMuted ? .muted(leg) : .unmuted(leg))
        let media = media.value
        media.setMuted(leg, isMuted, at: ports.clock.now)
        handleMediaEvents(at: ports.clock.now)
        media.pump()
    }

    // MARK: Words

    /// Puts a message into the model's conversation.
    ///
    /// - Parameters:
    ///   - author: whose words they are to the model; those of a person, so that it answers, by default.
    ///   - isAnswered: true if the agent is to speak about it now.
    public func send(
        message: String,
        as author: MessageAuthor = .caller,
        isAnswered: Bool = false
    ) throws(CallCommandError) {
        machine.happened(.messageAsked)
        try checkText(message)
        guard machine.isLive else { throw .ended }
        guard machine.isAgentReady else {
            throw CallCommandError(.agentNotReady, "the model's session is not there: try again in a moment")
        }
        capture(.messageSent(message, as: author, isAnswered: isAnswered))
        if isAnswered, author == .caller || agentInUse.provider.answersByItself {
            prompt(message)
        } else {
            note(message, role: author.role)
            // One model answers every message: the caller finishes first.
            perform(talk.speech.tell(.addMessage(role: author.role, text: message), at: ports.clock.now))
            if isAnswered { perform(talk.speech.add(.respond, at: ports.clock.now)) }
            media.value.pump()
        }
    }

    /// Tells the agent something it is to answer: when the caller has finished, and when there is a session to tell.
    func prompt(_ text: String) {
        guard machine.isLive else { return }
        note(text, role: .user)
        perform(talk.speech.tell(.prompt(text), at: ports.clock.now))
        perform(talk.speech.add(.respond, at: ports.clock.now))
        media.value.pump()
    }

    private func note(_ message: String, role: AgentCommand.MessageRole) {
        talk.noteMessage(message, role: role, at: callMilliseconds(at: ports.clock.now))
    }

    /// Has the agent speak along these lines, in its own voice and words, as soon as it is not speaking already.
    ///
    /// - Returns: when it has been heard, or when it was cut short.
    /// - Throws: `CallCommandError`: `not_live`, `not_answered`, `agent_silent`, `busy`.
    @discardableResult
    public func say(_ text: String) async throws(CallCommandError) -> SaidResult {
        try checkText(text)
        let result = await withCheckedContinuation { continuation in
            machine.happened(.sayAsked)
            do throws(CallCommandError) {
                try checkLine()
                guard talk.speech.hasRoom else {
                    throw CallCommandError(.busy, "too much waits to be said already")
                }
                capture(.sayRequested(text))
                let id = talk.makeID()
                talk.said[id] = continuation
                perform(talk.speech.add(.say(id: id, words: text), at: ports.clock.now))
                media.value.pump()
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    // MARK: Audio

    /// Plays a clip to the caller, after the agent's current words. The caller can interrupt it like the agent.
    ///
    /// - Returns: when it has been heard, or when it was cut short.
    /// - Throws: `CallCommandError`: `not_live`, `not_answered`, `invalid_clip`, `busy`.
    @discardableResult
    public func play(_ clip: AudioClip) async throws(CallCommandError) -> PlayResult {
        // Off the loop: minutes of audio take milliseconds to resample.
        let bytes = try await Self.convert(clip, to: lineFormat)
        let result = await withCheckedContinuation { continuation in
            machine.happened(.clipAsked)
            insert(bytes, .clipRequested(bytes), id: { $0.makeID() }, continuation)
        }
        return try result.get()
    }

    /// Dials digits: tones in the line's own audio, after the agent's current words. An interruption does not stop
    /// them. Returns when the last of them has been heard.
    ///
    /// - Parameter digits: `0`–`9`, `*`, `#`, `A`–`D`; `w` or a comma waits half a second, `W` a whole one.
    /// - Throws: `CallCommandError`: `not_live`, `not_answered`, `invalid_digits`, `busy`.
    public func sendDigits(_ digits: String) async throws(CallCommandError) {
        try await dial(digits, for: .digitsRequested(digits))
    }

    /// - Parameter request: the request for the capture; nil for effects of the call itself.
    func dial(_ digits: String, for request: CaptureEvent?) async throws(CallCommandError) {
        let bytes = try DigitTones.audio(of: digits, format: lineFormat)
        let result = await withCheckedContinuation { continuation in
            machine.happened(.digitsAsked)
            insert(bytes, request, id: { $0.makeDigitsID() }, continuation)
        }
        guard try !result.get().wasCut else { throw .ended }
    }

    private var lineFormat: AudioFormat { media.value.downlink.format }

    @concurrent
    private nonisolated static func convert(
        _ clip: AudioClip,
        to line: AudioFormat
    ) async throws(CallCommandError) -> [UInt8] {
        try clip.converted(to: line)
    }

    private func insert(
        _ bytes: [UInt8],
        _ event: @autoclosure () -> CaptureEvent?,
        id makeID: (inout CallTalk) -> Int,
        _ continuation: CheckedContinuation<Result<PlayResult, CallCommandError>, Never>
    ) {
        do throws(CallCommandError) {
            try checkLine()
            guard talk.played.count < CallTalk.limit else {
                throw CallCommandError(.busy, "too much waits to be played already")
            }
            if media.value.tap != nil, let event = event() { capture(event) }
            let id = makeID(&talk)
            talk.played[id] = continuation
            media.value.insert(DownlinkInsertion(id: id, bytes: bytes))
        } catch {
            continuation.resume(returning: .failure(error))
        }
    }

    // MARK: Checks

    /// The caller is on the line, and will be for a while.
    func checkLine() throws(CallCommandError) {
        if let refusal = machine.lineRefusal { throw refusal }
    }

    private func checkText(_ text: String) throws(CallCommandError) {
        guard !text.isEmpty, text.utf8.count <= CallTalk.longestText else {
            throw CallCommandError(.invalidText, "give a text of at most \(CallTalk.longestText) bytes")
        }
    }
}

extension MessageAuthor {
    var role: AgentCommand.MessageRole {
        switch self {
        case .caller: .user
        case .agent: .assistant
        case .system: .system
        }
    }
}
