/// The block forms of G.711: eight samples at a time, without tables.
///
/// Both laws are small floating-point formats with three bits of exponent and four of mantissa. So the kernels put the
/// code's seven bits where a float keeps its exponent and mantissa. The machine's conversions between integers and
/// floats then do the shifting that vector units lack. Every value here is an integer below 2¹⁶, which a float holds
/// exactly.
///
/// The scalar forms process the remainder; a test compares both forms for all inputs.
enum G711Kernel {
    private typealias Bytes = SIMD8<UInt8>
    private typealias Shorts = SampleKernel.Shorts
    private typealias Words = SIMD8<Int32>
    private typealias Floats = SIMD8<Float>

    static func encodeMuLaw(_ source: UnsafePointer<Int16>, _ target: UnsafeMutablePointer<UInt8>, count: Int) {
        var index = 0
        while index &+ 8 <= count {
            // Safety: eight samples and eight codes are left.
            let samples = UnsafeRawPointer(source + index).loadUnaligned(as: Shorts.self)
            let sign = samples &>> 15
            // The magnitude, one too small for negative samples. 32634 gets the same code as all larger magnitudes.
            let magnitude = limited(samples ^ sign, to: 32634)
            let code = segmentAndStep((magnitude &+ 132) &- sign)
            let codes = SampleKernel.bytes((code | (sign & 0x80)) ^ 0xFF)
            UnsafeMutableRawPointer(target + index).storeBytes(of: codes, as: Bytes.self)
            index &+= 8
        }
        while index < count {
            target[index] = MuLaw.encode(source[index])
            index += 1
        }
    }

    static func decodeMuLaw(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Int16>, count: Int) {
        var index = 0
        while index &+ 8 <= count {
            // Safety: eight codes and eight samples are left.
            let codes = source.loadUnaligned(fromByteOffset: index, as: Bytes.self)
            let bits = SampleKernel.shorts(codes) ^ 0xFF
            let magnitude = magnitude(bits, less: 132)
            let sign = (bits &<< 8) &>> 15
            UnsafeMutableRawPointer(target + index).storeBytes(of: (magnitude ^ sign) &- sign, as: Shorts.self)
            index &+= 8
        }
        while index < count {
            target[index] = MuLaw.decode(source.load(fromByteOffset: index, as: UInt8.self))
            index += 1
        }
    }

    static func encodeALaw(_ source: UnsafePointer<Int16>, _ target: UnsafeMutablePointer<UInt8>, count: Int) {
        var index = 0
        while index &+ 8 <= count {
            // Safety: eight samples and eight codes are left.
            let samples = UnsafeRawPointer(source + index).loadUnaligned(as: Shorts.self)
            let sign = samples &>> 15
            let magnitude = samples ^ sign
            // The lowest segment is linear. Below 256 the plain shift is the larger of both; from 256 on the other is.
            let linear = limited(magnitude, to: 255) &>> 4
            let excess = segmentAndStep(magnitude) &- linear
            let code = linear &+ (excess & ~(excess &>> 15))
            let codes = SampleKernel.bytes((code | (~sign & 0x80)) ^ 0x55)
            UnsafeMutableRawPointer(target + index).storeBytes(of: codes, as: Bytes.self)
            index &+= 8
        }
        while index < count {
            target[index] = ALaw.encode(source[index])
            index += 1
        }
    }

    static func decodeALaw(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Int16>, count: Int) {
        var index = 0
        while index &+ 8 <= count {
            // Safety: eight codes and eight samples are left.
            let codes = source.loadUnaligned(fromByteOffset: index, as: Bytes.self)
            let bits = SampleKernel.shorts(codes) ^ 0x55
            let floating = magnitude(bits, less: 0)
            // The lowest segment has the step size of the next one, and no leading one bit.
            let isLowest = ((bits & 0x70) &- 1) &>> 15
            let magnitude = floating &+ ((floating &- 256) & isLowest)
            let sign = ~((bits &<< 8) &>> 15)
            UnsafeMutableRawPointer(target + index).storeBytes(of: (magnitude ^ sign) &- sign, as: Shorts.self)
            index &+= 8
        }
        while index < count {
            target[index] = ALaw.decode(source.load(fromByteOffset: index, as: UInt8.self))
            index += 1
        }
    }

    /// Segment and step of values 0...32767: 16 · (⌊log₂ v⌋ − 7) + the four bits after the leading one. Negative below
    /// 128.
    @inline(__always)
    private static func segmentAndStep(_ values: Shorts) -> Shorts {
        // The last bit of a float at 2²³ is worth one. So OR-ing a value into it and subtracting 2²³ normalises the
        // float.
        let raised = SampleKernel.words(values) | 0x4B00_0000
        let floats = unsafeBitCast(raised, to: Floats.self) - 8_388_608
        let exponentAndStep = unsafeBitCast(floats, to: Words.self) &>> 19
        return SampleKernel.shorts(exponentAndStep) &- (127 + 7) << 4
    }

    /// `(132 + 8 · step) << segment` of the seven lower bits, which µ-law calls the biased magnitude, minus `bias`.
    @inline(__always)
    private static func magnitude(_ bits: Shorts, less bias: Float) -> Shorts {
        let low = SampleKernel.words(bits & 0x7F)
        // The bit below the step adds half a step; the exponent makes the leading one worth 128.
        let floats = unsafeBitCast((low &<< 19) &+ ((127 + 7) << 23 | 1 << 18), to: Floats.self)
        // After adding 1.5 · 2²³ the integer is in the low bits. The mask shows the compiler that packing needs no
        // sign.
        let words = unsafeBitCast(floats + (12_582_912 - bias), to: Words.self)
        return SampleKernel.shorts(words & 0x7FFF)
    }

    /// The smaller of `values` and `most`; neither may be negative.
    @inline(__always)
    private static func limited(_ values: Shorts, to most: Int16) -> Shorts {
        let excess = values &- most
        return (excess & (excess &>> 15)) &+ most
    }
}
