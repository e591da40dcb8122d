import TalkpathAudio

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// One caller's voice: tones in a mixture that no other caller has, so that a millisecond of it that is missing, and one
/// that is somebody else's, can be told.
///
/// The tones are whole numbers of hertz, so that the voice repeats after exactly a second, and it is known at any
/// instant between two samples: what a filter's delay makes of it can be written down.
package struct CallCode: Sendable {
    /// Samples after which the voice begins again.
    package static let period = 8000
    /// Of the telephony leg, 20 ms.
    package static let frameSamples = 160
    package static let framesPerPeriod = period / frameSamples

    /// Well within what a telephone carries, and what its filters leave alone.
    private static let band = 400...3200
    private static let toneCount = 24
    /// Of each tone; together −21 dBFS, and no peak that clips.
    private static let amplitude = 850.0

    struct Tone {
        var frequency: Int
        /// In units of 1/`period` of a turn.
        var phase: Int
    }

    let tones: [Tone]

    package init(call: Int) {
        // Not a multiple of the generator's own step: neighbours would draw the same numbers, one later.
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

    /// A second of the voice, as it sounds `delay` samples late.
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

    /// A second of the voice in µ-law.
    package func muLaw() -> [UInt8] {
        let samples = samples().map { Int16($0.rounded()) }
        var bytes = [UInt8](repeating: 0, count: Self.period)
        var target = bytes.mutableSpan
        _ = MuLaw.encode(samples.span, into: &target)
        return bytes
    }

    /// The delay of this second of sound behind the voice, in samples, to a twelfth of one; nil if it is another voice.
    ///
    /// - Parameter heard: `period` samples, from wherever in the stream a multiple of `period` stood.
    package func delay(of heard: [Float]) -> Double? {
        precondition(heard.count == Self.period)
        let (sine, cosine) = Self.wave
        // The phase of each tone says how late it is, but for whole turns; all of them together leave one answer.
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
