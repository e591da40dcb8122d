/// The loudness of a stretch of audio, in dBFS. 0 dBFS is the amplitude 32768, so a full-scale square wave has an RMS
/// level of 0 and a full-scale sine one of −3.01 dBFS. Digital silence is −infinity.
public struct AudioLevel: Sendable, Hashable {
    /// Root mean square, in dBFS.
    public var rms: Double
    /// The largest magnitude, in dBFS.
    public var peak: Double

    public init(rms: Double, peak: Double) {
        self.rms = rms
        self.peak = peak
    }

    public static let silence = AudioLevel(rms: -.infinity, peak: -.infinity)
}

/// Measures levels. Allocates nothing.
public enum LevelMeter {
    /// The level of linear samples.
    public static func level(of samples: Span<Int16>) -> AudioLevel {
        samples.withUnsafeBufferPointer { SampleStatistics($0).level }
    }

    /// The mean power of linear samples; full scale is 1.
    public static func power(of samples: Span<Int16>) -> Double {
        samples.withUnsafeBufferPointer { SampleStatistics($0).power }
    }

    /// The mean power of µ-law bytes; full scale is 1.
    public static func power(ofMuLaw codes: RawSpan) -> Double { SampleStatistics(muLaw: codes).power }

    /// The level of µ-law bytes.
    public static func level(ofMuLaw codes: RawSpan) -> AudioLevel {
        SampleStatistics(muLaw: codes).level
    }
}

/// Sums over samples, from which levels are computed.
struct SampleStatistics {
    var count = 0
    var sum: Int64 = 0
    var squares: Double = 0
    /// Largest magnitude, 0...32768.
    var peak: Int32 = 0

    init() {}

    init(_ samples: UnsafeBufferPointer<Int16>) {
        add(samples)
    }

    /// Decodes 256 codes at a time into a buffer on the stack.
    init(muLaw codes: RawSpan) {
        withUnsafeTemporaryAllocation(of: Int16.self, capacity: 256) { buffer in
            codes.withUnsafeBytes { codes in
                guard let source = codes.baseAddress, let target = buffer.baseAddress else { return }
                var index = 0
                while index < codes.count {
                    let count = min(256, codes.count - index)
                    // Safety: `count` codes are left and the buffer holds 256; the kernel initialises every sample that
                    // is read.
                    G711Kernel.decodeMuLaw(source + index, target, count: count)
                    add(UnsafeBufferPointer(start: target, count: count))
                    index += count
                }
            }
        }
    }

    /// Mean power without the constant (DC) part; full scale is 1.
    var alternatingPower: Double {
        guard count > 0 else { return 0 }
        let mean = Double(sum) / Double(count)
        return max(0, squares / Double(count) - mean * mean) / (32768 * 32768)
    }

    /// Mean power; full scale is 1.
    var power: Double { count > 0 ? squares / Double(count) / (32768 * 32768) : 0 }

    var level: AudioLevel {
        guard count > 0 else { return .silence }
        let full = 32768.0 * 32768
        return AudioLevel(
            rms: decibels(power: squares / Double(count) / full),
            peak: decibels(power: Double(peak) * Double(peak) / full)
        )
    }

    private mutating func add(_ samples: UnsafeBufferPointer<Int16>) {
        guard let source = samples.baseAddress else { return }
        var index = 0
        while index < samples.count {
            // A float's lanes are exact enough for the squares of 4096 samples; a double adds up the blocks.
            let end = min(samples.count, index + 4096)
            var squareLanes = SIMD8<Float>.zero
            var sumLanes = SIMD8<Int32>.zero
            var high = SIMD8<Int32>.zero
            var low = SIMD8<Int32>.zero
            while index + 8 <= end {
                // Safety: eight samples are left.
                let lanes = UnsafeRawPointer(source + index).loadUnaligned(as: SIMD8<Int16>.self)
                let words = SampleKernel.words(lanes)
                let floats = SampleKernel.float(words)
                squareLanes = squareLanes + floats * floats
                sumLanes = sumLanes &+ words
                high.replace(with: words, where: words .> high)
                low.replace(with: words, where: words .< low)
                index += 8
            }
            for lane in 0..<8 {
                squares += Double(squareLanes[lane])
                sum += Int64(sumLanes[lane])
                peak = max(peak, high[lane], -low[lane])
            }
            while index < end && end - index < 8 {
                let sample = Int32(source[index])
                squares += Double(sample * sample)
                sum += Int64(sample)
                peak = max(peak, abs(sample))
                index += 1
            }
        }
        count += samples.count
    }
}
