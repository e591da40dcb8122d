import Foundation
import TalkpathAudio

/// Measures an engine with single tones, on its samples, including rounding.
///
/// The input is a tone of −0.8 dBFS. The output's spectrum is taken through a seven-term Blackman–Harris window, and
/// levels are in decibels relative to the tone. Rounding to 16 bits leaves a floor near −115 dB, with a few lines up to
/// −99.
struct ToneProbe: ~Copyable {
    static let amplitude = 30_000.0

    let from: Int
    let to: Int
    /// The number of spectrum lines from 0 to half the output rate, less one.
    let length: Int
    private var resampler: StreamResampler
    private let window: [Double]
    private let windowSum: Double

    init(from: Int, to: Int, engine: ResamplerEngine) throws {
        self.from = from
        self.to = to
        resampler = try StreamResampler(from: from, to: to, engine: engine)
        // A quarter of a second or more, so that lines are at most 4 Hz apart.
        var length = 1024
        while length < to / 4 { length *= 2 }
        self.length = length
        // Seven terms: the four of the usual window have side lobes at −92 dB, above the levels to be measured.
        let terms = [
            0.27105140069342, -0.43329793923448, 0.21812299954311, -0.06592544638803, 0.01081174209837,
            -0.00077658482522, 0.00001388721735,
        ]
        let window = (0..<length).map { index in
            let turn = 2 * Double.pi * Double(index) / Double(length)
            return terms.enumerated().reduce(0.0) { $0 + $1.element * cos(Double($1.offset) * turn) }
        }
        self.window = window
        windowSum = window.reduce(0, +)
    }

    /// Returns the output's spectrum from 0 Hz to half the output rate, and the level of the tone itself, which lies
    /// between the lines.
    mutating func spectrum(of frequency: Double) throws -> (lines: [Double], tone: Double) {
        let output = try response(to: frequency, amplitude: Self.amplitude, outputs: length)
        let seen = zip(output, window).map { Double($0) * $1 }
        let reference = Self.amplitude * windowSum / 2
        func level(_ power: Double) -> Double { 10 * log10(max(power, 1e-12) / (reference * reference)) }
        var (real, imaginary) = (0.0, 0.0)
        for (index, sample) in seen.enumerated() {
            let angle = 2 * Double.pi * frequency * Double(index) / Double(to)
            real += sample * cos(angle)
            imaginary += sample * sin(angle)
        }
        let lines = FourierTransform.powerSpectrum(seen).map(level)
        return (lines, level(real * real + imaginary * imaginary))
    }

    func line(at frequency: Double) -> Int { Int((frequency * Double(length) / Double(to)).rounded()) }

    /// Returns the level of the tone in the output.
    mutating func gain(at frequency: Double) throws -> Double {
        try spectrum(of: frequency).tone
    }

    /// Returns the signal-to-noise ratio of a tone at −6 dBFS.
    mutating func signalToNoise(at frequency: Double) throws -> Double {
        let fit = try fit(frequency, amplitude: 16_384)
        return 10 * log10(fit.amplitude * fit.amplitude / 2 / max(fit.noise, 1e-12))
    }

    /// Returns the amplitude of the sine at that frequency that fits the output best, and the power of the rest.
    private mutating func fit(_ frequency: Double, amplitude: Double) throws -> (amplitude: Double, noise: Double) {
        let output = try response(to: frequency, amplitude: amplitude, outputs: length)
        var (sineSum, cosineSum, ss, cc, sc) = (0.0, 0.0, 0.0, 0.0, 0.0)
        let waves = output.indices.map { index in
            let angle = 2 * Double.pi * frequency * Double(index) / Double(to)
            return (sine: sin(angle), cosine: cos(angle))
        }
        for (sample, wave) in zip(output, waves) {
            sineSum += wave.sine * Double(sample)
            cosineSum += wave.cosine * Double(sample)
            ss += wave.sine * wave.sine
            cc += wave.cosine * wave.cosine
            sc += wave.sine * wave.cosine
        }
        let determinant = ss * cc - sc * sc
        let a = (sineSum * cc - cosineSum * sc) / determinant
        let b = (cosineSum * ss - sineSum * sc) / determinant
        let noise = zip(output, waves).reduce(0.0) { sum, pair in
            let difference = Double(pair.0) - a * pair.1.sine - b * pair.1.cosine
            return sum + difference * difference
        }
        return ((a * a + b * b).squareRoot(), noise / Double(output.count))
    }

    /// Returns the middle of the output, without the filter's beginning and end.
    private mutating func response(to frequency: Double, amplitude: Double, outputs: Int) throws -> [Int16] {
        // In seconds. Longer than every filter here: 143 samples at 8 kHz.
        let settling = 0.04
        let seconds = 2 * settling + Double(outputs) / Double(to)
        let input = (0..<Int(seconds * Double(from))).map { index in
            Int16((amplitude * sin(2 * .pi * frequency * Double(index) / Double(from))).rounded())
        }
        let output = try resampler.resampledToEnd(input)
        let first = Int(settling * Double(to))
        return Array(output[first..<first + outputs])
    }
}
