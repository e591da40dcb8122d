import TalkpathCore
import TalkpathWire

/// Replaces what is private in the JSON of captures, and keeps its structure.
///
/// Only what is known to be a word of a protocol, a figure, or a name that the agent declares stays: what is new is
/// private. That holds for texts, numbers and names of members alike.
struct MessageDisguise {
    private let words: WordDisguise
    /// The functions that the agent declares or has of us.
    private let functions: Set<String>
    /// The parameters of those functions.
    private let parameters: Set<String>
    /// Milliseconds that are added to dates.
    private let shift: Int
    private var names: [String: String] = [:]
    private var sounds: AudioDisguise

    /// Stands for a message's audio.
    static let audio = "\u{1}audio"

    /// - Parameters:
    ///   - agent: the call's agent, whose functions and their parameters keep their names.
    ///   - shift: the milliseconds from the call's date to the one that it gets.
    init(key: [UInt8], agent: AgentProfile? = nil, shift: Int = 0) {
        words = WordDisguise(key: key)
        sounds = AudioDisguise(key: key)
        self.shift = shift
        let tools = (agent?.tools ?? []) + (agent?.endpoints ?? []).map(\.tool)
        functions = Set(tools.map(\.name) + ["end_call", "transfer_call", "send_dtmf", AgentToolCall.approvalName])
        var parameters: Set = ["reason", "to", "digits"]
        for tool in tools {
            if let schema = try? JSONValue(parsing: tool.parameters) { parameters.formUnion(Self.properties(schema)) }
        }
        self.parameters = parameters
    }

    /// The names of all properties that a schema declares, at any depth.
    private static func properties(_ schema: JSONValue) -> Set<String> {
        var found: Set<String> = []
        for (key, value) in schema.object ?? [] {
            if key == "properties" { found.formUnion((value.object ?? []).map(\.key)) }
            if !values.contains(key) { found.formUnion(properties(value)) }
        }
        for value in schema.array ?? [] { found.formUnion(properties(value)) }
        return found
    }

    /// The treatment of what stands below a member.
    private enum Manner {
        /// Words of the protocol and figures stay.
        case message
        /// The members of a schema's `properties`, each of which is a schema.
        case properties
        case schema
        /// Arguments and results of functions, and all other free content: every text and number is replaced.
        case content
        /// Transfer targets: their names, which functions are given, are replaced like words.
        case people
        /// Faults that a machine reports.
        case fault
    }

    /// A message of a socket, or the description of the call.
    mutating func replace(_ json: JSONValue) -> JSONValue { replace(json, "", .message) }

    /// An event of ours: its `message` and `reason` report what a machine said.
    mutating func replace(event json: JSONValue) -> JSONValue { replace(json, "", .fault) }

    private mutating func replace(_ json: JSONValue, _ key: String, _ manner: Manner) -> JSONValue {
        switch json {
        case .object(let members):
            let below = Self.manner(below: key, manner, json)
            var replaced: [(key: String, value: JSONValue)] = []
            for (name, value) in members {
                let member = isKept(member: name, below) ? name : unused(words.replace(name), among: replaced)
                replaced.append((member, replace(value, name, below)))
            }
            return .object(replaced)
        case .array(let elements):
            var replaced: [JSONValue] = []
            for element in elements { replaced.append(replace(element, key, manner)) }
            return .array(replaced)
        case .string(let text):
            return .string(replace(text, key, manner))
        case .number(let number):
            return replace(number, key, manner)
        case .bool, .null:
            return json
        }
    }

    private func isKept(member name: String, _ manner: Manner) -> Bool {
        switch manner {
        case .properties: parameters.contains(name)
        case .content: parameters.contains(name) || ProtocolWords.isKnown(member: name)
        case .message, .schema, .people, .fault: ProtocolWords.isKnown(member: name)
        }
    }

    /// Two members of an object never get the same name.
    private func unused(_ name: String, among members: [(key: String, value: JSONValue)]) -> String {
        var name = name
        while members.contains(where: { $0.key == name }) { name += "x" }
        return name
    }

    // MARK: Texts

