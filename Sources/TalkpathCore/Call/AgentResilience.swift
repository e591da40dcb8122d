/// The detector that silences the agent when the caller speaks over it.
public enum BargeIn: String, Sendable, CaseIterable {
    /// The model's own.
    case model
    /// Our own detector, by the level of the caller's line: faster than the model's, but without the meaning. A model
    /// that cannot be cancelled speaks on, and the rest of its turn is not played.
    case local
    /// Whichever comes first.
    case both
}

/// The plan for opening a model's session anew before the provider ends it, with the conversation taken along.
public struct AgentRenewal: Equatable, Sendable {
    /// From this age on, at the first moment at which neither side speaks.
    public var quietAfter: Duration
    /// At this age, even if a side is speaking.
    public var atLatest: Duration

    public init(quietAfter: Duration, atLatest: Duration) {
        self.quietAfter = quietAfter
        self.atLatest = max(quietAfter, atLatest)
    }
}

/// The caller's way on when the model is lost for good: a clip or else words, then another number or the end.
public struct AgentFallback: Equatable, Sendable, CustomStringConvertible {
    /// Played first.
    public var clip: AudioClip?
    /// Spoken in the carrier's own voice where there is no clip.
    public var words: String?
    /// The words' language, as the carrier names it: `en-US`.
    public var language: String?
    /// The number, in E.164, that the call is then transferred to; without one it ends with `agent_lost`.
    public var transferTo: String?

    public init(clip: AudioClip? = nil, words: String? = nil, language: String? = nil, transferTo: String? = nil) {
        self.clip = clip
        self.words = words
        self.language = language
        self.transferTo = transferTo
    }

    public var description: String {
        let parts = [clip != nil ? "clip" : nil, words != nil ? "words" : nil, transferTo != nil ? "transfer" : nil]
        return "fallback: " + parts.compactMap { $0 }.joined(separator: ", ")
    }
}
