/// ITU-T G.711 A-law, bit for bit as the Sun reference code (and spandsp after it) computes it: 16-bit linear input,
/// negative values in one's complement, even bits inverted on the wire.
public enum ALaw {
    /// The code of the smallest positive step; A-law has no zero.
    public static let silence: UInt8 = 0xD5

    /// The code of one linear sample.
    @inlinable
    public static func encode(_ sample: Int16) -> UInt8 {
        let magnitude = UInt32(UInt16(bitPattern: sample ^ (sample >> 15)))
        let segment = UInt32(24 - (magnitude | 0xFF).leadingZeroBitCount)
        let code = segment << 4 | (magnitude >> max(segment + 3, 4)) & 0x0F
        return UInt8(truncatingIfNeeded: code) ^ (sample < 0 ? 0x55 : 0xD5)
    }

    /// The linear sample of one code, in -32256...32256.
    @inlinable
    public static func decode(_ code: UInt8) -> Int16 {
        let bits = Int32(code ^ 0x55)
        let segment = (bits >> 4) & 7
        let step = (bits & 0x0F) << 4 + 8
        let magnitude = segment == 0 ? step : (step + 256) << (segment - 1)
        return Int16(truncatingIfNeeded: bits & 0x80 == 0 ? -magnitude : magnitude)
    }

    /// Encodes as many samples as both sides hold, and returns that count. Allocates nothing.
    /// - Parameter instructions: the form of the kernel to run; the portable one if the machine lacks it.
    @discardableResult
    public static func encode(
        _ samples: Span<Int16>,
        into codes: inout MutableSpan<UInt8>,
        instructions: InstructionSet = .best
    ) -> Int {
        let count = min(samples.count, codes.count)
        samples.withUnsafeBufferPointer { source in
            codes.withUnsafeMutableBufferPointer { target in
                guard let source = source.baseAddress, let target = target.baseAddress else { return }
                // Safety: both buffers hold at least `count` elements and stay valid inside these closures.
                Kernels.encodeALaw(source, target, count: count, with: instructions.usable)
            }
        }
        return count
    }

    /// Decodes as many codes as both sides hold, and returns that count. Allocates nothing.
    /// - Parameter instructions: the form of the kernel to run; the portable one if the machine lacks it.
    @discardableResult
    public static func decode(
        _ codes: RawSpan,
        into samples: inout MutableSpan<Int16>,
        instructions: InstructionSet = .best
    ) -> Int {
        let count = min(codes.byteCount, samples.count)
        codes.withUnsafeBytes { source in
            samples.withUnsafeMutableBufferPointer { target in
                guard let source = source.baseAddress, let target = target.baseAddress else { return }
                // Safety: both buffers hold at least `count` elements and stay valid inside these closures.
                Kernels.decodeALaw(source, target, count: count, with: instructions.usable)
            }
        }
        return count
    }
}
