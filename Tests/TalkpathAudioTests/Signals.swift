#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Deterministic test signals.
enum Signals {
    /// A sine of `amplitude` (32768 = full scale), rounded and saturated.
    static func sine(_ frequency: Double, rate: Int, count: Int, amplitude: Double, phase: Double = 0) -> [Int16] {
        (0..<count).map { index in
            let value = amplitude * sin(2 * .pi * frequency * Double(index) / Double(rate) + phase)
            return Int16(max(-32768, min(32767, value.rounded())))
        }
    }

    /// A tone that rises by 800 Hz a second, so that only the right lag correlates.
    static func sweep(rate: Int, seconds: Double, from frequency: Double = 300) -> [Int16] {
        (0..<Int(seconds * Double(rate))).map { index in
            let time = Double(index) / Double(rate)
            return Int16(12_000 * sin(2 * .pi * (frequency * time + 400 * time * time)))
        }
    }

    static func noise(count: Int, amplitude: Int, seed: UInt64) -> [Int16] {
        var generator = SplitMix64(seed: seed)
        return (0..<count).map { _ in Int16(Int.random(in: -amplitude...amplitude, using: &generator)) }
    }

    static func decibels(power: Double) -> Double { 10 * log10(power) }

    /// The power at `frequency` in `samples` (full-scale square = 1), through a Blackman–Harris window.
    static func tonePower(_ samples: ArraySlice<Int16>, at frequency: Double, rate: Int) -> Double {
        let count = samples.count
        var real = 0.0
        var imaginary = 0.0
        var total = 0.0
        for (index, sample) in samples.enumerated() {
            let turn = 2 * Double.pi * Double(index) / Double(count)
            let window = 0.35875 - 0.48829 * cos(turn) + 0.14128 * cos(2 * turn) - 0.01168 * cos(3 * turn)
            let angle = 2 * Double.pi * frequency * Double(index) / Double(rate)
            real += window * Double(sample) * cos(angle)
            imaginary += window * Double(sample) * sin(angle)
            total += window
        }
        let amplitude = 2 * (real * real + imaginary * imaginary).squareRoot() / total / 32768
        return amplitude * amplitude / 2
    }
}

/// A small seeded generator, the same on every platform.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
