/// ITU-T G.711 µ-law, bit for bit as the Sun reference code (and spandsp after it) computes it: 16-bit linear input,
/// bias 132, clipped at ±32635, all bits inverted on the wire.
///
/// The reference matters because others differ: the ITU's own Software Tool Library works on 14 bits and disagrees for
/// 127 inputs.
public enum MuLaw {
    /// The code of digital silence (+0).
    public static let silence: UInt8 = 0xFF

    /// The code of one linear sample.
    @inlinable
    public static func encode(_ sample: Int16) -> UInt8 {
        let sign = UInt32(UInt16(bitPattern: sample) >> 8) & 0x80
        let biased = min(UInt32(sample.magnitude), 32635) + 132
        // 132 <= biased <= 32767, so the top bit is at 7...14; its position is the segment.
        let segment = UInt32(24 - biased.leadingZeroBitCount)
        let code = sign | segment << 4 | (biased >> (segment + 3)) & 0x0F
        return ~UInt8(truncatingIfNeeded: code)
    }

    /// The linear sample of one code, in -32124...32124.
    @inlinable
    public static func decode(_ code: UInt8) -> Int16 {
        let bits = Int32(~code)
        let magnitude = (((bits & 0x0F) << 3 + 132) << ((bits >> 4) & 7)) - 132
        return Int16(truncatingIfNeeded: bits & 0x80 == 0 ? magnitude : -magnitude)
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
                Kernels.encodeMuLaw(source, target, count: count, with: instructions.usable)
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
                Kernels.decodeMuLaw(source, target, count: count, with: instructions.usable)
            }
        }
        return count
    }
}