    private mutating func replace(_ text: String, _ key: String, _ manner: Manner) -> String {
        if text.isEmpty || text == Self.audio || text == "[removed]" { return text }
        if key == "digit" || key == "digits" || key == "terminator" { return keys(text) }
        switch manner {
        case .content: return words.replace(text)
        case .people: return Self.isOfTarget(key) ? message(text, key) : words.replace(text)
        case .schema, .properties:
            if key == "type" || key == "format" { return ProtocolWords.masked(text, words) }
            return parameters.contains(text) && Self.lists.contains(key) ? text : words.replace(text)
        case .fault:
            if key == "message" || key == "reason" { return ProtocolWords.maskedReport(text, words) }
            return message(text, key)
        case .message: return message(text, key)
        }
    }

    private mutating func message(_ text: String, _ key: String) -> String {
        if Self.nested.contains(key), let json = try? JSONValue(parsing: text), json.object != nil || json.array != nil
        {
            return replace(json, "", key == "parameters" ? .schema : .content).serializedText()
        }
        if key == "name" || key == "tool" {
            return Self.isMark(text) || functions.contains(text) ? text : words.replace(text)
        }
        if Self.isName(key) { return rename(text) }
        if key == "voice" || key == "voiceName" {
            return ProtocolWords.voices.contains(text.lowercased()) ? text : words.replace(text)
        }
        if Self.languages.contains(key) { return Self.isLanguage(text) ? text : words.replace(text) }
        if key == "timeLeft" || ProtocolWords.isFigure(key), Self.isFigure(text) { return text }
        // A word without spaces is a word of the protocol, such as `turn_detected`; otherwise it is said in words.
        if Self.worded.contains(key) || key == "reason" && !text.contains(where: \.isWhitespace) {
            return ProtocolWords.masked(text, words)
        }
        if Self.audible.contains(key), let sound = noise(like: text) { return sound }
        return words.replace(text)
    }

    /// Audio that a message holds besides its longest one.
    private mutating func noise(like text: String) -> String? {
        guard text.utf8.count >= 32,
            case .clipRequested(let bytes)? = CaptureEvent(
                json: ["what": "clip_requested", "audio": .string(text)]
            )
        else { return nil }
        return TalkpathCrypto.base64(sounds.replace(pcm: bytes, rate: 24_000))
    }

    // MARK: Kinds of members

    private static func manner(below key: String, _ above: Manner, _ json: JSONValue) -> Manner {
        if above == .content || contents.contains(key) { return .content }
        switch above {
        case .properties: return .schema
        case .schema:
            if values.contains(key) { return .content }
            return maps.contains(key) ? .properties : .schema
        case .people: return .people
        case .message, .fault, .content:
            if schemas.contains(key) { return .schema }
            if key == "transfer_targets" { return .people }
            if key == "error" || json["type"]?.string == "error" { return .fault }
            return key.isEmpty ? above : .message
        }
    }

    private static let contents: Set = [
        "args", "arguments", "output", "result", "customParameters", "metadata", "variables", "headers", "logprobs",
    ]
    /// Texts that hold JSON.
    private static let nested: Set = ["arguments", "output", "parameters"]
    private static let schemas: Set = [
        "parameters", "parametersJsonSchema", "responseJsonSchema", "inputSchema", "input_schema", "schema",
    ]
    /// Members of a schema whose members have names of the agent's.
    private static let maps: Set = ["properties", "patternProperties", "$defs", "definitions"]
    /// Members of a schema that hold values of arguments.
    private static let values: Set = ["enum", "const", "default", "example", "examples"]
    /// Members of a schema that list names of properties.
    private static let lists: Set = ["required", "propertyOrdering"]
    private static let languages: Set = ["language", "languages", "languageCode", "languageCodes"]
    private static let audible: Set = ["payload", "data", "audio"]
    private static let worded = ProtocolWords.worded

    private static func isOfTarget(_ key: String) -> Bool { key == "on_failure" || key == "language" }

    private static func isName(_ key: String) -> Bool {
        key == "id" || key == "resume" || key == "newHandle" || key == "handle" || key == "turn" || key == "response"
            || key == "ids" || key.hasSuffix("_id") || key.hasSuffix("Id") || key.hasSuffix("Sid")
            || key.hasSuffix("_ids")
    }

    /// A mark of ours: `tp-1-12`.
    private static func isMark(_ text: String) -> Bool {
        text.hasPrefix("tp-") && text.utf8.count <= 24
            && text.dropFirst(3).utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
    }

