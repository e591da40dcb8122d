/// Writes text into memory that is known to have room for it.
struct LoadText {
    private let base: UnsafeMutableRawPointer
    private(set) var count = 0

    init(_ base: UnsafeMutableRawPointer) {
        self.base = base
    }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { append(UnsafeRawBufferPointer($0)) }
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        (base + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    mutating func append(_ number: Int) {
        var digits = 1
        var bound = 10
        while number >= bound, digits < 18 {
            digits += 1
            bound *= 10
        }
        var rest = number
        for place in (0..<digits).reversed() {
            let digit = UInt8(ascii: "0") + UInt8(rest % 10)
            base.storeBytes(of: digit, toByteOffset: count + place, as: UInt8.self)
            rest /= 10
        }
        count += digits
    }
}

/// Fast base64. Invalid text becomes noise, which the ear detects.
enum LoadBase64 {
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0, count: 256)
        let characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, character) in characters.utf8.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// The number of bytes in this text.
    static func count(of text: UnsafeRawBufferPointer) -> Int {
        guard text.count >= 4 else { return 0 }
        let equals = UInt8(ascii: "=")
        let padding = (text[text.count - 1] == equals ? 1 : 0) + (text[text.count - 2] == equals ? 1 : 0)
        return text.count / 4 * 3 - padding
    }

    /// - Returns: the number of bytes; at most three quarters of the text, rounded up to whole groups.
    static func decode(_ text: UnsafeRawBufferPointer, into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let count = count(of: text)
        guard count > 0, text.count / 4 * 3 <= target.count else { return 0 }
        values.withUnsafeBufferPointer { values in
            var (from, to) = (0, 0)
            while from + 4 <= text.count {
                let group =
                    UInt32(values[Int(text[from])]) << 18 | UInt32(values[Int(text[from + 1])]) << 12
                    | UInt32(values[Int(text[from + 2])]) << 6 | UInt32(values[Int(text[from + 3])])
                target[to] = UInt8(truncatingIfNeeded: group >> 16)
                target[to + 1] = UInt8(truncatingIfNeeded: group >> 8)
                target[to + 2] = UInt8(truncatingIfNeeded: group)
                from += 4
                to += 3
            }
        }
        return count
    }
}
