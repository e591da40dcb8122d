import TalkpathAudio

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Keys for masking outgoing frames.
///
/// RFC 6455 §5.3 requires unpredictable keys. One system call for each key would cost a call per frame; sixty-four keys
/// per call cost next to nothing and are just as unpredictable.
struct WebSocketMaskingKeys {
    private var keys: [UInt32] = []

    mutating func next() -> UInt32 {
        if keys.isEmpty { refill() }
        return keys.removeLast()
    }

    private mutating func refill() {
        // `getentropy` gives at most 256 bytes in one call.
        keys.append(contentsOf: repeatElement(0, count: 64))
        let result = keys.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) }
        guard result != 0 else { return }
        // The system lacks the call.
        for index in keys.indices { keys[index] = UInt32.random(in: .min ... .max) }
    }
}

/// Copies `source` and applies the mask (RFC 6455 §5.3), eight bytes at a time.
///
/// - Parameters:
///   - key: the four key bytes in memory order.
///   - phase: the number of bytes of the same frame that were copied before.
func copyMasked(
    from source: UnsafeRawBufferPointer,
    to target: UnsafeMutableRawPointer,
    key: UInt32,
    phase: Int
) {
    let count = source.count
    guard count > 0, let base = source.baseAddress else { return }
    let shift = UInt32((phase & 3) * 8)
    // Key byte `phase` comes first. On a little-endian machine that is a rotation towards the low end.
    let littleKey = UInt32(littleEndian: key)
    let turned = shift == 0 ? littleKey : (littleKey >> shift) | (littleKey << (32 - shift))
    let wide = (UInt64(turned) << 32 | UInt64(turned)).littleEndian
    // The machine's wide instructions mask whole blocks, so the key keeps its phase.
    var index = ByteKernels.mask(base, count: count, into: target, key: turned)
    while index &+ 8 <= count {
        // Safety: `index + 8 <= count`, and the caller guarantees that the target holds `count` bytes.
        let word = base.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ wide
        target.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
        index &+= 8
    }
    var rest = turned
    while index < count {
        let byte = base.load(fromByteOffset: index, as: UInt8.self) ^ UInt8(truncatingIfNeeded: rest)
        target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
        rest = (rest >> 8) | (rest << 24)
        index &+= 1
    }
}
