/// The two ends of a call.
public enum CallLeg: String, Sendable, CaseIterable {
    case caller, agent
}

/// The outcome of asking the agent to speak.
public struct SaidResult: Equatable, Sendable {
    /// The agent's words. It takes the request freely, not literally.
    public var text: String
    /// The caller spoke over it, or the call ended: it was not heard to its end.
    public var wasCut: Bool

    public init(text: String, wasCut: Bool) {
        self.text = text
        self.wasCut = wasCut
    }
}

/// The outcome of playing a clip.
public struct PlayResult: Equatable, Sendable {
    /// The part of it that the caller heard.
    public var heardMilliseconds: Int
    /// The caller spoke over it, or the call ended: it was not heard to its end.
    public var wasCut: Bool

    public init(heardMilliseconds: Int, wasCut: Bool) {
        self.heardMilliseconds = heardMilliseconds
        self.wasCut = wasCut
    }
}

/// The author of a message in the conversation.
public enum MessageAuthor: String, Sendable, CaseIterable {
    case caller = "user"
    case agent = "assistant"
    /// The operator of the agent.
    case system
}
