/// A request to transfer the caller, with the plan for a number that does not answer.
public struct TransferRequest: Equatable, Sendable, CustomStringConvertible {
    /// In E.164.
    public var number: String
    /// The number shown to the one called; the call's own where absent.
    public var callerID: String?
    /// The longest time that it may ring there.
    public var ringTimeout: Duration
    /// `drain` lets the agent's audio so far play out first.
    public var mode: EndMode
    public var onFailure: TransferFailurePlan

    public init(
        to number: String,
        callerID: String? = nil,
        ringTimeout: Duration = .seconds(30),
        mode: EndMode = .drain(timeout: .seconds(10)),
        onFailure: TransferFailurePlan = .returnToAgent
    ) {
        self.number = number
        self.callerID = callerID
        self.ringTimeout = ringTimeout
        self.mode = mode
        self.onFailure = onFailure
    }

    /// Numbers are private.
    public var description: String { "transfer" }

    func check() throws(CallCommandError) {
        for number in [number] + (callerID.map { [$0] } ?? []) {
            let digits = number.utf8.dropFirst()
            guard number.utf8.first == UInt8(ascii: "+"), (2...15).contains(digits.count),
                digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
            else { throw CallCommandError(.invalidNumber, "give numbers in E.164: + and 2 to 15 digits") }
        }
    }
}

/// The fate of the caller if the other number is busy, does not answer or cannot be reached.
public enum TransferFailurePlan: Equatable, Sendable {
    /// The caller talks with the agent again.
    case returnToAgent
    /// The carrier speaks these words in its own voice, and the call ends.
    case sayGoodbye(String, language: String?)
    /// The call ends.
    case hangUp
}

/// The outcome of dialling the other number. The raw values are stable.
public enum TransferOutcome: String, Sendable, CaseIterable {
    /// The other party answered.
    case answered
    case busy
    case noAnswer = "no_answer"
    /// The number could not be reached.
    case failed
    /// The caller hung up before the other number answered.
    case canceled
    /// The carrier told nothing within the time that it may ring.
    case unknown

    /// As the model and people are told.
    package var words: String {
        switch self {
        case .answered: "the other party answered"
        case .busy: "the other number is busy"
        case .noAnswer: "the other number did not answer"
        case .failed: "the other number could not be reached"
        case .canceled: "the transfer was given up before the other number answered"
        case .unknown: "the carrier did not say whether the other number answered"
        }
    }
}

/// News of a transfer that the carrier gives by webhook.
public enum TransferNews: Equatable, Sendable {
    /// The other party has answered.
    case answered
    /// The leg to the other party is over. The carrier then asks what to do with the caller.
    case legEnded(TransferOutcome)
    /// The transfer is over, and the carrier requests the next step for the caller, who may have hung up.
    case ended(TransferOutcome, callIsOver: Bool)
}

/// The instruction to the carrier for a caller whose transfer is over.
public enum TransferSequel: Equatable, Sendable {
    /// Stream the call's audio to us again.
    case connect
    case say(String, language: String?)
    case hangUp
    /// This transfer is none of those that are under way: the question has been answered before.
    case settledBefore
}
