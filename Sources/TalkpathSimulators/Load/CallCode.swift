import TalkpathAudio

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The voice of one caller: a mixture of tones that no other caller has. It reveals a missing millisecond, and the
/// voice of another caller.
///
/// The tones are whole numbers of hertz, so the voice repeats after exactly a second. It is also defined between
/// samples, so that the effect of a filter's delay can be computed.
package struct CallCode: Sendable {
    /// The number of samples after which the voice repeats.
    package static let period = 8000
    /// The samples of a 20 ms frame on the telephony leg.
    package static let frameSamples = 160
    package static let framesPerPeriod = period / frameSamples

    /// The band of the tones in hertz, which telephones carry and which the filters leave unchanged.
    private static let band = 400...3200
    private static let toneCount = 24
    /// The amplitude of each tone. Together they have −21 dBFS, and no peak that clips.
    private static let amplitude = 850.0

    struct Tone {
        var frequency: Int
        /// In units of 1/`period` of a turn.
        var phase: Int
    }

    let tones: [Tone]

    package init(call: Int) {
        // Not a multiple of the generator's own step. Otherwise neighbours would draw the same numbers, shifted by one.
        var state = UInt64(truncatingIfNeeded: call) &* 0xD1B5_4A32_D192_ED03 &+ 0x1234_5678
        func next() -> Int {
            // SplitMix64 (Steele, Lea, Flood, 2014).
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return Int((word ^ word >> 31) >> 33)
        }
        var frequencies: Set<Int> = []
        while frequencies.count < Self.toneCount {
            frequencies.insert(Self.band.lowerBound + next() % Self.band.count)
        }
        tones = frequencies.sorted().map { Tone(frequency: $0, phase: next() % Self.period) }
    }

    /// Returns a second of the voice, delayed by `delay` samples.
    package func samples(delayedBy delay: Double = 0) -> [Float] {
        var sum = [Float](repeating: 0, count: Self.period)
        let (sine, cosine) = Self.wave
        for tone in tones {
            let turn = Double(tone.phase) - Double(tone.frequency) * delay
            let angle = 2 * Double.pi * turn / Double(Self.period)
            let (a, b) = (Float(Self.amplitude * cos(angle)), Float(Self.amplitude * sin(angle)))
            var place = 0
            for index in 0..<Self.period {
                // sin(x + angle) = sin x · cos(angle) + cos x · sin(angle)
                sum[index] += sine[place] * a + cosine[place] * b
                place += tone.frequency
                if place >= Self.period { place -= Self.period }
            }
        }
        return sum
    }

    /// Returns a second of the voice in µ-law.
    package func muLaw() -> [UInt8] {
        let samples = samples().map { Int16($0.rounded()) }
        var bytes = [UInt8](repeating: 0, count: Self.period)
        var target = bytes.mutableSpan
        _ = MuLaw.encode(samples.span, into: &target)
        return bytes
    }

    /// Returns the delay of this second of sound behind the voice, in samples, to a twelfth of one; `nil` if it is
    /// another voice.
    ///
    /// - Parameter heard: `period` samples, from a position in the stream that is a multiple of `period`.
    package func delay(of heard: [Float]) -> Double? {
        precondition(heard.count == Self.period)
        let (sine, cosine) = Self.wave
        // The phase of each tone shows its delay, except for whole turns. All tones together leave one possible delay.
        let found = tones.map { tone -> (real: Double, imaginary: Double) in
            var (real, imaginary, place) = (0.0, 0.0, 0)
            for sample in heard {
                real += Double(sample * sine[place])
                imaginary += Double(sample * cosine[place])
                place += tone.frequency
                if place >= Self.period { place -= Self.period }
            }
            return (real, imaginary)
        }
        let energy = heard.reduce(0.0) { $0 + Double($1 * $1) }
        let strength = found.reduce(0.0) { $0 + $1.real * $1.real + $1.imaginary * $1.imaginary }
        guard energy > 0, strength * 2 / Double(Self.period) > energy * 0.9 else { return nil }
        let steps = 12
        let turns = Self.period * steps
        var best = (score: -Double.infinity, step: 0)
        let finer = (0..<turns).map { sin(2 * Double.pi * Double($0) / Double(turns)) }
        for step in 0..<turns {
            var score = 0.0
            for (tone, sound) in zip(tones, found) {
                let turn = (tone.phase * steps - tone.frequency * step % turns + 2 * turns) % turns
                score += sound.real * finer[(turn + turns / 4) % turns] + sound.imaginary * finer[turn]
            }
            if score > best.score { best = (score, step) }
        }
        return Double(best.step) / Double(steps)
    }

    /// One turn of sine and cosine in `period` steps.
    private static let wave: (sine: [Float], cosine: [Float]) = {
        let angles = (0..<period).map { 2 * Double.pi * Double($0) / Double(period) }
        return (angles.map { Float(sin($0)) }, angles.map { Float(cos($0)) })
    }()
}
