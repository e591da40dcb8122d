/// The part of XML 1.0 that call instructions need: elements, attributes, text.
struct XMLElement {
    private let name: String
    private var attributes: [(name: String, value: String)] = []
    private let content: String
    var children: [XMLElement]

    init(_ name: String, text: String = "", children: [XMLElement] = []) {
        self.name = name
        content = text
        self.children = children
    }

    /// Does nothing if `value` is `nil`.
    mutating func set(_ attribute: String, _ value: String?) throws(TwiMLError) {
        guard let value else { return }
        guard value.unicodeScalars.allSatisfy(Self.isLegal) else { throw TwiMLError(.illegalCharacter, attribute) }
        attributes.append((name: attribute, value: value))
    }

    /// Sets a value that is a constant of the program.
    mutating func setWord(_ attribute: String, _ value: String) {
        attributes.append((name: attribute, value: value))
    }

    var text: String {
        var text = "<\(name)"
        for attribute in attributes {
            text += " \(attribute.name)=\"\(Self.escaped(attribute.value, inAttribute: true))\""
        }
        guard !content.isEmpty || !children.isEmpty else { return text + "/>" }
        text += ">" + Self.escaped(content, inAttribute: false)
        for child in children { text += child.text }
        return text + "</\(name)>"
    }

    /// Escapes white space other than the space in attributes, because readers would turn it into spaces, and the
    /// carriage return everywhere. Leaves illegal characters out.
    private static func escaped(_ value: String, inAttribute: Bool) -> String {
        var text = ""
        for scalar in value.unicodeScalars where isLegal(scalar) {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"" where inAttribute: text += "&quot;"
            case "\r": text += "&#13;"
            case "\n" where inAttribute: text += "&#10;"
            case "\t" where inAttribute: text += "&#9;"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// XML 1.0, production 2 (Char).
    private static func isLegal(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }
}
