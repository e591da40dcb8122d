/// The reason why a call did not carry out a command. The command does not end the call.
public struct CallCommandError: Error, Sendable, CustomStringConvertible {
    /// The kind of reason. More may come; the raw values are stable.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The call is over, or is being ended.
        public static let notLive = Code(rawValue: "not_live")
        /// The caller is not on the line yet.
        public static let notAnswered = Code(rawValue: "not_answered")
        /// The model's session is not there.
        public static let agentNotReady = Code(rawValue: "agent_not_ready")
        /// The model was asked to speak and did not.
        public static let agentSilent = Code(rawValue: "agent_silent")
        /// Nothing but `0`–`9`, `*`, `#`, `A`–`D`, and `w` or `W` for a pause, can be dialled.
        public static let invalidDigits = Code(rawValue: "invalid_digits")
        /// No number in E.164.
        public static let invalidNumber = Code(rawValue: "invalid_number")
        /// Audio that cannot be played on this line.
        public static let invalidClip = Code(rawValue: "invalid_clip")
        /// An empty text, or one that is too long.
        public static let invalidText = Code(rawValue: "invalid_text")
        /// The provider does not let it be changed while a session lasts, or the model does not take it.
        public static let notChangeable = Code(rawValue: "not_changeable")
        /// There is no carrier behind this call that could do it.
        public static let noCarrier = Code(rawValue: "no_carrier")
        /// The carrier refused, or did not answer.
        public static let carrierError = Code(rawValue: "carrier_error")
        /// The other number did not answer the transfer: see ``CallCommandError/transferOutcome``.
        public static let transferFailed = Code(rawValue: "transfer_failed")
        /// Something of the kind is under way already, or too much of it waits.
        public static let busy = Code(rawValue: "busy")
    }

    public var code: Code
    /// The cause and the remedy; free of numbers, digits and secrets.
    public var message: String
    /// The outcome of dialling the other number, where a transfer failed.
    public var transferOutcome: TransferOutcome?

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code.rawValue): \(message)" }

    static let ended = CallCommandError(.notLive, "the call is over, or is being ended")
    static let unanswered = CallCommandError(
        .notAnswered,
        "the caller is not on the line yet: wait for the call's media"
    )
}

/// Of the same code: the message is for people.
extension CallCommandError: Equatable {
    public static func == (left: CallCommandError, right: CallCommandError) -> Bool { left.code == right.code }
}
