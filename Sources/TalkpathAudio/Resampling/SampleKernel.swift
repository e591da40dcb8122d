/// The inner loops of the resampler, on eight lanes of 32 bits (two registers on baseline x86-64 and on arm64).
///
/// * `a + b * c` is written out: `addingProduct` calls the C library's `fma` for every lane where the target has no
///   fused instruction, and a fused one would round differently elsewhere.
/// * Integers become floats and back by adding 1.5 · 2²³, at which a float's last bit is worth one: exact for
///   integers, round-to-nearest-even on the way back, and two plain vector operations on every target.
/// * Loops are `while`: ranges are slow in debug builds, and every test of a call runs through here.
enum SampleKernel {
    @usableFromInline typealias Floats = SIMD8<Float>
    @usableFromInline typealias Words = SIMD8<Int32>

    private static var magic: Float { 12_582_912 }
    private static var magicBits: Int32 { 0x4B40_0000 }

    // MARK: Convolution

    /// `target[i] = Σ coefficients[t] · source[offsets[t] + i]`, added up in the order of the taps.
    /// Reads and writes up to 7 lanes beyond `count`.
    @inline(__always)
    static func convolve(
        _ source: UnsafePointer<Float>,
        coefficients: UnsafePointer<Float>,
        offsets: UnsafePointer<Int>,
        taps: Int,
        into target: UnsafeMutablePointer<Float>,
        count: Int
    ) {
        var index = 0
        while index + 25 <= count {
            var sum0 = Floats.zero
            var sum1 = Floats.zero
            var sum2 = Floats.zero
            var sum3 = Floats.zero
            var tap = 0
            while tap < taps {
                let coefficient = Floats(repeating: coefficients[tap])
                let place = UnsafeRawPointer(source + (offsets[tap] + index))
                sum0 = sum0 + coefficient * place.loadUnaligned(as: Floats.self)
                sum1 = sum1 + coefficient * place.loadUnaligned(fromByteOffset: 32, as: Floats.self)
                sum2 = sum2 + coefficient * place.loadUnaligned(fromByteOffset: 64, as: Floats.self)
                sum3 = sum3 + coefficient * place.loadUnaligned(fromByteOffset: 96, as: Floats.self)
                tap += 1
            }
            let place = UnsafeMutableRawPointer(target + index)
            place.storeBytes(of: sum0, as: Floats.self)
            place.storeBytes(of: sum1, toByteOffset: 32, as: Floats.self)
            place.storeBytes(of: sum2, toByteOffset: 64, as: Floats.self)
            place.storeBytes(of: sum3, toByteOffset: 96, as: Floats.self)
            index += 32
        }
        while index < count {
            var sum = Floats.zero
            var tap = 0
            while tap < taps {
                let place = UnsafeRawPointer(source + (offsets[tap] + index))
                sum = sum + Floats(repeating: coefficients[tap]) * place.loadUnaligned(as: Floats.self)
                tap += 1
            }
            UnsafeMutableRawPointer(target + index).storeBytes(of: sum, as: Floats.self)
            index += 8
        }
    }

    // MARK: Samples to floats

    @inline(__always)
    static func float(_ words: Words) -> Floats {
        unsafeBitCast(words &+ magicBits, to: Floats.self) - magic
    }

    static func widen(_ source: UnsafePointer<Int16>, _ target: UnsafeMutablePointer<Float>, count: Int) {
        var index = 0
        while index + 8 <= count {
            let samples = UnsafeRawPointer(source + index).loadUnaligned(as: SIMD8<Int16>.self)
            let floats = float(Words(truncatingIfNeeded: samples))
            UnsafeMutableRawPointer(target + index).storeBytes(of: floats, as: Floats.self)
            index += 8
        }
        while index < count {
            target[index] = Float(source[index])
            index += 1
        }
    }

    static func widenPairs(
        _ source: UnsafePointer<Int16>,
        _ even: UnsafeMutablePointer<Float>,
        _ odd: UnsafeMutablePointer<Float>,
        pairs: Int
    ) {
        var index = 0
        while index + 8 <= pairs {
            let both = UnsafeRawPointer(source + 2 * index).loadUnaligned(as: Words.self)
            UnsafeMutableRawPointer(even + index).storeBytes(of: float((both &<< 16) &>> 16), as: Floats.self)
            UnsafeMutableRawPointer(odd + index).storeBytes(of: float(both &>> 16), as: Floats.self)
            index += 8
        }
        while index < pairs {
            even[index] = Float(source[2 * index])
            odd[index] = Float(source[2 * index + 1])
            index += 1
        }
    }

    static func widenTriples(
        _ source: UnsafePointer<Int16>,
        _ rows: UnsafeMutablePointer<Float>,
        stride: Int,
        triples: Int
    ) {
        var index = 0
        while index < triples {
            rows[index] = Float(source[3 * index])
            rows[index + stride] = Float(source[3 * index + 1])
            rows[index + 2 * stride] = Float(source[3 * index + 2])
            index += 1
        }
    }

    // MARK: Floats to samples

    /// Rounds to the nearest integer, ties to even, and saturates. For values up to ±2²².
    @inline(__always)
    static func narrow(_ value: Float) -> Int16 {
        Int16(clamping: Int32(bitPattern: (value + magic).bitPattern) &- magicBits)
    }

    /// As the scalar form: eight saturated integers.
    @inline(__always)
    private static func words(_ values: Floats) -> Words {
        let words = unsafeBitCast(values + magic, to: Words.self) &- magicBits
        return words.clampedToInt16
    }

    static func narrow(_ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Int16>, count: Int) {
        var index = 0
        while index + 8 <= count {
            let words = words(UnsafeRawPointer(source + index).loadUnaligned(as: Floats.self))
            let samples = SIMD8<Int16>(truncatingIfNeeded: words)
            UnsafeMutableRawPointer(target + index).storeBytes(of: samples, as: SIMD8<Int16>.self)
            index += 8
        }
        while index < count {
            target[index] = narrow(source[index])
            index += 1
        }
    }

    static func narrowPairs(
        _ even: UnsafePointer<Float>,
        _ odd: UnsafePointer<Float>,
        _ target: UnsafeMutablePointer<Int16>,
        pairs: Int
    ) {
        var index = 0
        while index + 8 <= pairs {
            let low = words(UnsafeRawPointer(even + index).loadUnaligned(as: Floats.self))
            let high = words(UnsafeRawPointer(odd + index).loadUnaligned(as: Floats.self))
            let both = (low & 0xFFFF) | (high &<< 16)
            UnsafeMutableRawPointer(target + 2 * index).storeBytes(of: both, as: Words.self)
            index += 8
        }
        while index < pairs {
            target[2 * index] = narrow(even[index])
            target[2 * index + 1] = narrow(odd[index])
            index += 1
        }
    }

    static func narrowTriples(
        _ planes: UnsafePointer<Float>,
        stride: Int,
        _ target: UnsafeMutablePointer<Int16>,
        triples: Int
    ) {
        var index = 0
        while index < triples {
            target[3 * index] = narrow(planes[index])
            target[3 * index + 1] = narrow(planes[index + stride])
            target[3 * index + 2] = narrow(planes[index + 2 * stride])
            index += 1
        }
    }
}

extension SIMD8<Int32> {
    /// Every lane limited to what 16 bits hold. Selected by masks: the library's `clamped` works lane by lane.
    @inline(__always)
    fileprivate var clampedToInt16: Self {
        let high = Self(repeating: 32767)
        let low = Self(repeating: -32768)
        let limited = replacing(with: high, where: self .> high)
        return limited.replacing(with: low, where: limited .< low)
    }
}
