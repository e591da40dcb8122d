public import TalkpathWire

/// Something that an in-process agent is told during a call.
public enum AgentCallEvent: Equatable, Sendable {
    /// The caller begins to speak, by Talkpath's detector.
    ///
    /// - Parameter sample: the number of samples in ``AgentCall/callerAudio`` before this moment. The detector needs up to
    ///   some 0.2 s to be sure, so that the first sounds lie before it.
    case callerStarted(sample: Int)
    /// The caller has been silent for some 0.5 s.
    case callerStopped(sample: Int)
    /// Stop making this response: the caller has interrupted it, and hears no more of it. Sending more of it throws
    /// ``AgentSpeechInterrupted``.
    case cancelled(response: Int)
    /// The caller has heard this many milliseconds of a response and no more of it; 0 is nothing. The response may have
    /// been sent to its end before.
    case interrupted(response: Int, heardMilliseconds: Int)
    /// The caller has heard everything before the mark; or never will, because it was cut.
    case markPlayed(String, wasCut: Bool)
    /// The caller has pressed a key: `0`–`9`, `*`, `#`.
    case digit(Character)
    /// Say this now: the first message, an idle prompt, or words from the control API.
    case say(String)
    /// Words for the conversation, by the control API or by Talkpath. If `wantsAnswer`, answer them.
    case message(role: AgentCommand.MessageRole, text: String, wantsAnswer: Bool)
    /// New instructions from now on.
    case instructions(String)
    /// Talkpath has dropped a message of the agent: a name that is too long, for example.
    case fault(code: String, message: String)
    /// The call is over. The last event; it does not come if only this run of the agent is over.
    case ended(AgentCallEnd)

    /// Reads one of the protocol's messages.
    ///
    /// - Parameter sample: the samples of the caller before the message.
    /// - Returns: `nil` for messages that are no event: a function's result, the start.
    init?(_ json: JSONValue, sample: Int) {
        func text(_ field: String) -> String { json[field]?.string ?? "" }
        switch json["type"]?.string {
        case "caller_started": self = .callerStarted(sample: sample)
        case "caller_stopped": self = .callerStopped(sample: sample)
        case "cancel":
            guard let response = Int(text("response")) else { return nil }
            self = .cancelled(response: response)
        case "interrupted":
            guard let response = Int(text("response")) else { return nil }
            self = .interrupted(response: response, heardMilliseconds: json["heard_ms"]?.int ?? 0)
        case "mark_played": self = .markPlayed(text("name"), wasCut: json["cut"]?.bool ?? false)
        case "dtmf":
            guard let digit = text("digit").first else { return nil }
            self = .digit(digit)
        case "say": self = .say(text("text"))
        case "message":
            self = .message(
                role: AgentCommand.MessageRole(json["role"]) ?? .user,
                text: text("text"),
                wantsAnswer: json["respond"]?.bool ?? false
            )
        case "update": self = .instructions(text("instructions"))
        case "error": self = .fault(code: text("code"), message: text("message"))
        case "ended":
            self = .ended(
                AgentCallEnd(
                    reason: text("reason"),
                    note: json["note"]?.string,
                    durationMilliseconds: json["duration_ms"]?.int ?? 0,
                    talkingMilliseconds: json["talking_ms"]?.int ?? 0
                )
            )
        default: return nil
        }
    }
}
