/// Reads for the fast paths of the codecs.
extension JSONScanner {
    /// The next value if it is a string without escapes. Otherwise `nil`, and the scanner is before or after the value.
    @inline(__always)
    package mutating func plainString() throws(JSONFault) -> Range<Int>? {
        guard try kind() == .string else { return nil }
        let text = try string()
        return text.hasEscapes ? nil : text.range
    }

    /// The next value if it is an integer of up to 18 digits, written as a number or as a string of digits. Otherwise
    /// `nil`, as above.
    @inline(__always)
    package mutating func plainCount() throws(JSONFault) -> UInt64? {
        switch try kind() {
        case .string:
            let text = try string()
            return text.hasEscapes ? nil : decimal(text.range)
        case .number: return decimal(try number())
        case .null, .bool, .array, .object: return nil
        }
    }
}
