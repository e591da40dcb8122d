/// What of a peer's message is kept in memory, and how much of it.
///
/// Members with keys that nobody reads are checked and passed over in the scanner's own speed; values that are kept are
/// counted. So the time that a message takes grows with its bytes, and only with them, whatever is in it.
struct JSONBounds: Sendable {
    /// Nil keeps members of every key.
    var keys: JSONKeys?
    /// Values that are kept, within each other or not.
    var mostValues: Int

    static let none = JSONBounds(keys: nil, mostValues: .max)

    /// - Parameters:
    ///   - keys: that are read, on whatever level they stand.
    ///   - whole: keys of which the whole value is read, whatever keys are in it.
    init(keys: [String], whole: [String] = [], mostValues: Int) {
        self.init(keys: JSONKeys(keys, whole: whole), mostValues: mostValues)
    }

    private init(keys: JSONKeys?, mostValues: Int) {
        self.keys = keys
        self.mostValues = mostValues
    }
}

/// Keys, to be found by their bytes without making strings of them.
struct JSONKeys: Sendable {
    enum Match {
        case known, whole, unknown
    }

    /// By their length in bytes.
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

/// Texts of peers that are kept for as long as a call, and shown.
enum PeerWords {
    /// Half an hour of talk in one turn.
    static let longestTranscript = 32 << 10
    static let longestMessage = 1 << 10
    /// Names of items, calls and functions.
    static let longestName = 512
    /// One that is longer is cut, and so broken: the model is told so.
    static let longestArguments = 256 << 10
    static let longestHandle = 64 << 10

    /// As much of a text as is kept, cut between characters.
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