    /// `de`, `de-DE`, `zh-Hant-TW`, `es-419`.
    private static func isLanguage(_ text: String) -> Bool {
        var parts = text.split(separator: "-", omittingEmptySubsequences: false)[...]
        guard let language = parts.popFirst(), (2...3).contains(language.utf8.count), isOf(0x61...0x7A, language) else {
            return false
        }
        if let script = parts.first, script.utf8.count == 4 {
            guard isOf(0x41...0x5A, script.prefix(1)), isOf(0x61...0x7A, script.dropFirst()) else { return false }
            parts = parts.dropFirst()
        }
        guard let region = parts.popFirst() else { return true }
        let isCountry = region.utf8.count == 2 && isOf(0x41...0x5A, region)
        let isArea = region.utf8.count == 3 && isOf(0x30...0x39, region)
        return parts.isEmpty && (isCountry || isArea)
    }

    private static func isOf(_ range: ClosedRange<UInt8>, _ text: Substring) -> Bool {
        text.utf8.allSatisfy { range.contains($0) }
    }

    /// `12`, `-0.5`, `1.5s`, `inf`; a number of ten digits may be a telephone's.
    private static func isFigure(_ text: String) -> Bool {
        if text == "inf" { return true }
        var rest = text[...]
        if rest.hasPrefix("-") { rest = rest.dropFirst() }
        if rest.hasSuffix("ms") { rest = rest.dropLast(2) } else if rest.hasSuffix("s") { rest = rest.dropLast() }
        let parts = rest.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.allSatisfy { (1...9).contains($0.utf8.count) && isOf(0x30...0x39, $0) }
    }

    // MARK: Replacements

    /// The same name gets the same replacement. Of its beginning only what identifiers of the protocols begin with stays.
    private mutating func rename(_ text: String) -> String {
        if let name = names[text] { return name }
        // Ours, which the model repeats.
        if text.hasPrefix("talkpath-"), ProtocolWords.isKnown(member: text) { return text }
        let head =
            Self.heads.first { text.hasPrefix($0) }
            ?? Self.carriers.first { text.hasPrefix($0) && text.utf8.count == 34 }
        let name = "\(head ?? "id-")\(names.count + 1)"
        names[text] = name
        return name
    }

    private static let heads = [
        "item_", "resp_", "call_", "sess_", "event_", "conv_", "item-", "call-", "handle-", "turn-",
    ]
    /// The beginnings of Twilio's identifiers, which have 34 characters.
    private static let carriers = ["CA", "MZ", "AC"]

    /// Every digit becomes the same one; the keys that end an input stay, and pauses.
    private func keys(_ text: String) -> String {
        guard text.allSatisfy({ "0123456789*#ABCDwW,".contains($0) }) else { return words.replace(text) }
        return String(text.map { $0.isNumber ? "5" : $0 })
    }

    private func replace(_ number: JSONNumber, _ key: String, _ manner: Manner) -> JSONValue {
        if manner != .content {
            if let date = date(number, key) { return date }
            if manner != .properties, ProtocolWords.isFigure(key), Self.isFigure(number.text) { return .number(number) }
        }
        guard !number.text.contains("e"), !number.text.contains("E") else { return .number(JSONNumber(1)) }
        let sign = number.text.hasPrefix("-") ? "-" : ""
        var text = words.replace(String(number.text.dropFirst(sign.count)))
        // A number does not begin with zeros.
        if text.hasPrefix("0"), text.count > 1, !text.hasPrefix("0.") { text = "1" + text.dropFirst() }
        guard let json = try? JSONValue(parsing: sign + text) else { return .number(JSONNumber(1)) }
        return json
    }

    /// A date, in seconds or milliseconds, as far from the new date of the call as it was from the old one; `nil` for
    /// what is no date.
    private func date(_ number: JSONNumber, _ key: String) -> JSONValue? {
        let isDate = key.hasSuffix("_at") || key.hasSuffix("At") || key.hasSuffix("_at_ms") || key.hasSuffix("_time")
        guard isDate, let value = number.double.map({ Int(max(-9e15, min(9e15, $0))) }) else { return nil }
        // From the year 2001 on, in milliseconds; before 5138, in seconds.
        if value >= 1_000_000_000_000 { return JSONValue(value + shift) }
        return JSONValue(value >= 1_000_000_000 ? value + shift / 1000 : 0)
    }
}
