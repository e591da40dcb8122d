/// The two ends of a call.
public enum CallLeg: String, Sendable, CaseIterable {
    case caller, agent
}

/// What came of asking the agent to speak.
public struct SaidResult: Equatable, Sendable {
    /// What the agent said, in its own words: what it was asked to say is not taken literally.
    public var text: String
    /// The caller spoke over it, or the call ended: it was not heard to its end.
    public var wasCut: Bool

    public init(text: String, wasCut: Bool) {
        self.text = text
        self.wasCut = wasCut
    }
}

/// What came of playing a clip.
public struct PlayResult: Equatable, Sendable {
    /// How much of it the caller heard.
    public var heardMilliseconds: Int
    /// The caller spoke over it, or the call ended: it was not heard to its end.
    public var wasCut: Bool

    public init(heardMilliseconds: Int, wasCut: Bool) {
        self.heardMilliseconds = heardMilliseconds
        self.wasCut = wasCut
    }
}

/// Whose words a message in the conversation are.
public enum MessageAuthor: String, Sendable, CaseIterable {
    case caller = "user"
    case agent = "assistant"
    /// Whoever set the agent up.
    case system
}
