/// What the agent is asked to say when nobody has spoken for ``CallLimits/idleTimeout``, before the call is given up.
public struct IdlePrompt: Equatable, Sendable {
    /// Along these lines, in the agent's own words and voice: "Ask whether the caller is still there."
    public var words: String
    /// How often it is said in one stretch of silence. Whenever the caller speaks, counting begins anew.
    public var times: Int
    /// How long the caller is waited for after each prompt has been heard.
    public var patience: Duration

    public init(_ words: String, times: Int = 1, patience: Duration = .seconds(15)) {
        self.words = words
        self.times = times
        self.patience = patience
    }
}
