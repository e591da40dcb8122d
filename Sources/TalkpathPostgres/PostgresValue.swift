/// An argument of a statement, or a column of a result, in the types that the store uses.
package enum PostgresValue: Equatable, Sendable {
    case null
    case integer(Int64)
    case text(String)
    case boolean(Bool)

    /// PostgreSQL's type number; 0 lets the statement decide.
    var type: UInt32 {
        switch self {
        case .null: 0
        case .boolean: 16
        case .integer: 20
        case .text: 25
        }
    }

    /// Reads a value from PostgreSQL's text format.
    init(type: UInt32, text: String) {
        switch type {
        case 16: self = .boolean(text == "t")
        // int8, int2, int4, and numeric, which is the type of a sum of int8.
        case 20, 21, 23, 1700: self = Int64(text).map(PostgresValue.integer) ?? .null
        default: self = .text(text)
        }
    }
}

/// The arguments of one statement, in PostgreSQL's binary format. No value is ever read as SQL.
struct PostgresParameters {
    private(set) var bytes: [UInt8] = []
    /// The place of each value in `bytes`; `nil` for NULL.
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
                    // PostgreSQL's texts cannot hold NUL.
                    for byte in text.utf8 { bytes += byte == 0 ? Array("\u{FFFD}".utf8) : [byte] }
                } else {
                    bytes.append(contentsOf: text.utf8)
                }
            }
            ranges.append(start..<bytes.count)
        }
        // One byte more, so that an empty text at the end has an address, too.
        bytes.append(0)
    }
}

/// Rewrites the placeholders `?` and `?1` as PostgreSQL's `$1`.
enum PostgresPlaces {
    /// - Parameter sql: a constant of this program, in which question marks are placeholders only.
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
