import TalkpathAudio
import TalkpathWire

/// A kept record that cannot be read: damaged, or written by a newer version.
public struct RecordError: Error, Equatable, CustomStringConvertible {
    public var field: String

    public var description: String { "the record's '\(field)' is missing or none of this version's" }
}

/// Reads the members of a kept record.
///
/// Fields that older versions did not write are absent and need a default when they are read. Fields of newer versions
/// are ignored.
struct RecordFields {
    let value: JSONValue

    init(_ value: JSONValue) {
        self.value = value
    }

    func need<Value>(_ field: String, _ value: Value?) throws(RecordError) -> Value {
        guard let value else { throw RecordError(field: field) }
        return value
    }

    func text(_ field: String) -> String? { value[field]?.string }

    /// A count or a time. A wrong value in a damaged record overflows no arithmetic.
    func integer(_ field: String) -> Int? { value[field]?.int.map { min(max($0, -Self.largest), Self.largest) } }

    /// 2^53.
    private static let largest = 9_007_199_254_740_992

    func double(_ field: String) -> Double? { value[field]?.double }

    /// A word of a closed list. An unknown word is an error, because it changes the meaning of the record.
    func word<Word: RawRepresentable<String>>(_ field: String) throws(RecordError) -> Word? {
        guard let text = text(field) else { return nil }
        return try need(field, Word(rawValue: text))
    }

    func duration(_ field: String) -> Duration? { value[field]?.int.map { .nanoseconds(Int64($0)) } }

    func time(_ field: String) -> WallTime? { value[field]?.int.map { WallTime(milliseconds: Int64($0)) } }

    func nested(_ field: String) -> RecordFields? {
        guard let value = value[field], !value.isNull else { return nil }
        return RecordFields(value)
    }

    func list<Element>(
        _ field: String,
        _ make: (RecordFields) throws(RecordError) -> Element
    ) throws(RecordError) -> [Element] {
        var elements: [Element] = []
        for element in value[field]?.array ?? [] { elements.append(try make(RecordFields(element))) }
        return elements
    }
}

extension JSONValue {
    /// An object of those members that are there.
    static func record(_ members: [(String, JSONValue?)]) -> JSONValue {
        .object(members.compactMap { key, value in value.map { (key: key, value: $0) } })
    }

    static func optional(_ text: String?) -> JSONValue? { text.map(JSONValue.string) }

    static func optional(_ number: Double?) -> JSONValue? { number.flatMap { JSONNumber($0) }.map(JSONValue.number) }

    static func nanoseconds(_ duration: Duration?) -> JSONValue? {
        duration.map { JSONValue(Int($0.wholeNanoseconds)) }
    }

    static func milliseconds(_ time: WallTime?) -> JSONValue? { time.map { JSONValue(Int($0.milliseconds)) } }
}
