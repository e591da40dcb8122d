import CTalkpathKernels

/// Wide forms of the wire's work on bytes. Each processes the front part of a job in whole blocks, and returns the
/// number of source bytes that it processed; with ``InstructionSet/portable`` that is zero. The caller's own loop
/// processes the rest, so that loop is the reference too.
///
/// They live in this target because it chooses the instruction set; their callers are in the targets above.
package enum ByteKernels {
    /// Encodes Base64 with the standard alphabet: every 24 bytes become 32 characters.
    /// - Parameter target: room for 4 characters for every 3 bytes of `count`.
    package static func encodeBase64(
        _ source: UnsafeRawPointer,
        count: Int,
        into target: UnsafeMutableRawPointer,
        instructions: InstructionSet = .best
    ) -> Int {
        #if arch(x86_64)
        if instructions.usable == .avx2 {
            // Safety: reads below `count` and writes 4 bytes for 3 that it reads; raw bytes may be accessed as any
            // type.
            return talkpath_avx2_encode_base64(
                source.assumingMemoryBound(to: UInt8.self),
                target.assumingMemoryBound(to: UInt8.self),
                count
            )
        }
        #endif
        return 0
    }

    /// Decodes Base64 with the standard or the URL-safe alphabet: every 32 characters become 24 bytes. Stops before a
    /// block with any other character, so that the caller's loop meets and reports it.
    /// - Parameter room: the size of `target` in bytes; bytes after the decoded ones may be overwritten.
    package static func decodeBase64(
        _ source: UnsafeRawPointer,
        count: Int,
        into target: UnsafeMutableRawPointer,
        room: Int,
        instructions: InstructionSet = .best
    ) -> Int {
        #if arch(x86_64)
        if instructions.usable == .avx2 {
            // Safety: reads below `count` and writes below `room`.
            return talkpath_avx2_decode_base64(
                source.assumingMemoryBound(to: UInt8.self),
                target.assumingMemoryBound(to: UInt8.self),
                count,
                room
            )
        }
        #endif
        return 0
    }

    /// Applies a WebSocket's mask to a multiple of 32 bytes, so the caller goes on with the key's first byte.
    /// - Parameters:
    ///   - key: the four key bytes in memory order.
    ///   - target: room for `count` bytes; may be `source` itself.
    package static func mask(
        _ source: UnsafeRawPointer,
        count: Int,
        into target: UnsafeMutableRawPointer,
        key: UInt32,
        instructions: InstructionSet = .best
    ) -> Int {
        #if arch(x86_64)
        if instructions.usable == .avx2 {
            // Safety: reads and writes below `count`.
            return talkpath_avx2_mask(
                source.assumingMemoryBound(to: UInt8.self),
                target.assumingMemoryBound(to: UInt8.self),
                count,
                key
            )
        }
        #endif
        return 0
    }

    /// Continues a CRC-32 (of Ethernet, zip and PNG) over the front part of some bytes, in blocks of 16. Processes
    /// nothing if `count` is below 64.
    /// - Parameter crc: the register, not inverted before or after; holds the state after the processed bytes.
    package static func crc32(
        _ source: UnsafeRawPointer,
        count: Int,
        register crc: inout UInt32,
        instructions: InstructionSet = .best
    ) -> Int {
        #if arch(x86_64)
        if instructions.usable == .avx2 {
            // Safety: reads below `count`.
            return talkpath_avx2_crc32(source.assumingMemoryBound(to: UInt8.self), count, &crc)
        }
        #endif
        return 0
    }
}
