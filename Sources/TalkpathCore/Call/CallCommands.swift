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

/// To whom a call is handed over.
public struct TransferOrder: Equatable, Sendable, CustomStringConvertible {
    /// In E.164.
    public var number: String
    /// The number shown to the one called; the call's own where absent.
    public var callerID: String?
    /// How long it may ring there.
    public var ringTimeout: Duration
    /// Whether what the agent has said so far is heard first.
    public var mode: EndMode

    public init(
        to number: String,
        callerID: String? = nil,
        ringTimeout: Duration = .seconds(30),
        mode: EndMode = .drain(timeout: .seconds(10))
    ) {
        self.number = number
        self.callerID = callerID
        self.ringTimeout = ringTimeout
        self.mode = mode
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
