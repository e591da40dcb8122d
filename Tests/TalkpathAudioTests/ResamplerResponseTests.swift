import Testing

@testable import TalkpathAudio

/// Measures the filters' promises on the taps and through the whole of `process`, rounding included.
@Suite struct ResamplerResponseTests {
    private static func response(_ taps: [Double], at frequency: Double) -> Double {
        let middle = taps.count / 2
        return (1...middle).reduce(taps[middle]) { sum, distance in
            sum + 2 * taps[middle - distance] * cosine(2 * .pi * frequency * Double(distance))
        }
    }

    @Test(arguments: ResamplerProfile.allCases, [2, 3, 6])
    func `the taps keep their limits of ripple and rejection`(profile: ResamplerProfile, ratio: Int) throws {
        let taps = try #require(ResamplerTaps.taps(ratio: ratio, profile: profile)).map { Double($0) }
        #expect(taps == taps.reversed())
        let passEdge = profile.passEdge / Double(ratio)
        let stopEdge = profile.stopEdge / Double(ratio)
        let steps = 1500
        let pass = (0...steps).map { Self.response(taps, at: passEdge * Double($0) / Double(steps)) }
        let stop = (0...steps).map {
            abs(Self.response(taps, at: stopEdge + (0.5 - stopEdge) * Double($0) / Double(steps)))
        }
        let highest = try #require(pass.max())
        let lowest = try #require(pass.min())
        #expect(20 * decimalLogarithm(highest / lowest) <= 0.05)
        #expect(20 * decimalLogarithm(try #require(stop.max())) <= -99)
    }

    /// Leaves the slow designs (the large ratio and the steep profile) to the response test above.
    @Test(arguments: [(ResamplerProfile.telephone, 2), (.telephone, 3), (.wide, 2), (.strict, 2)])
    func `the committed taps equal those of the design`(profile: ResamplerProfile, ratio: Int) throws {
        let design = try #require(ResamplerTaps.design(ratio: ratio, profile: profile))
        let committed = try #require(ResamplerTaps.taps(ratio: ratio, profile: profile))
        let designed = design.taps()
        #expect(designed.count == committed.count)
        for (tap, value) in designed.enumerated() {
            // Allows one unit in the last place of a float, because libraries differ in the last bit of a cosine.
            #expect(abs(value - Double(committed[tap])) <= Double(committed[tap].ulp), "tap \(tap)")
        }
    }

    /// All bands and delays scale with the lower rate: 1.8 ms at 8 kHz.
    @Test(arguments: RatePair.all)
    func `the telephone profile's latency is at most 1.8 ms and as stated`(pair: RatePair) throws {
        let resampler = try Resampler(from: pair.from, to: pair.to)
        #expect(resampler.latency.milliseconds * pair.scale <= 1.8)
        // The centre of an impulse must be late by the stated latency.
        var measured = try Resampler(from: pair.from, to: pair.to)
        var input = [Int16](repeating: 0, count: 480)
        let place = 240
        input[place] = 30_000
        let output = measured.resampled(input).map { Double($0) }
        let weight = output.reduce(0, +)
        let centre = output.enumerated().reduce(0.0) { $0 + Double($1.offset) * $1.element } / weight
        let rate = Double(pair.to) / Double(pair.from)
        #expect(abs(centre - Double(place) * rate - measured.latencyInOutputSamples) < 0.02 * max(rate, 0.5))
        #expect(abs(measured.latencyInInputSamples * rate - measured.latencyInOutputSamples) < 1e-9)
    }

