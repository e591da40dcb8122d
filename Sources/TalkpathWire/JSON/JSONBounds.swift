/// Limits the part of a peer's message that is kept in memory.
///
/// Members with unused keys are checked and skipped at the scanner's speed; kept values are counted. So the time for a
/// message is linear in its bytes, with any content.
struct JSONBounds: Sendable {
    /// The keys whose members are kept; `nil` keeps all.
    var keys: JSONKeys?
    /// The most values to keep, nested ones included.
    var mostValues: Int

    static let none = JSONBounds(keys: nil, mostValues: .max)

    /// - Parameters:
    ///   - keys: the keys to read, at any level.
    ///   - whole: the keys whose whole value is read, with any keys in it.
    init(keys: [String], whole: [String] = [], mostValues: Int) {
        self.init(keys: JSONKeys(keys, whole: whole), mostValues: mostValues)
    }

    private init(keys: JSONKeys?, mostValues: Int) {
        self.keys = keys
        self.mostValues = mostValues
    }
}

/// Keys that are found by their bytes, without making strings.
struct JSONKeys: Sendable {
    enum Match {
        case known, whole, unknown
    }

    /// The keys by their length in bytes.
    private let entries: [[(bytes: [UInt8], isWhole: Bool)]]

    init(_ keys: [String], whole: [String]) {
        var entries: [[(bytes: [UInt8], isWhole: Bool)]] = []
        for (key, isWhole) in keys.map({ ($0, false) }) + whole.map({ ($0, true) }) {
            while entries.count <= key.utf8.count { entries.append([]) }
            entries[key.utf8.count].append((Array(key.utf8), isWhole))
        }
        self.entries = entries
    }

    func match(_ key: JSONText, in scanner: JSONScanner) -> Match {
        guard !key.hasEscapes else { return match(scanner.unescaped(key)) }
        guard key.range.count < entries.count else { return .unknown }
        for entry in entries[key.range.count] where scanner.equals(key.range, entry.bytes) {
            return entry.isWhole ? .whole : .known
        }
        return .unknown
    }

    private func match(_ key: [UInt8]) -> Match {
        guard key.count < entries.count, let entry = entries[key.count].first(where: { $0.bytes == key }) else {
            return .unknown
        }
        return entry.isWhole ? .whole : .known
    }
}

/// Limits, in bytes, for peers' texts that are kept for the length of a call, or shown.
enum PeerWords {
    /// Half an hour of speech in one turn.
    static let longestTranscript = 32 << 10
    static let longestMessage = 1 << 10
    /// Names of items, calls and functions.
    static let longestName = 512
    /// Longer arguments are cut, which makes them malformed; the model is told so.
    static let longestArguments = 256 << 10
    static let longestHandle = 64 << 10

    /// The kept part of a text, cut between characters.
    static func cut(_ text: String, to bytes: Int) -> String {
        guard text.utf8.count > bytes else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: bytes)
        while end > text.startIndex, end.samePosition(in: text.unicodeScalars) == nil {
            end = text.utf8.index(before: end)
        }
        return String(text[..<end])
    }
}

extension JSONValue {
    /// The text, if it is short enough for a name.
    var name: String? {
        guard let string, string.utf8.count <= PeerWords.longestName else { return nil }
        return string
    }
}
