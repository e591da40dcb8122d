internal import TalkpathAudio

/// Something that goes wrong at a model, once in each session it is meant for.
public struct AgentFault: Sendable, Hashable {
    public enum Moment: Sendable, Hashable {
        /// Instead of the answer to the opening handshake.
        case handshake
        /// When the socket is open, before a word was said.
        case opened
        /// Right after the model's first message: `session.created`; nothing with Gemini, which says nothing first.
        case greeted
        /// When the configuration comes, before it is answered.
        case setup
        /// Right after the configuration was confirmed.
        case ready
        /// When that much audio of the numbered answer (from 0) has been sent.
        case answer(Int, after: Duration)
        /// That long after the socket was opened.
        case elapsed(Duration)
    }

    public enum Action: Sendable, Hashable {
        /// An HTTP status instead of the upgrade. Only at `.handshake`.
        case refuse(status: Int)
        /// Says nothing any more, but keeps the connection; the rest of the session is silence.
        case fallSilent
        /// Goes on after that pause; what comes in meanwhile is answered then.
        case pause(Duration)
        case close(code: Int, reason: String)
        /// A TCP reset without a word.
        case vanish
        /// The end of the stream without a close frame.
        case endStream
        /// An error event (OpenAI); Gemini has none: closes with 1011 and the message.
        case error(code: String, message: String)
        /// Announces that the connection will be closed soon (Gemini's `goAway`), and closes it then. OpenAI has no such
        /// announcement: sends the error `session_expired` and closes.
        case goAway(timeLeft: Duration)
    }

    public var moment: Moment
    public var action: Action
    /// The sessions it is meant for, counted from 0 since the server's start; nil: all.
    public var sessions: ClosedRange<Int>?

    public init(_ action: Action, at moment: Moment, sessions: ClosedRange<Int>? = nil) {
        self.moment = moment
        self.action = action
        self.sessions = sessions
    }

    func concerns(session: Int) -> Bool { sessions?.contains(session) ?? true }
}
