@testable import TalkpathWire

/// Writes a JSON value in one of its many legal forms: members in random order, random white space, needless escapes.
struct JSONNoise {
    var generator: SeededGenerator
    var shuffles = true
    var escapes = true
    var spaces = true

    mutating func text(_ value: JSONValue) -> String {
        space() + bare(value) + space()
    }

    private mutating func bare(_ value: JSONValue) -> String {
        switch value {
        case .null, .bool, .number: return value.serializedText()
        case .string(let text): return quoted(text)
        case .array(let elements): return "[" + elements.map { text($0) }.joined(separator: ",") + "]"
        case .object(let members):
            let ordered = shuffles ? members.shuffled(using: &generator) : members
            let pieces = ordered.map { space() + quoted($0.key) + space() + ":" + text($0.value) }
            return "{" + (pieces.isEmpty ? space() : pieces.joined(separator: ",")) + "}"
        }
    }

    private mutating func quoted(_ text: String) -> String {
        let rate = escapes && generator.chance(oneIn: 4) ? 6 : Int.max
        var result = "\""
        for scalar in text.unicodeScalars {
            if rate != Int.max, generator.chance(oneIn: rate) {
                result += escape(scalar)
            } else if scalar == "\"" || scalar == "\\" || scalar.value < 0x20 {
                result += escape(scalar)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private mutating func escape(_ scalar: Unicode.Scalar) -> String {
        if scalar == "/", Bool.random(using: &generator) { return "\\/" }
        return String(scalar).utf16.map { unit in
            let digits = String(unit, radix: 16, uppercase: Bool.random(using: &generator))
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }.joined()
    }

    private mutating func space() -> String {
        guard spaces, generator.chance(oneIn: 5) else { return "" }
        return String((0...2).map { _ in [" ", "\t", "\n", "\r"].randomElement(using: &generator)! })
    }

    /// A random value, for unknown fields.
    mutating func anything(depth: Int = 3) -> JSONValue {
        let texts = ["", "media", "payload", "}{][\",:\\", "grüße 世界 👋", "\u{0}\u{1F}\n", "e\u{301}", "\u{2028}"]
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2: return JSONValue(Int.random(in: -1000...1000, using: &generator))
        case 3: return .number(JSONNumber(Double.random(in: -1e9...1e9, using: &generator))!)
        case 4: return .string(texts.randomElement(using: &generator)!)
        case 5: return .array((0..<Int.random(in: 0...3, using: &generator)).map { _ in anything(depth: depth - 1) })
        default:
            var object: JSONValue = [:]
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                object.set(texts.randomElement(using: &generator)!, anything(depth: depth - 1))
            }
            return object
        }
    }
}
