/// The constants and number encodings of the file format; see `docs/capture-format.md`.
enum CaptureFormat {
    /// Programs that treat the file as text damage this: it has a byte above 127, both line ends, and DOS's end-of-file
    /// character.
    static let magic: [UInt8] = [0x89] + Array("TPC".utf8) + [0x0D, 0x0A, 0x1A, 0x0A]
    /// The version of the format. A reader refuses files with a newer one.
    static let version = 1

    /// The form of a message's bytes in a record.
    enum Form: UInt8 {
        case verbatim = 0
        /// Text, then audio as bytes, then text.
        case audio = 1
        /// Text, then the audio's length and digest, then text.
        case digest = 2
    }

    /// The longest valid record in bytes; no message is longer.
    static let longestRecord = 64 << 20

    /// The latest valid time of a record since the call's start; earlier than the start is invalid too. No call lasts a
    /// week.
    static let latestRecord = Duration.seconds(7 * 24 * 3600)
}

/// Numbers of seven bits a byte, the lowest bits first (LEB128).
extension [UInt8] {
    mutating func append(varint value: UInt64) {
        var rest = value
        while rest > 0x7F {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func append(signedVarint value: Int64) {
        append(varint: value.zigzag)
    }

    mutating func append(littleEndian value: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func append(littleEndian value: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
}

/// Reads the output of the functions above. Every read returns `nil` beyond the end.
struct CaptureBytes {
    private let bytes: ArraySlice<UInt8>
    private(set) var offset: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        offset = bytes.startIndex
    }

    var remaining: Int { bytes.endIndex - offset }

    mutating func byte() -> UInt8? {
        guard remaining > 0 else { return nil }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = byte() else { return nil }
            if shift == 63, byte > 1 { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    mutating func signedVarint() -> Int64? {
        varint().map { Int64(bitPattern: ($0 >> 1) ^ (0 &- ($0 & 1))) }
    }

    /// Reads a number that counts bytes of this record.
    mutating func count() -> Int? {
        guard let value = varint(), value <= UInt64(CaptureFormat.longestRecord) else { return nil }
        return Int(value)
    }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, remaining >= count else { return nil }
        defer { offset += count }
        return bytes[offset..<(offset + count)]
    }

    mutating func rest() -> ArraySlice<UInt8> {
        defer { offset = bytes.endIndex }
        return bytes[offset...]
    }

    mutating func littleEndian32() -> UInt32? {
        take(4).map { $0.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
    }

    mutating func littleEndian64() -> UInt64? {
        take(8).map { $0.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    }
}
