/// Detects keypad tones in audio, for tests and for analysing recordings: eight Goertzel filters over blocks of 12.75
/// ms.
///
/// Checks the level, the twist, the other frequencies and the energy outside the tones, and requires two equal blocks
/// in a row. Not made for telling keys from speech in a live call: telephony legs report keys by messages.
package struct DTMFDetector: Sendable {
    package struct Key: Sendable, Hashable {
        /// One of `0`–`9`, `*`, `#`, `A`–`D`.
        package var character: Character
        /// The first sample of the first block that held the key.
        package var begin: Int
    }

    /// Samples of a block: 102 at 8 kHz.
    private let blockCount: Int
    /// Twice the cosine of each frequency's phase step; the lower group first.
    private let factors: SIMD8<Double>
    private var last = SIMD8<Double>.zero
    private var beforeLast = SIMD8<Double>.zero
    private var energy = 0.0
    private var fill = 0
    private var position = 0
    /// The key in the block before, and the key that was reported and still sounds.
    private var heard: DTMFSequence.Step?
    private var current: DTMFSequence.Step?
    private var missed = 0

    /// - Throws: ``DTMFError`` if the rate is outside 4000...192000 Hz.
    package init(sampleRate: Int) throws(DTMFError) {
        guard (4000...192_000).contains(sampleRate) else { throw .unsupportedRate(sampleRate) }
        blockCount = sampleRate * 51 / 4000
        var factors = SIMD8<Double>.zero
        for (index, frequency) in (DTMFSequence.Step.lowFrequencies + DTMFSequence.Step.highFrequencies).enumerated() {
            factors[index] = 2 * cosine(2 * .pi * frequency / Double(sampleRate))
        }
        self.factors = factors
    }

    /// Finds the keys in a whole recording.
    package static func keys(in samples: [Int16], sampleRate: Int) throws(DTMFError) -> [Key] {
        var detector = try DTMFDetector(sampleRate: sampleRate)
        var keys: [Key] = []
        detector.process(samples.span) { keys.append($0) }
        return keys
    }

    /// Processes the next samples, and reports each key once, when two blocks in a row hold it.
    package mutating func process(_ samples: Span<Int16>, onKey: (Key) -> Void) {
        for index in samples.indices {
            let sample = Double(samples[index])
            let next = factors * last - beforeLast + SIMD8(repeating: sample)
            beforeLast = last
            last = next
            energy += sample * sample
            fill += 1
            guard fill == blockCount else { continue }
            follow(judgeBlock(), onKey)
            position += blockCount
            (last, beforeLast, energy, fill) = (.zero, .zero, 0, 0)
        }
    }

    /// The key that this block holds; `nil` if there is none, or too much else.
    private func judgeBlock() -> DTMFSequence.Step? {
        let powers = last * last + beforeLast * beforeLast - factors * last * beforeLast
        let low = Self.strongest(powers.lowHalf)
        let high = Self.strongest(powers.highHalf)
        // A sine of amplitude a has the power (a · count ÷ 2)² here, and an energy of a² · count ÷ 2.
        let count = Double(blockCount)
        let quietest = DTMFSettings.amplitude(-35) * count / 2
        guard
            low.power > quietest * quietest, high.power > quietest * quietest,
            // Allows a twist of up to 8 dB either way, the most that lines add.
            high.power < 6.3 * low.power, low.power < 6.3 * high.power,
            low.power > 4 * low.second, high.power > 4 * high.second,
            2 * (low.power + high.power) > 0.7 * count * energy
        else { return nil }
        return DTMFSequence.Step.keys[low.index][high.index]
    }

    private mutating func follow(_ key: DTMFSequence.Step?, _ onKey: (Key) -> Void) {
        missed = key == current ? 0 : missed + 1
        if missed == 2 { current = nil }
        if let key, key == heard, current == nil {
            current = key
            missed = 0
            onKey(Key(character: key.character, begin: position - blockCount))
        }
        heard = key
    }

    private static func strongest(_ powers: SIMD4<Double>) -> (index: Int, power: Double, second: Double) {
        var best = (index: 0, power: powers[0], second: 0.0)
        for index in 1..<4 {
            if powers[index] > best.power {
                best = (index, powers[index], best.power)
            } else {
                best.second = max(best.second, powers[index])
            }
        }
        return best
    }
}
