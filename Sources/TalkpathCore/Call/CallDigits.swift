/// How digits are collected that the caller dials.
public struct DigitRequest: Equatable, Sendable {
    /// Complete when there are so many.
    public var maximum: Int?
    /// Complete when this key is pressed, which is not part of the digits.
    public var terminator: Character?
    /// How long the first digit is waited for.
    public var timeout: Duration
    /// How long each further one is waited for; then what is there is complete.
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

/// What the caller dialled. Never printed: it may be a card's number.
public struct CollectedDigits: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// Why no more digits were waited for.
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