    /// Sends sines through `process` and measures their level and that of their images.
    @Test(arguments: RatePair.all)
    func `sines in the band keep their level and leave no images`(pair: RatePair) throws {
        let amplitude = 30_000.0
        let sent = Signals.decibels(power: amplitude * amplitude / 2 / (32768 * 32768))
        var levels: [Double] = []
        for tone in stride(from: 301.3, through: 3399, by: 309.71) {
            let frequency = tone * pair.scale
            var resampler = try Resampler(from: pair.from, to: pair.to)
            let input = Signals.sine(frequency, rate: pair.from, count: pair.from / 4, amplitude: amplitude)
            let output = resampler.resampled(input).dropFirst(pair.to / 50)
            levels.append(Signals.decibels(power: Signals.tonePower(output, at: frequency, rate: pair.to)) - sent)
            // Skips places nearer than 50 Hz, where the window shows only the tone itself.
            for place in pair.images(of: frequency) where abs(place - frequency) > 50 {
                let level = Signals.decibels(power: Signals.tonePower(output, at: place, rate: pair.to)) - sent
                #expect(level <= -98, "\(frequency) Hz at \(place) Hz")
            }
        }
        let spread = (levels.max() ?? 9) - (levels.min() ?? 0)
        #expect(spread <= 0.05)
        #expect(levels.allSatisfy { abs($0) <= 0.05 })
    }

    @Test(arguments: RatePair.all.filter { $0.to < $0.from })
    func `tones above the band leave no aliases`(pair: RatePair) throws {
        let amplitude = 30_000.0
        let sent = Signals.decibels(power: amplitude * amplitude / 2 / (32768 * 32768))
        for frequency in stride(from: 4613.0 * pair.scale, to: Double(pair.from) / 2 - 50, by: 293 * pair.scale) {
            var resampler = try Resampler(from: pair.from, to: pair.to)
            let input = Signals.sine(frequency, rate: pair.from, count: pair.from / 4, amplitude: amplitude)
            let output = resampler.resampled(input).dropFirst(pair.to / 50)
            let folded = pair.folded(frequency)
            let level = Signals.decibels(power: Signals.tonePower(output, at: folded, rate: pair.to)) - sent
            #expect(level <= -98, "\(frequency) Hz at \(folded) Hz")
        }
    }

    /// At −6 dBFS the only noise is that of the two roundings to 16 bits.
    @Test(arguments: RatePair.all)
    func `a sine at −6 dBFS has an SNR above 88 dB`(pair: RatePair) throws {
        let amplitude = 16_384.0
        var resampler = try Resampler(from: pair.from, to: pair.to)
        let frequency = 1013.0
        let input = Signals.sine(frequency, rate: pair.from, count: pair.from / 2, amplitude: amplitude)
        let output = Array(resampler.resampled(input).dropFirst(pair.to / 50))
        // The best fitting sine of that frequency, by projection on sine and cosine over (nearly) whole periods.
        let count = output.count
        var (sineSum, cosineSum) = (0.0, 0.0)
        var (ss, cc, sc) = (0.0, 0.0, 0.0)
        let angles = (0..<count).map { 2 * Double.pi * frequency * Double($0) / Double(pair.to) }
        for (index, angle) in angles.enumerated() {
            let (s, c) = (sine(angle), cosine(angle))
            sineSum += s * Double(output[index])
            cosineSum += c * Double(output[index])
            ss += s * s
            cc += c * c
            sc += s * c
        }
        let determinant = ss * cc - sc * sc
        let a = (sineSum * cc - cosineSum * sc) / determinant
        let b = (cosineSum * ss - sineSum * sc) / determinant
        var noise = 0.0
        for (index, angle) in angles.enumerated() {
            let difference = Double(output[index]) - a * sine(angle) - b * cosine(angle)
            noise += difference * difference
        }
        let snr = Signals.decibels(power: (a * a + b * b) / 2 * Double(count) / noise)
        #expect(snr >= 88)
    }
}

extension RatePair {
    /// The factor by which all bands are wider than those between 8 kHz and a higher rate.
    fileprivate var scale: Double { Double(min(from, to)) / 8000 }

    /// The frequency at which the output has a tone that is beyond its own band.
    fileprivate func folded(_ frequency: Double) -> Double {
        abs(frequency - Double(to) * (frequency / Double(to)).rounded())
    }

    /// The frequencies of an input tone's images in the output: around the multiples of the input's rate below half the
    /// common rate, and folded down from there.
    fileprivate func images(of frequency: Double) -> [Double] {
        let common = from % to == 0 || to % from == 0 ? max(from, to) : 48_000
        return stride(from: Double(from), through: Double(common + from) / 2, by: Double(from))
            .flatMap { [$0 - frequency, $0 + frequency] }
            .filter { $0 <= Double(common) / 2 }
            .map { folded($0) }
    }
}
