/// The address of a model's socket and the headers that authorise the request.
public struct WebSocketTarget: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var url: String
    /// The headers in sending order. Their values are secret, so no description of this value shows them.
    public var headers: [(name: String, value: String)]
    /// A tenant has named the address: whether it may be connected to is judged first.
    public var isForeign = false

    public init(url: String, headers: [(name: String, value: String)] = []) {
        self.url = url
        self.headers = headers
    }

    public var description: String {
        headers.isEmpty ? url : "\(url) [\(headers.map(\.name).joined(separator: ", "))]"
    }

    public var debugDescription: String { description }

    /// Keeps `dump` and the interpolation of an enclosing value from showing the values.
    public var customMirror: Mirror {
        Mirror(self, children: ["url": url, "headers": headers.map(\.name)])
    }
}

extension WebSocketTarget {
    /// A part of a query, percent-encoded (RFC 3986: everything but the unreserved characters).
    static func queryEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }

    /// A configured key without the line end that a file or a copy may have added.
    static func trimmed(_ key: String) -> String {
        func isSpace(_ character: Character) -> Bool { character.isWhitespace }
        return String(key.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
