/// The analysis of a conversation after its end: metrics from our own records, and a language model's view of
/// the transcript where one is configured.
public struct CallAnalysis: Equatable, Sendable {
    public enum Sentiment: String, Sendable, CaseIterable {
        case positive, neutral, negative
    }

    /// Of the time in which one of the two spoke, the agent's share, from 0 to 1; `nil` if neither spoke.
    public var agentTalkRatio: Double?
    public var callerTalk = Duration.zero
    public var agentTalk = Duration.zero
    /// The number of times that the caller cut the agent short.
    public var interruptions = 0
    /// The silences of at least ``shortestSilence``: their number, their sum and the longest.
    public var silences = 0
    public var silence = Duration.zero
    public var longestSilence = Duration.zero
    /// From the end of the caller's words to the beginning of the agent's, over ``turns`` turns.
    public var turns = 0
    public var meanTurnLatency: Duration?
    public var longestTurnLatency: Duration?
    /// The likeness of the conversation to two agents talking in circles, from 0 to 1.
    public var loopScore: Double?

    /// The language model's; `nil` without one, or if it failed.
    public var summary: String?
    public var sentiment: Sentiment?
    /// A short word for the outcome of the call, such as `appointment_booked`.
    public var outcome: String?
    /// The model that judged.
    public var model: String?

    /// A pause of this length is one that people notice.
    public static let shortestSilence = Duration.seconds(2)

    public init() {}
}
