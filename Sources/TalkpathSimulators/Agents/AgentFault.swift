internal import TalkpathAudio

/// A fault of a model. It happens once in each session that it is configured for.
public struct AgentFault: Sendable, Hashable {
    public enum Moment: Sendable, Hashable {
        /// Instead of the answer to the opening handshake.
        case handshake
        /// After the opening of the socket, before any message.
        case opened
        /// Right after the model's first message, `session.created`. Never with Gemini, which sends no first message.
        case greeted
        /// At the arrival of the configuration, before its answer.
        case setup
        /// Right after the configuration was confirmed.
        case ready
        /// After that much audio of the numbered answer (from 0) has been sent.
        case answer(Int, after: Duration)
        /// The given time after the socket was opened.
        case elapsed(Duration)
    }

    public enum Action: Sendable, Hashable {
        /// Answers with an HTTP status instead of the upgrade. Only at `.handshake`.
        case refuse(status: Int)
        /// Sends nothing for the rest of the session, but keeps the connection.
        case fallSilent
        /// Pauses, and then answers the messages that arrived meanwhile.
        case pause(Duration)
        case close(code: Int, reason: String)
        /// Resets the TCP connection.
        case vanish
        /// Ends the TCP stream without a close frame.
        case endStream
        /// Sends an error event (OpenAI). Gemini has none: closes with 1011 and the message.
        case error(code: String, message: String)
        /// Announces that the connection will be closed soon (Gemini's `goAway`), and closes it then. OpenAI has no
        /// such announcement: sends the error `session_expired` and closes.
        case goAway(timeLeft: Duration)
    }

    public var moment: Moment
    public var action: Action
    /// The sessions that the fault is meant for, counted from 0 since the server's start; `nil` for all.
    public var sessions: ClosedRange<Int>?

    public init(_ action: Action, at moment: Moment, sessions: ClosedRange<Int>? = nil) {
        self.moment = moment
        self.action = action
        self.sessions = sessions
    }

    func concerns(session: Int) -> Bool { sessions?.contains(session) ?? true }
}
