/// A value of a statement's place or of a result's column, in the types that the store has.
package enum PostgresValue: Equatable, Sendable {
    case null
    case integer(Int64)
    case text(String)
    case boolean(Bool)

    /// PostgreSQL's number of the type; 0 where the statement has to tell it.
    var type: UInt32 {
        switch self {
        case .null: 0
        case .boolean: 16
        case .integer: 20
        case .text: 25
        }
    }

    /// As PostgreSQL sends it as text.
    init(type: UInt32, text: String) {
        switch type {
        case 16: self = .boolean(text == "t")
        // int8, int2, int4, and numeric, which sums of int8 are.
        case 20, 21, 23, 1700: self = Int64(text).map(PostgresValue.integer) ?? .null
        default: self = .text(text)
        }
    }
}

/// The places of one statement, in PostgreSQL's binary form: nothing of a value is ever read as SQL.
struct PostgresParameters {
    private(set) var bytes: [UInt8] = []
    /// Where each value stands in the bytes; nil for NULL.
    private(set) var ranges: [Range<Int>?] = []
    private(set) var types: [UInt32] = []

    init(_ values: [PostgresValue]) {
        for value in values {
            types.append(value.type)
            let start = bytes.count
            switch value {
            case .null:
                ranges.append(nil)
                continue
            case .integer(let number):
                withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
            case .boolean(let value):
                bytes.append(value ? 1 : 0)
            case .text(let text):
                if text.utf8.contains(0) {
                    // PostgreSQL's texts hold every character but this one.
                    for byte in text.utf8 { bytes += byte == 0 ? Array("\u{FFFD}".utf8) : [byte] }
                } else {
                    bytes.append(contentsOf: text.utf8)
                }
            }
            ranges.append(start..<bytes.count)
        }
        // So that an empty text has an address, too.
        bytes.append(0)
    }
}

/// A statement with `?` or `?1` for its places, in PostgreSQL's `$1`.
enum PostgresPlaces {
    /// - Parameter sql: a constant of this program, without a question mark of another meaning.
    static func numbered(_ sql: String) -> String {
        var text = ""
        text.reserveCapacity(sql.utf8.count + 16)
        var count = 0
        var rest = Substring(sql)
        while let place = rest.firstIndex(of: "?") {
            text += rest[..<place]
            rest = rest[rest.index(after: place)...]
            text += "$"
            if rest.first?.isNumber != true {
                count += 1
                text += String(count)
            }
        }
        return text + rest
    }
}
