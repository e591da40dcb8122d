/// The inner loops of the resampler, on eight lanes of 32 bits (two registers on baseline x86-64 and on arm64).
///
/// * Sums are written as `a + b * c`. `addingProduct` would call the C library's `fma` for every lane where the target
///   has no fused instruction, and a fused one would round differently elsewhere.
/// * Adding 1.5 · 2²³, at which a float's last bit is worth one, turns integers into floats and back. It is exact for
///   integers, rounds to nearest even on the way back, and takes two plain vector operations on every target.
/// * Loops are `while`, because ranges are slow in debug builds and every test of a call runs through here.
enum SampleKernel {
    typealias Floats = SIMD8<Float>
    typealias Words = SIMD8<Int32>
    typealias Shorts = SIMD8<Int16>

    private static var magic: Float { 12_582_912 }
    private static var magicBits: Int32 { 0x4B40_0000 }

    // MARK: Convolution

    /// `target[i] = Σ coefficients[t] · source[offsets[t] + i]`, added up in the order of the taps. Reads and writes up
    /// to 7 lanes beyond `count`.
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
            let lanes = source + index
            var tap = 0
            while tap < taps {
                let coefficient = Floats(repeating: coefficients[tap])
                let place = UnsafeRawPointer(lanes + offsets[tap])
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
            let lanes = source + index
            var tap = 0
            while tap < taps {
                let place = UnsafeRawPointer(lanes + offsets[tap])
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
            let floats = float(words(samples))
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
        let second = rows + stride
        let third = second + stride
        var place = source
        var index = 0
        while index < triples {
            rows[index] = Float(place[0])
            second[index] = Float(place[1])
            third[index] = Float(place[2])
            place += 3
            index &+= 1
        }
    }

    // MARK: Floats to samples

    /// Rounds to the nearest integer, ties to even, and saturates. For values up to ±2²².
    @inline(__always)
    static func narrow(_ value: Float) -> Int16 {
        Int16(clamping: Int32(bitPattern: (value + magic).bitPattern) &- magicBits)
    }

    /// Rounds and saturates eight values as the scalar form does. Computes minimum and maximum with shifts and masks,
    /// because the compiler turns comparisons of integer lanes into longer code.
    @inline(__always)
    static func rounded(_ values: Floats) -> Words {
        var words = unsafeBitCast(values + magic, to: Words.self) &- (magicBits - 32768)
        words = words & ~(words &>> 31)
        words = words &- 65535
        return (words & (words &>> 31)) &+ 32767
    }

    // MARK: Lanes of other widths

    // These list every lane, so that the compiler emits the machine's own unpacking and packing instructions. It turns
    // the standard library's conversions of whole vectors into calls.

    @inline(__always)
    static func words(_ s: SIMD8<Int16>) -> Words {
        Words(Int32(s[0]), Int32(s[1]), Int32(s[2]), Int32(s[3]), Int32(s[4]), Int32(s[5]), Int32(s[6]), Int32(s[7]))
    }

    @inline(__always)
    static func words(_ b: SIMD8<UInt8>) -> Words {
        Words(Int32(b[0]), Int32(b[1]), Int32(b[2]), Int32(b[3]), Int32(b[4]), Int32(b[5]), Int32(b[6]), Int32(b[7]))
    }

    @inline(__always)
    static func shorts(_ b: SIMD8<UInt8>) -> Shorts {
        Shorts(Int16(b[0]), Int16(b[1]), Int16(b[2]), Int16(b[3]), Int16(b[4]), Int16(b[5]), Int16(b[6]), Int16(b[7]))
    }

    /// The lower halves of the lanes.
    @inline(__always)
    static func shorts(_ w: Words) -> Shorts {
        Shorts(
            Int16(truncatingIfNeeded: w[0]),
            Int16(truncatingIfNeeded: w[1]),
            Int16(truncatingIfNeeded: w[2]),
            Int16(truncatingIfNeeded: w[3]),
            Int16(truncatingIfNeeded: w[4]),
            Int16(truncatingIfNeeded: w[5]),
            Int16(truncatingIfNeeded: w[6]),
            Int16(truncatingIfNeeded: w[7])
        )
    }

    /// The lower halves of the lanes.
    @inline(__always)
    static func bytes(_ s: Shorts) -> SIMD8<UInt8> {
        SIMD8(
            UInt8(truncatingIfNeeded: s[0]),
            UInt8(truncatingIfNeeded: s[1]),
            UInt8(truncatingIfNeeded: s[2]),
            UInt8(truncatingIfNeeded: s[3]),
            UInt8(truncatingIfNeeded: s[4]),
            UInt8(truncatingIfNeeded: s[5]),
            UInt8(truncatingIfNeeded: s[6]),
            UInt8(truncatingIfNeeded: s[7])
        )
    }

    // MARK: Blocks

    static func narrow(_ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Int16>, count: Int) {
        var index = 0
        while index + 8 <= count {
            let samples = shorts(rounded(UnsafeRawPointer(source + index).loadUnaligned(as: Floats.self)))
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
            let low = rounded(UnsafeRawPointer(even + index).loadUnaligned(as: Floats.self))
            let high = rounded(UnsafeRawPointer(odd + index).loadUnaligned(as: Floats.self))
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

    /// Uses the planes as scratch memory: it overwrites them with pairs of samples.
    static func narrowTriples(
        _ planes: UnsafeMutablePointer<Float>,
        stride: Int,
        _ target: UnsafeMutablePointer<Int16>,
        triples: Int
    ) {
        // Two triples are three words: (a, b) (c, a') (b', c'). The first loop makes the pairs in place, eight at a
        // time. The second copies words into order, which scalar code does as fast as shuffles.
        let pairs = triples / 2
        if triples > 2 * pairs {
            for residue in 0..<3 {
                target[6 * pairs + residue] = narrow(planes[2 * pairs + residue * stride])
            }
        }
        let first = UnsafeMutableRawPointer(planes)
        let second = UnsafeMutableRawPointer(planes + stride)
        let third = UnsafeMutableRawPointer(planes + 2 * stride)
        var index = 0
        while index < 2 * pairs {
            let place = 4 * index
            let a = rounded(first.loadUnaligned(fromByteOffset: place, as: Floats.self))
            let b = rounded(second.loadUnaligned(fromByteOffset: place, as: Floats.self))
            let c = rounded(third.loadUnaligned(fromByteOffset: place, as: Floats.self))
            let next = rounded(first.loadUnaligned(fromByteOffset: place + 4, as: Floats.self))
            first.storeBytes(of: (a & 0xFFFF) | (b &<< 16), toByteOffset: place, as: Words.self)
            second.storeBytes(of: (c & 0xFFFF) | (next &<< 16), toByteOffset: place, as: Words.self)
            third.storeBytes(of: (b & 0xFFFF) | (c &<< 16), toByteOffset: place, as: Words.self)
            index &+= 8
        }
        var source = (first: first, second: second, third: third)
        var place = UnsafeMutableRawPointer(target)
        var left = pairs
        while left > 0 {
            place.storeBytes(of: source.first.load(as: Int32.self), as: Int32.self)
            place.storeBytes(of: source.second.load(as: Int32.self), toByteOffset: 4, as: Int32.self)
            place.storeBytes(of: source.third.load(fromByteOffset: 4, as: Int32.self), toByteOffset: 8, as: Int32.self)
            source = (source.first + 8, source.second + 8, source.third + 8)
            place += 12
            left &-= 1
        }
    }
}
