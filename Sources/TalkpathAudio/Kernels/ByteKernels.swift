import CTalkpathKernels

/// Wide forms of what the wire does with bytes: the front part of a job, as far as whole blocks go. Each says how many
/// bytes of its source it did, none at all with ``InstructionSet/portable``; the caller's own loop does the rest, which
/// makes that loop the reference as well.
///
/// They live here because the choice of instructions does; who calls them sits in the targets above.
package enum ByteKernels {
    /// Base64 with the standard alphabet: multiples of 24 bytes become 32 characters each.
    /// - Parameter target: room for 4 characters for each 3 bytes of `count`.
    package static func encodeBase64(
        _ source: UnsafeRawPointer,
        count: Int,
        into target: UnsafeMutableRawPointer,
        instructions: InstructionSet = .best
    ) -> Int {
        #if arch(x86_64)
        if instructions.usable == .avx2 {
            // Safety: reads below `count` and writes 4 bytes for 3 of what it reads; bytes may be seen as any type.
            return talkpath_avx2_encode_base64(
                source.assumingMemoryBound(to: UInt8.self),
                target.assumingMemoryBound(to: UInt8.self),
                count
            )
        }
        #endif
        return 0
    }

    /// Base64 with the standard or the URL-safe alphabet: multiples of 32 characters become 24 bytes each. Stops before
    /// anything that is not of the alphabet, so the caller's loop meets it and reports it.
    /// - Parameter room: bytes `target` holds; bytes behind those decoded may be overwritten.
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

    /// A WebSocket's mask over bytes, whole multiples of 32: the key is in its first position again behind them.
    /// - Parameters:
    ///   - key: the four bytes as they lie in memory, the one for the first byte first.
    ///   - target: `count` bytes; may be `source` itself.
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

    /// Goes on with a CRC-32 (of Ethernet, zip and PNG) over the front part of some bytes, in blocks of 16.
    /// - Parameter crc: the register, inverted neither before nor after; holds what came of the bytes that were done.
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
