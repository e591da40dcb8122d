/// An element of an XML document.
struct XMLElement: Sendable, Equatable {
    var name: String
    var attributes: [String: String] = [:]
    var children: [XMLElement] = []
    /// The characters between the tags, without white space at both ends.
    var text = ""
}

/// A small strict reader of XML documents: elements, attributes, the five entities and numeric ones, comments, CDATA, a
/// declaration. No document type, no namespaces' meaning: TwiML needs none.
struct XMLReader {
    struct Fault: Error, Equatable {
        var detail: String
    }

    private let text: [Unicode.Scalar]
    private var place = 0

    static func read(_ document: String) throws(Fault) -> XMLElement {
        var reader = XMLReader(text: Array(document.unicodeScalars))
        if reader.skip("<?xml") { try reader.skipPast("?>") }
        try reader.skipMisc()
        let root = try reader.element(depth: 0)
        try reader.skipMisc()
        guard reader.place == reader.text.count else { throw Fault(detail: "something follows the root element") }
        return root
    }

    private init(text: [Unicode.Scalar]) {
        self.text = text
    }

    private mutating func element(depth: Int) throws(Fault) -> XMLElement {
        guard depth < 32 else { throw Fault(detail: "nested too deeply") }
        guard skip("<") else { throw Fault(detail: "an element is expected at \(place)") }
        var element = XMLElement(name: try name())
        while true {
            let spaces = skipSpaces()
            if skip("/>") { return element }
            if skip(">") { break }
            guard spaces else { throw Fault(detail: "a malformed tag \(element.name)") }
            let attribute = try name()
            _ = skipSpaces()
            guard skip("=") else { throw Fault(detail: "attribute \(attribute) lacks its value") }
            _ = skipSpaces()
            guard element.attributes[attribute] == nil else {
                throw Fault(detail: "attribute \(attribute) comes twice")
            }
            element.attributes[attribute] = try quoted()
        }
        try content(of: &element, depth: depth)
        return element
    }

    private mutating func content(of element: inout XMLElement, depth: Int) throws(Fault) {
        var characters = ""
        while true {
            guard place < text.count else { throw Fault(detail: "\(element.name) is not closed") }
            if skip("<!--") {
                try skipPast("-->")
            } else if skip("<![CDATA[") {
                let start = place
                try skipPast("]]>")
                for scalar in text[start..<place - 3] { characters.unicodeScalars.append(scalar) }
            } else if skip("</") {
                guard try name() == element.name else {
                    throw Fault(detail: "\(element.name) is closed by another name")
                }
                _ = skipSpaces()
                guard skip(">") else { throw Fault(detail: "a malformed end of \(element.name)") }
                element.text = Self.trimmed(characters)
                return
            } else if text[place] == "<" {
                element.children.append(try self.element(depth: depth + 1))
            } else {
                characters.unicodeScalars.append(try character())
            }
        }
    }

    private mutating func quoted() throws(Fault) -> String {
        guard place < text.count, text[place] == "\"" || text[place] == "'" else {
            throw Fault(detail: "an attribute's value lacks its quotes")
        }
        let quote = text[place]
        place += 1
        var value = ""
        while place < text.count, text[place] != quote {
            guard text[place] != "<" else { throw Fault(detail: "a < in an attribute's value") }
            value.unicodeScalars.append(try character())
        }
        guard place < text.count else { throw Fault(detail: "an attribute's value does not end") }
        place += 1
        return value
    }

    private mutating func character() throws(Fault) -> Unicode.Scalar {
        let scalar = text[place]
        place += 1
        guard scalar == "&" else { return scalar }
        let entities: [(String, Unicode.Scalar)] = [
            ("amp;", "&"), ("lt;", "<"), ("gt;", ">"), ("quot;", "\""), ("apos;", "'"),
        ]
        for (name, value) in entities where skip(name) { return value }
        let radix = skip("#x") ? 16 : skip("#") ? 10 : 0
        guard radix > 0, let end = text[place...].firstIndex(of: ";"), end - place <= 8 else {
            throw Fault(detail: "an & that begins no known entity")
        }
        var digits = ""
        for scalar in text[place..<end] { digits.unicodeScalars.append(scalar) }
        place = end + 1
        guard let number = UInt32(digits, radix: radix), let value = Unicode.Scalar(number) else {
            throw Fault(detail: "an entity that is no character")
        }
        return value
    }

    private mutating func name() throws(Fault) -> String {
        var name = ""
        while place < text.count {
            let scalar = text[place]
            let isName = scalar.properties.isAlphabetic || "_:-.0123456789".unicodeScalars.contains(scalar)
            guard isName else { break }
            name.unicodeScalars.append(scalar)
            place += 1
        }
        guard let first = name.unicodeScalars.first, first.properties.isAlphabetic || first == "_" else {
            throw Fault(detail: "a name is expected at \(place)")
        }
        return name
    }

    private mutating func skipMisc() throws(Fault) {
        while skipSpaces() || skip("<!--") {
            if place >= 4, text[place - 4..<place].elementsEqual("<!--".unicodeScalars) { try skipPast("-->") }
        }
    }

    private mutating func skipSpaces() -> Bool {
        let start = place
        while place < text.count, [" ", "\t", "\n", "\r"].contains(text[place]) { place += 1 }
        return place > start
    }

    private mutating func skip(_ mark: String) -> Bool {
        let mark = Array(mark.unicodeScalars)
        guard text.count - place >= mark.count, text[place..<place + mark.count].elementsEqual(mark) else {
            return false
        }
        place += mark.count
        return true
    }

    private mutating func skipPast(_ mark: String) throws(Fault) {
        while place < text.count {
            if skip(mark) { return }
            place += 1
        }
        throw Fault(detail: "\(mark) is missing")
    }

    private static func trimmed(_ text: String) -> String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        return String(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
