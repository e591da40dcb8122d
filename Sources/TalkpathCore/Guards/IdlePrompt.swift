/// The agent's words to a line that was silent for ``CallLimits/idleTimeout``, before the call is given up.
public struct IdlePrompt: Equatable, Sendable {
    /// Along these lines, in the agent's own words and voice: "Ask whether the caller is still there."
    public var words: String
    /// The prompts in one stretch of silence. Counting begins anew when the caller speaks.
    public var times: Int
    /// The wait for the caller after each prompt has been heard.
    public var patience: Duration

    public init(_ words: String, times: Int = 1, patience: Duration = .seconds(15)) {
        self.words = words
        self.times = times
        self.patience = patience
    }
}
