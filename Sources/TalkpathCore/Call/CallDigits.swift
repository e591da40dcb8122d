/// The rules for collecting digits that the caller dials.
public struct DigitRequest: Equatable, Sendable {
    /// Complete when there are so many.
    public var maximum: Int?
    /// Complete when this key is pressed, which is not part of the digits.
    public var terminator: Character?
    /// The longest wait for the first digit.
    public var timeout: Duration
    /// The longest wait for each further one; after it, the digits so far are complete.
    public var digitTimeout: Duration

    public init(
        maximum: Int? = nil,
        terminator: Character? = "#",
        timeout: Duration = .seconds(10),
        digitTimeout: Duration = .seconds(4)
    ) {
        self.maximum = maximum
        self.terminator = terminator
        self.timeout = timeout
        self.digitTimeout = digitTimeout
    }
}

/// The digits that the caller dialled. Never printed: they may be a card's number.
public struct CollectedDigits: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The reason why the collecting ended.
    public enum Completion: String, Sendable {
        case maximum, terminator, timeout
    }

    public var digits: String
    public var completion: Completion

    public init(digits: String, completion: Completion) {
        self.digits = digits
        self.completion = completion
    }

    public var description: String { "\(digits.utf8.count) digits, \(completion.rawValue)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["count": digits.utf8.count]) }
}
