import TalkpathWire

/// Replaces words by others that mean nothing: the same word by the same one, with its length, its capitals and the marks
/// around it. Signs beyond the usual ones, such as pictures, become asterisks.
///
/// The key is random and kept nowhere, so that the words cannot be found again, short of guessing by their lengths
/// and how often they come. A word that a model sends in two pieces is two words.
struct WordDisguise {
    private let key: [UInt8]

    init(key: [UInt8]) {
        self.key = key
    }

    func replace(_ text: String) -> String {
        var result = ""
        var word: [Character] = []
        for character in text {
            if character.isLetter || character.isNumber {
                word.append(character)
            } else {
                result += replaced(word)
                word = []
                result.append(Self.shown(character))
            }
        }
        return result + replaced(word)
    }

    /// The character itself if it is a usual sign between words; otherwise an asterisk.
    static func shown(_ character: Character) -> Character {
        character.isASCII || character.isWhitespace || signs.contains(character) ? character : "*"
    }

    private static let signs = Set("’‘“”„«»‹›–—…¿¡·、。「」（）？！：；，।،؟€£¥§°")

    private func replaced(_ word: [Character]) -> String {
        guard !word.isEmpty else { return "" }
        let lowercased = Array(String(word).lowercased().utf8)
        var digest: [UInt8] = []
        while digest.count < word.count { digest += TalkpathCrypto.sha256(key + digest + lowercased) }
        return String(
            zip(word, digest).map { character, byte in
                if character.isNumber { return Character(Unicode.Scalar(UInt8(ascii: "0") + byte % 10)) }
                let base = character.isUppercase ? UInt8(ascii: "A") : UInt8(ascii: "a")
                return Character(Unicode.Scalar(base + byte % 26))
            }
        )
    }
}
