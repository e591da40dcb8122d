/// The reason why tones cannot be made. No case carries a digit: a dialled string may be a card number, and errors
/// reach logs.
public enum DTMFError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The character at this offset (from zero) is neither a key nor a pause.
    case invalidCharacter(offset: Int)
    /// The text is empty.
    case empty
    /// More keys and pauses than ``DTMFSequence/maximumCount``.
    case tooLong(count: Int)
    /// A rate outside 4000...192000 samples per second.
    case unsupportedRate(Int)
    /// A length, level or twist that not every receiver accepts; the text states the rule.
    case settingOutOfRange(String)

    public var description: String {
        switch self {
        case .invalidCharacter(let offset):
            "character \(offset + 1) is not on a keypad: use 0-9, *, #, A-D, and w or a comma for a pause"
        case .empty:
            "there are no digits to send"
        case .tooLong(let count):
            "\(count) digits exceed the maximum of \(DTMFSequence.maximumCount): send them in several requests"
        case .unsupportedRate(let rate):
            "tones cannot be made at \(rate) Hz: use a rate from 4000 to 192000"
        case .settingOutOfRange(let rule):
            "not every receiver detects such tones: \(rule)"
        }
    }
}
