/// The words of a turn, freed of all that does not count when two turns are compared: case, punctuation, spacing,
/// fillers, and how numbers are written.
///
/// Works for any script: scripts that are written without spaces are compared sign by sign. The words for numbers are
/// English.
struct TurnText: Equatable, Sendable {
    /// Words, a digit each where there are numbers: "Flight 21" and "flight twenty-one" are `flight`, `2`, `1`.
    let tokens: [String]
    /// All digits in their order, and single letters, as in spelling.
    let data: [String]
    private let shingles: Set<UInt64>

    init(_ text: String) {
        var words: [String] = []
        var word = ""
        func endWord() {
            if !word.isEmpty { words.append(word) }
            word = ""
        }
        for scalar in text.lowercased().unicodeScalars {
            if Self.standsAlone(scalar) {
                endWord()
                words.append(String(scalar))
            } else if scalar.properties.isAlphabetic || scalar.properties.generalCategory == .nonspacingMark
                || scalar.properties.numericType != nil
            {
                word.unicodeScalars.append(scalar)
            } else if !Self.apostrophes.contains(scalar) {
                endWord()
            }
        }
        endWord()
        tokens = Self.withPlainNumbers(words.filter { !Self.fillers.contains($0) })
        data = tokens.filter(Self.isDatum)
        shingles = Self.shingles(of: tokens)
    }

    /// Nothing but digits and letters that are spelled out: as short as they are, they come again by nature.
    var isDataOnly: Bool { !tokens.isEmpty && data.count == tokens.count }

    /// The likeness of two turns, from 0 to 1: the share of three-letter pieces that they have in common (Dice).
    func similarity(to other: TurnText) -> Double {
        if tokens == other.tokens { return 1 }
        let total = shingles.count + other.shingles.count
        guard total > 0 else { return 0 }
        return 2 * Double(shingles.intersection(other.shingles).count) / Double(total)
    }

    /// A word without most of its inflection: "assisting" tells nothing that "assistance" has not told.
    static func stem(_ token: String) -> String {
        token.utf8.count <= 5 ? token : String(token.unicodeScalars.prefix(5))
    }

    // MARK: Parts

    private static let apostrophes: Set<Unicode.Scalar> = ["'", "’", "ʼ"]

    private static let fillers: Set<String> = ["uh", "uhm", "um", "er", "erm", "hm", "hmm", "mm", "ah", "oh", "eh"]

    /// Signs that are words, or as good as.
    private static func standsAlone(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // Kana, CJK with its extensions, Thai.
        case 0x0E01...0x0E2E, 0x3041...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF:
            true
        default: false
        }
    }

    private static func isDatum(_ token: String) -> Bool {
        guard let first = token.unicodeScalars.first, token.unicodeScalars.count == 1 else { return false }
        // "a" and "i" are words.
        return ("0"..."9").contains(first) || (("b"..."z").contains(first) && first != "i")
    }

    private static let units: [String: Int] = [
        "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
        "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
        "seventeen": 17, "eighteen": 18, "nineteen": 19,
    ]

    private static let tens: [String: Int] = [
        "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    ]

    /// Digits one by one, however the numbers were written.
    private static func withPlainNumbers(_ words: [String]) -> [String] {
        var tokens: [String] = []
        var ten: Int?
        func endTen() {
            if let value = ten { tokens += digits(String(value)) }
            ten = nil
        }
        for word in words {
            if let value = tens[word] {
                endTen()
                ten = value
            } else if let value = units[word] {
                if let begun = ten, (1...9).contains(value) {
                    ten = nil
                    tokens += digits(String(begun + value))
                } else {
                    endTen()
                    tokens += digits(String(value))
                }
            } else {
                endTen()
                tokens += word.utf8.allSatisfy { (0x30...0x39).contains($0) } ? digits(word) : [word]
            }
        }
        endTen()
        return tokens
    }

    private static func digits(_ number: String) -> [String] { number.map { String($0) } }

    /// Three neighbouring letters each, of the whole with spaces between the words.
    private static func shingles(of tokens: [String]) -> Set<UInt64> {
        var shingles: Set<UInt64> = []
        var window: UInt64 = 0
        for scalar in " \(tokens.joined(separator: " ")) ".unicodeScalars {
            // 21 bits hold any scalar.
            window = (window << 21 | UInt64(scalar.value)) & (1 << 63 - 1)
            if window >> 42 > 0 { shingles.insert(window) }
        }
        return shingles
    }
}
