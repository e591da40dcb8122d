/// Digits and pauses to key, checked when the sequence is made.
///
/// The keys are `0`–`9`, `*`, `#` and `A`–`D` (or `a`–`d`); `w` and `,` are a pause, `W` is a pause twice as long. The
/// description tells the number of keys and never the keys: they may be a card number.
public struct DTMFSequence: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The most keys and pauses of one sequence: more than any menu asks for. With the default settings 256 keys take
    /// 51 s.
    public static let maximumCount = 256

    enum Step: UInt8, Sendable {
        case zero, one, two, three, four, five, six, seven, eight, nine, star, pound, a, b, c, d
        case pause, longPause

        init?(_ character: Character) {
            switch character {
            case "0"..."9":
                guard let digit = character.wholeNumberValue, character.isASCII else { return nil }
                self.init(rawValue: UInt8(digit))
            case "*": self = .star
            case "#": self = .pound
            case "A", "a": self = .a
            case "B", "b": self = .b
            case "C", "c": self = .c
            case "D", "d": self = .d
            case "w", ",": self = .pause
            case "W": self = .longPause
            default: return nil
            }
        }
    }

    let steps: [Step]

    /// - Throws: ``DTMFError`` if a character is not on a keypad, if there is none, or if there are too many.
    public init(_ text: String) throws(DTMFError) {
        // Checks the length first, in bytes, because the text may come from an untrusted source.
        let count = text.utf8.count
        guard count <= Self.maximumCount else { throw .tooLong(count: count) }
        guard count > 0 else { throw .empty }
        var steps: [Step] = []
        steps.reserveCapacity(count)
        for (offset, character) in text.enumerated() {
            guard let step = Step(character) else { throw .invalidCharacter(offset: offset) }
            steps.append(step)
        }
        self.steps = steps
    }

    /// The number of keys and pauses.
    public var count: Int { steps.count }

    public var description: String { "\(count) keys and pauses" }
    public var debugDescription: String { description }
}

extension DTMFSequence.Step {
    /// The sixteen keys, row by row.
    static let keys: [[Self]] = [
        [.one, .two, .three, .a], [.four, .five, .six, .b], [.seven, .eight, .nine, .c], [.star, .zero, .pound, .d],
    ]

    static let lowFrequencies: [Double] = [697, 770, 852, 941]
    static let highFrequencies: [Double] = [1209, 1336, 1477, 1633]

    /// The two frequencies of ITU-T Q.23 in Hz; `nil` for a pause.
    var frequencies: (low: Double, high: Double)? {
        for (row, keys) in Self.keys.enumerated() {
            guard let column = keys.firstIndex(of: self) else { continue }
            return (Self.lowFrequencies[row], Self.highFrequencies[column])
        }
        return nil
    }

    /// The step as text: letters in upper case, `w` and `W` for the pauses.
    var character: Character {
        switch self {
        case .star: "*"
        case .pound: "#"
        case .a: "A"
        case .b: "B"
        case .c: "C"
        case .d: "D"
        case .pause: "w"
        case .longPause: "W"
        case .zero, .one, .two, .three, .four, .five, .six, .seven, .eight, .nine:
            Character(Unicode.Scalar(UInt8(ascii: "0") + rawValue))
        }
    }
}
