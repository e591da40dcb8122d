import TalkpathWire

/// Replaces what is private in the JSON of captures, and keeps its structure: members, types, numbers of the protocol.
///
/// A text whose member is not known to be a word of the protocol is replaced, so that what is new is private.
struct MessageDisguise {
    private let words: WordDisguise
    private var names: [String: String] = [:]

    /// Stands for a message's audio.
    static let audio = "\u{1}audio"

    init(key: [UInt8]) {
        words = WordDisguise(key: key)
    }

    /// The way in which the texts below a member are treated.
    private enum Manner {
        /// Words of the protocol stay; all else is replaced.
        case message
        /// Settings: short words without a space stay.
        case settings
        /// What functions are given and return: every text and number is replaced.
        case content
        /// Those whom a call may be handed to: their names, which functions are given, are replaced like words.
        case people
    }

    mutating func replace(_ json: JSONValue) -> JSONValue { replace(json, "", .message) }

    private mutating func replace(_ json: JSONValue, _ key: String, _ manner: Manner) -> JSONValue {
        switch json {
        case .object(let members):
            let below = Self.manner(below: key, manner)
            var replaced: [(key: String, value: JSONValue)] = []
            for (name, value) in members { replaced.append((name, replace(value, name, below))) }
            return .object(replaced)
        case .array(let elements):
            var replaced: [JSONValue] = []
            for element in elements { replaced.append(replace(element, key, manner)) }
            return .array(replaced)
        case .string(let text):
            return .string(replace(text, key, manner))
        case .number(let number):
            return manner == .content ? replace(number) : json
        case .bool, .null:
            return json
        }
    }

    private mutating func replace(_ text: String, _ key: String, _ manner: Manner) -> String {
        if text.isEmpty || text == Self.audio || text == "[removed]" { return text }
        if manner == .content || manner == .people && !Self.protocolWords.contains(key) { return words.replace(text) }
        if Self.nested.contains(key), let json = try? JSONValue(parsing: text), json.object != nil || json.array != nil
        {
            let inner: Manner = key == "parameters" ? .message : .content
            return replace(json, "", inner).serializedText()
        }
        if manner == .settings, Self.isOption(text), !Self.privateSettings.contains(key) { return text }
        if Self.isName(key) { return rename(text) }
        if key == "name", Self.isIdentifier(text) { return text }
        if key == "digit" || key == "digits" { return Self.keys(text) }
        if Self.protocolWords.contains(key) { return text }
        if Self.technical.contains(key) { return Self.masked(text) }
        return words.replace(text)
    }

    // MARK: Kinds of members

    private static func manner(below key: String, _ above: Manner) -> Manner {
        if settings.contains(key) { return .settings }
        if contents.contains(key) { return .content }
        return key == "transfer_targets" ? .people : above
    }

    private static let settings: Set = ["openai", "gemini", "openai_live", "limits", "generationConfig"]
    private static let contents: Set = ["args", "customParameters", "metadata", "variables"]
    /// Texts that hold JSON.
    private static let nested: Set = ["arguments", "output", "parameters"]
    private static let privateSettings: Set = [
        "prompt", "keywords", "phrases", "headers", "authorization", "label", "url", "text", "description",
        "instructions",
        "words", "idle_prompt",
    ]
    /// What machines say of faults.
    private static let technical: Set = ["message", "reason", "detail"]

    /// Members whose texts are words of the protocols.
    private static let protocolWords: Set = [
        "type", "what", "event", "status", "object", "role", "format", "mimeType", "mime_type", "encoding", "track",
        "tracks",
        "model", "voice", "voiceName", "provider", "code", "param", "modality", "modalities", "responseModalities",
        "output_modalities", "sequenceNumber", "chunk", "timestamp", "direction", "progress", "report", "source",
        "news",
        "outcome", "answer", "leg", "author", "language", "languageCode", "version", "protocol", "speaker",
        "scheduling",
        "behavior", "required", "connect_policy", "greeting_policy", "barge_in", "resampler", "turnCompleteReason",
        "interruptionReason", "finishReason", "timeLeft", "terminator", "phase", "tool_choice", "truncation", "rate",
        "on_failure",
    ]

    private static func isName(_ key: String) -> Bool {
        key == "id" || key == "resume" || key == "newHandle" || key == "handle" || key == "turn" || key == "response"
            || key == "ids" || key.hasSuffix("_id") || key.hasSuffix("Id") || key.hasSuffix("Sid")
            || key.hasSuffix("_ids")
    }

    private static func isIdentifier(_ text: String) -> Bool {
        text.utf8.count <= 64
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    private static func isOption(_ text: String) -> Bool { text.utf8.count <= 40 && !text.contains(" ") }

    // MARK: Replacements

    /// The same name gets the same replacement, which begins as it does.
    private mutating func rename(_ text: String) -> String {
        if let name = names[text] { return name }
        let head = text.prefix(while: { $0.isLetter }).prefix(5)
        let separator = text.dropFirst(head.count).first == "_" ? "_" : "-"
        let name = "\(head.isEmpty ? "id" : String(head))\(separator)\(names.count + 1)"
        names[text] = name
        return name
    }

    /// Every digit becomes the same one; the keys that end an input stay.
    static func keys(_ text: String) -> String { String(text.map { $0.isNumber ? "5" : $0 }) }

    private mutating func replace(_ number: JSONNumber) -> JSONValue {
        var text = words.replace(number.text)
        // A number does not begin with zeros, and an exponent stays what it is.
        guard !number.text.contains("e"), !number.text.contains("E") else { return .number(JSONNumber(1)) }
        let sign = text.hasPrefix("-") ? "-" : ""
        text = String(text.dropFirst(sign.count))
        if text.hasPrefix("0"), text.count > 1, !text.hasPrefix("0.") { text = "1" + text.dropFirst() }
        guard let json = try? JSONValue(parsing: sign + text) else { return .number(JSONNumber(1)) }
        return json
    }

    /// What a machine says of a fault, without quotations, addresses, names and long numbers.
    static func masked(_ text: String) -> String {
        var isQuoted = false
        var masked = ""
        for character in text {
            if character == "'" || character == "\"" || character == "`" || character == "«" || character == "»" {
                isQuoted.toggle()
                masked.append(character)
            } else {
                masked.append(isQuoted && (character.isLetter || character.isNumber) ? "x" : character)
            }
        }
        return masked.split(separator: " ", omittingEmptySubsequences: false).map { word in
            let digits = word.count { $0.isNumber }
            let isPrivate =
                word.contains("@") || word.contains("://") || digits >= 5 || (digits > 0 && word.count >= 10)
            return isPrivate ? String(word.map { $0.isLetter || $0.isNumber ? "x" : $0 }) : String(word)
        }.joined(separator: " ")
    }
}
