public import TalkpathAudio

/// An event in a simulator: a line of the timeline.
public struct SimulatorEvent: Sendable {
    /// The simulator that reports the event.
    public enum Source: String, Sendable, Hashable, CaseIterable {
        case twilio
        /// The simulated person on the phone, who hears the audio of the call.
        case phone
        case openAI = "openai"
        case openAILive = "openai_live"
        case gemini
        /// A socket agent.
        case socket
    }

    public enum Kind: Sendable, Hashable {
        // MARK: The carrier
        /// A REST request was answered. Status 0: it was left without an answer.
        case request(method: String, path: String, status: Int)
        /// A webhook or TwiML request was answered. Status 0: there was no answer.
        case webhook(event: String, status: Int)
        case callStatus(String)
        case streamOpened
        case streamRefused(reason: String)
        case streamStarted(streamSID: String)
        case streamStopped
        case streamClosed(code: Int)
        case streamCleared(marks: Int)
        case markPlayed(name: String)
        case dtmf(digit: String)

        // MARK: The person
        /// The person begins to speak. The number counts the turns of the script from 0.
        case userStarted(turn: Int)
        case userEnded(turn: Int)
        /// The person hears speech.
        case agentHeard
        case agentFellSilent

        // MARK: The model
        case connected(session: Int)
        case connectionRefused(status: Int)
        case sessionReady
        case callerSpeechStarted(inputMilliseconds: Int)
        case callerSpeechEnded(inputMilliseconds: Int)
        case callerTranscript(String)
        case answerStarted(item: String)
        case answerEnded(item: String, milliseconds: Int, interrupted: Bool)
        case agentTranscript(String)
        /// The bridge reported how much of an item the caller has heard.
        case truncated(item: String, heardMilliseconds: Int)
        case toolCalled(name: String)
        case toolAnswered(callID: String)
        case disconnected(code: Int)

        // MARK: All simulators
        /// The other side did something that the real service would not accept.
        case violation(String)
        /// A configured fault took place.
        case fault(String)
    }

    public var instant: MonotonicInstant
    public var source: Source
    /// The call's SID, or the number of the model's session.
    public var subject: String
    public var kind: Kind

    public init(instant: MonotonicInstant, source: Source, subject: String, kind: Kind) {
        self.instant = instant
        self.source = source
        self.subject = subject
        self.kind = kind
    }
}
