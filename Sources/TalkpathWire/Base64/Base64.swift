import TalkpathAudio

/// Base64 (RFC 4648) of audio, without allocation.
///
/// Encoding uses the standard alphabet with padding. Decoding accepts the standard and the URL-safe alphabet (Gemini's
/// client uses the latter), with or without padding. It refuses everything else: white space, non-zero bits after the
/// last byte, incomplete padding.
public enum Base64 {
    /// The number of characters that `bytes` bytes become, padding included.
    @inlinable
    public static func encodedCount(ofBytes bytes: Int) -> Int {
        (bytes + 2) / 3 * 4
    }

    /// The number of bytes that the text decodes to if it is valid. Uses only its length and padding.
    public static func decodedCount(of text: RawSpan) -> Int {
        text.withUnsafeBytes { decodedCount(ofCharacters: charactersWithoutPadding($0)) }
    }

    /// Encodes the bytes as padded standard Base64.
    ///
    /// - Parameter target: at least ``encodedCount(ofBytes:)`` bytes.
    /// - Returns: the number of bytes written.
    @discardableResult
    public static func encode(_ bytes: RawSpan, into target: inout MutableSpan<UInt8>) -> Int {
        let length = encodedCount(ofBytes: bytes.byteCount)
        precondition(length <= target.count, "base64 needs \(length) bytes, there are \(target.count)")
        guard length > 0 else { return 0 }
        bytes.withUnsafeBytes { source in
            target.withUnsafeMutableBufferPointer { encode(source, into: $0.baseAddress!) }
        }
        return length
    }

    /// Decodes Base64.
    ///
    /// A long text may be decoded in pieces; every piece but the last must be a multiple of four characters.
    ///
    /// - Parameter target: at least ``decodedCount(of:)`` bytes. Bytes after the decoded ones keep their content.
    /// - Returns: the number of bytes written.
    /// - Throws: `malformedBase64`, also if `target` is too short; the content of `target` is then undefined.
    public static func decode(_ text: RawSpan, into target: inout MutableSpan<UInt8>) throws(WireError) -> Int {
        let room = target.count
        let decoded = text.withUnsafeBytes { source in
            target.withUnsafeMutableBufferPointer { decode(source, into: $0.baseAddress, room: room) }
        }
        guard decoded >= 0 else { throw WireError(.malformedBase64) }
        return decoded
    }
}

