/// The reason why a form body is refused. A malformed body is read as browsers and servers read it.
public struct FormDecodingError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case tooManyBytes
        case tooManyFields
    }

    public var code: Code
    /// The limit that was exceeded.
    public var limit: Int

    public init(code: Code, limit: Int) {
        self.code = code
        self.limit = limit
    }

    public var description: String { "\(code.rawValue): at most \(limit)" }
}

extension FormParameters {
    /// The limits for a body from an untrusted source.
    public struct Limits: Sendable {
        public var bytes: Int
        public var fields: Int

        /// 1 MiB and 1,000 fields. Twilio's largest webhook, a long transcript, stays far below.
        public init(bytes: Int = 1 << 20, fields: Int = 1000) {
            self.bytes = bytes
            self.fields = fields
        }
    }

    /// Parses a body, or the query of a URL (without its `?`).
    ///
    /// Follows the WHATWG URL Standard, section "application/x-www-form-urlencoded parsing", as the servers do that
    /// Twilio calls. `+` is a space. An invalid escape stands for itself. A field without `=` has an empty value. An
    /// empty part between two `&` is no field. Bytes that are not UTF-8 become U+FFFD.
    public init(decoding body: [UInt8], limits: Limits = Limits()) throws(FormDecodingError) {
        guard body.count <= limits.bytes else { throw FormDecodingError(code: .tooManyBytes, limit: limits.bytes) }
        self.init()
        for field in body.split(separator: UInt8(ascii: "&")) {
            guard fields.count < limits.fields else {
                throw FormDecodingError(code: .tooManyFields, limit: limits.fields)
            }
            let end = field.firstIndex(of: UInt8(ascii: "=")) ?? field.endIndex
            append(Self.decoded(field[..<end]), Self.decoded(field[end...].dropFirst()))
        }
    }

    public init(decoding text: String, limits: Limits = Limits()) throws(FormDecodingError) {
        try self.init(decoding: Array(text.utf8), limits: limits)
    }

    /// The encoded body, by the serializing section of the same standard: a space becomes `+`, and everything except
    /// `*-._` and ASCII digits and letters is escaped.
    public func encoded() -> [UInt8] {
        var body: [UInt8] = []
        for (name, value) in fields {
            if !body.isEmpty { body.append(UInt8(ascii: "&")) }
            Self.encode(name, into: &body)
            body.append(UInt8(ascii: "="))
            Self.encode(value, into: &body)
        }
        return body
    }

    private static func decoded(_ text: ArraySlice<UInt8>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var position = text.startIndex
        while position < text.endIndex {
            let byte = text[position]
            if byte == UInt8(ascii: "%"), text.endIndex - position > 2,
                let high = hexadecimalDigit(text[position + 1]), let low = hexadecimalDigit(text[position + 2])
            {
                bytes.append(high << 4 | low)
                position += 3
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
                position += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func encode(_ text: String, into body: inout [UInt8]) {
        let digits = StaticString("0123456789ABCDEF")
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "*"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"):
                body.append(byte)
            case UInt8(ascii: " "):
                body.append(UInt8(ascii: "+"))
            default:
                body.append(UInt8(ascii: "%"))
                body.append(digits.utf8Start[Int(byte >> 4)])
                body.append(digits.utf8Start[Int(byte & 15)])
            }
        }
    }

    private static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
