import TalkpathWire

/// The form that a JSON value must have.
///
/// One definition serves three purposes: `JSONBody` checks requests with it, the API document shows it (`Schema+JSON`),
/// and tests check the server's answers with it (`Schema+Checking`).
struct Schema: Sendable {
    indirect enum Kind: Sendable {
        /// Any value, including `null`.
        case any
        case boolean
        case integer(ClosedRange<Int>?)
        case number(ClosedRange<Double>?)
        /// - Parameter length: in Unicode scalars.
        case text(length: ClosedRange<Int>, form: TextForm?)
        /// One of these words.
        case word([String])
        case array(Schema, count: ClosedRange<Int>)
        case object([Member], isOpen: Bool)
        /// An object with any names.
        case dictionary(of: Schema)
        case oneOf([Schema])
        /// A schema of the document's list, by its name.
        case reference(String)
    }

    /// A member of an object.
    struct Member: Sendable {
        var name: String
        var schema: Schema
        var isRequired: Bool
    }

    var kind: Kind
    /// True if `null` is allowed as well.
    var isNullable = false
    /// The description, for readers of the document.
    var meaning: String?
    var example: JSONValue?
    /// Accepted in requests, never in answers.
    var isWriteOnly = false
    /// The most bytes of the serialised value; 0 for no limit.
    var maximumBytes = 0

    init(_ kind: Kind) {
        self.kind = kind
    }
}

/// The form of a text, besides its length.
enum TextForm: String, Sendable {
    case e164
    case time
    case uuid
    case url
    case bytes

    /// The pattern, for readers of the document and for generated clients.
    var pattern: String? {
        switch self {
        case .e164: #"^\+[1-9][0-9]{6,14}$"#
        case .time, .uuid, .url, .bytes: nil
        }
    }

    var format: String? {
        switch self {
        case .e164: nil
        case .time: "date-time"
        case .uuid: "uuid"
        case .url: "uri"
        case .bytes: "binary"
        }
    }
}

// MARK: Making schemas

extension Schema {
    static let any = Schema(.any)
    static let boolean = Schema(.boolean)
    static let integer = Schema(.integer(nil))
    static let number = Schema(.number(nil))
    static let text = Schema(.text(length: 0...10_000_000, form: nil))
    static let e164 = Schema(.text(length: 0...10_000, form: .e164))
    static let time = Schema(.text(length: 20...30, form: .time))
    /// The bytes of a file, as the body of an answer.
    static let file = Schema(.text(length: 0...10_000_000, form: .bytes))
    /// An object with any members.
    static let anyObject = Schema(.dictionary(of: .any))

    static func integer(_ range: ClosedRange<Int>) -> Schema { Schema(.integer(range)) }
    static func number(_ range: ClosedRange<Double>) -> Schema { Schema(.number(range)) }
    static func text(_ length: ClosedRange<Int>) -> Schema { Schema(.text(length: length, form: nil)) }
    static func word(_ words: String...) -> Schema { Schema(.word(words)) }
    static func word<Word: RawRepresentable<String> & CaseIterable>(_ type: Word.Type) -> Schema {
        Schema(.word(Word.allCases.map(\.rawValue)))
    }
    static func array(_ element: Schema, count: ClosedRange<Int> = 0...1_000_000) -> Schema {
        Schema(.array(element, count: count))
    }
    static func dictionary(of value: Schema) -> Schema { Schema(.dictionary(of: value)) }
    static func oneOf(_ schemas: Schema...) -> Schema { Schema(.oneOf(schemas)) }
    static func named(_ name: String) -> Schema { Schema(.reference(name)) }

    /// An object with these members and no others.
    static func object(_ members: Member...) -> Schema { Schema(.object(members, isOpen: false)) }
    static func object(_ members: [Member]) -> Schema { Schema(.object(members, isOpen: false)) }
    /// An object with these members. Other members are allowed and not checked.
    static func openObject(_ members: Member...) -> Schema { Schema(.object(members, isOpen: true)) }

    var orNull: Schema {
        var schema = self
        schema.isNullable = true
        return schema
    }

    func meaning(_ text: String) -> Schema {
        var schema = self
        schema.meaning = text
        return schema
    }

    func example(_ value: JSONValue) -> Schema {
        var schema = self
        schema.example = value
        return schema
    }

    func atMost(bytes: Int) -> Schema {
        var schema = self
        schema.maximumBytes = bytes
        return schema
    }

    var writeOnly: Schema {
        var schema = self
        schema.isWriteOnly = true
        return schema
    }

    /// The members, if this is an object.
    var members: [Member] {
        if case .object(let members, _) = kind { members } else { [] }
    }
}

extension Schema.Member {
    /// A member that is always present.
    static func required(_ name: String, _ schema: Schema) -> Schema.Member {
        Schema.Member(name: name, schema: schema, isRequired: true)
    }

    /// A member that may be missing. `null` counts as missing.
    static func optional(_ name: String, _ schema: Schema) -> Schema.Member {
        Schema.Member(name: name, schema: schema.orNull, isRequired: false)
    }
}