extension Base64 {
    static func encode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<UInt8>) {
        guard let input = source.baseAddress else { return }
        Base64Tables.encoding.withUnsafeBufferPointer { table in
            let pairs = table.baseAddress!
            let output = UnsafeMutableRawPointer(target)
            let count = source.count
            // The machine's wide instructions do whole blocks; the loops below do the rest, or everything.
            var read = ByteKernels.encodeBase64(input, count: count, into: output)
            var written = read / 3 * 4
            // Six bytes become eight characters. The load reads eight bytes, so it needs the margin.
            while read + 8 <= count {
                let word = UInt64(bigEndian: input.loadUnaligned(fromByteOffset: read, as: UInt64.self))
                let first = UInt64(pairs[Int(word >> 52)])
                let second = UInt64(pairs[Int((word >> 40) & 0xFFF)])
                let third = UInt64(pairs[Int((word >> 28) & 0xFFF)])
                let fourth = UInt64(pairs[Int((word >> 16) & 0xFFF)])
                let characters = first | second << 16 | third << 32 | fourth << 48
                output.storeBytes(of: characters.littleEndian, toByteOffset: written, as: UInt64.self)
                read += 6
                written += 8
            }
            encodeTail(input, from: read, count: count, into: target + written, pairs: pairs)
        }
    }

    private static func encodeTail(
        _ input: UnsafeRawPointer,
        from start: Int,
        count: Int,
        into target: UnsafeMutablePointer<UInt8>,
        pairs: UnsafePointer<UInt16>
    ) {
        var read = start
        var target = target
        func byte(_ offset: Int) -> UInt32 {
            offset < count ? UInt32(input.load(fromByteOffset: offset, as: UInt8.self)) : 0
        }
        while read < count {
            let group = byte(read) << 16 | byte(read + 1) << 8 | byte(read + 2)
            let left = pairs[Int(group >> 12)]
            let right = pairs[Int(group & 0xFFF)]
            target[0] = UInt8(truncatingIfNeeded: left)
            target[1] = UInt8(truncatingIfNeeded: left >> 8)
            target[2] = read + 1 < count ? UInt8(truncatingIfNeeded: right) : UInt8(ascii: "=")
            target[3] = read + 2 < count ? UInt8(truncatingIfNeeded: right >> 8) : UInt8(ascii: "=")
            read += 3
            target += 4
        }
    }

    /// - Returns: the number of bytes written, or -1 if the text is not Base64 or does not fit.
    static func decode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<UInt8>?, room: Int) -> Int {
        let characters = charactersWithoutPadding(source)
        let padding = source.count - characters
        // Padding must complete the last group of four. A single remaining character cannot encode a byte.
        guard padding == 0 || source.count % 4 == 0, characters % 4 != 1 else { return -1 }
        let length = decodedCount(ofCharacters: characters)
        guard length > 0 else { return 0 }
        guard length <= room, let target, let input = source.baseAddress else { return -1 }
        return Base64Tables.decoding.withUnsafeBufferPointer { table in
            let values = table.baseAddress!
            let output = UnsafeMutableRawPointer(target)
            var read = ByteKernels.decodeBase64(input, count: characters, into: output, room: length)
            var written = read / 4 * 3
            var seen: UInt32 = 0
            // Eight characters become six bytes. The store writes eight bytes, so it needs the margin.
            let left = length - written
            let rounds = left >= 8 ? min((characters - read) / 8, (left - 8) / 6 + 1) : 0
            for _ in 0..<rounds {
                let low = group(input + read, values)
                let high = group(input + read + 4, values)
                seen |= low | high
                let bytes = UInt64(low) | UInt64(high) << 24
                output.storeBytes(of: bytes.littleEndian, toByteOffset: written, as: UInt64.self)
                read += 8
                written += 6
            }
            while read + 4 <= characters {
                let bytes = group(input + read, values)
                seen |= bytes
                target[written] = UInt8(truncatingIfNeeded: bytes)
                target[written + 1] = UInt8(truncatingIfNeeded: bytes >> 8)
                target[written + 2] = UInt8(truncatingIfNeeded: bytes >> 16)
                read += 4
                written += 3
            }
            if read < characters {
                seen |= decodeTail(input + read, count: characters - read, into: target + written, values)
            }
            return seen & Base64Tables.invalid == 0 ? length : -1
        }
    }

    /// Decodes four characters to three bytes in memory order.
    @inline(__always)
    private static func group(_ characters: UnsafeRawPointer, _ values: UnsafePointer<UInt32>) -> UInt32 {
        func byte(_ offset: Int) -> Int { Int(characters.load(fromByteOffset: offset, as: UInt8.self)) }
        return values[byte(0)] | values[256 + byte(1)] | values[512 + byte(2)] | values[768 + byte(3)]
    }

    /// Decodes the last two or three characters; their unused lowest bits must be zero.
    private static func decodeTail(
        _ input: UnsafeRawPointer,
        count: Int,
        into target: UnsafeMutablePointer<UInt8>,
        _ values: UnsafePointer<UInt32>
    ) -> UInt32 {
        func character(_ offset: Int) -> Int { Int(input.load(fromByteOffset: offset, as: UInt8.self)) }
        var bytes = values[character(0)] | values[256 + character(1)]
        if count == 3 { bytes |= values[512 + character(2)] }
        guard bytes & Base64Tables.invalid == 0 else { return bytes }
        target[0] = UInt8(truncatingIfNeeded: bytes)
        if count == 3 { target[1] = UInt8(truncatingIfNeeded: bytes >> 8) }
        return bytes >> (8 * (UInt32(count) - 1)) == 0 ? 0 : Base64Tables.invalid
    }

    private static func charactersWithoutPadding(_ source: UnsafeRawBufferPointer) -> Int {
        let count = source.count
        guard count >= 1, source[count - 1] == UInt8(ascii: "=") else { return count }
        return count >= 2 && source[count - 2] == UInt8(ascii: "=") ? count - 2 : count - 1
    }

    private static func decodedCount(ofCharacters characters: Int) -> Int {
        characters / 4 * 3 + max(0, characters % 4 - 1)
    }
}
