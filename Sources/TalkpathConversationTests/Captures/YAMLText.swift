import TalkpathWire

/// Texts for the YAML that is written.
enum YAMLText {
    /// A text in quotation marks, on one line.
    static func quoted(_ text: String) -> String { escaped(JSONValue.string(text).serializedText()) }

    /// A value as JSON, which is YAML too.
    static func flow(_ json: JSONValue) -> String { escaped(json.serializedText()) }

    /// A text for a comment: on one line, and short.
    static func comment(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(160) { line.append(isPlain(scalar) ? scalar : " ") }
        return String(line)
    }

    /// Characters that JSON may hold as they are and YAML may not: within quotation marks both take their numbers.
    private static func escaped(_ json: String) -> String {
        var text = ""
        for scalar in json.unicodeScalars {
            if isPlain(scalar) {
                text.unicodeScalars.append(scalar)
            } else {
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            }
        }
        return text
    }

    /// True for characters that YAML prints, and that end no line.
    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E, 0xA0...0x2027, 0x202F...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x1_0000...0x10_FFFF: true
        default: false
        }
    }
}
