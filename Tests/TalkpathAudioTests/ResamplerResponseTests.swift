import Testing

@testable import TalkpathAudio

/// What the filters promise, measured: on the taps and through the whole of `process`, rounding included.
@Suite struct ResamplerResponseTests {
    private static func response(_ taps: [Double], at frequency: Double) -> Double {
        let middle = taps.count / 2
        return (1...middle).reduce(taps[middle]) { sum, distance in
            sum + 2 * taps[middle - distance] * cosine(2 * .pi * frequency * Double(distance))
        }
    }

    @Test(arguments: ResamplerProfile.allCases, [2, 3, 6])
    func tapsKeepRippleAndRejection(profile: ResamplerProfile, ratio: Int) throws {
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

    /// The slow designs (the large ratio and the steep profile) are left to the response test above.
    @Test(arguments: [(ResamplerProfile.telephone, 2), (.telephone, 3), (.wide, 2), (.strict, 2)])
    func committedTapsAreWhatTheDesignYields(profile: ResamplerProfile, ratio: Int) throws {
        let design = try #require(ResamplerTaps.design(ratio: ratio, profile: profile))
        let committed = try #require(ResamplerTaps.taps(ratio: ratio, profile: profile))
        let designed = design.taps()
        #expect(designed.count == committed.count)
        for (tap, value) in designed.enumerated() {
            // One unit in the last place of a float: libraries differ in the last bit of a cosine.
            #expect(abs(value - Double(committed[tap])) <= Double(committed[tap].ulp), "tap \(tap)")
        }
    }

    /// All bands and delays scale with the lower rate: 1.8 ms where it is 8 kHz.
    @Test(arguments: RatePair.all)
    func telephoneProfileIsLateByLessThanItsPromise(pair: RatePair) throws {
        let resampler = try Resampler(from: pair.from, to: pair.to)
        #expect(resampler.latency.milliseconds * pair.scale <= 1.8)
        // An impulse's centre of gravity comes out where the latency says.
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

    /// Sines through `process`: level in the band, and what appears where nothing should.
    @Test(arguments: RatePair.all)
    func sinesKeepTheirLevelAndLeaveNoImages(pair: RatePair) throws {
        let amplitude = 30_000.0
        let sent = Signals.decibels(power: amplitude * amplitude / 2 / (32768 * 32768))
        var levels: [Double] = []
        for tone in stride(from: 301.3, through: 3399, by: 309.71) {
            let frequency = tone * pair.scale
            var resampler = try Resampler(from: pair.from, to: pair.to)
            let input = Signals.sine(frequency, rate: pair.from, count: pair.from / 4, amplitude: amplitude)
            let output = resampler.resampled(input).dropFirst(pair.to / 50)
            levels.append(Signals.decibels(power: Signals.tonePower(output, at: frequency, rate: pair.to)) - sent)
            // Nearer to the tone itself the window shows nothing else.
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
    func tonesAboveTheBandLeaveNoAliases(pair: RatePair) throws {
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

    /// At −6 dBFS the noise of both roundings is all there is.
    @Test(arguments: RatePair.all)
    func sineAtMinusSixHasAnSNRAbove88(pair: RatePair) throws {
        let amplitude = 16_384.0
        var resampler = try Resampler(from: pair.from, to: pair.to)
        let frequency = 1013.0
        let input = Signals.sine(frequency, rate: pair.from, count: pair.from / 2, amplitude: amplitude)
        let output = Array(resampler.resampled(input).dropFirst(pair.to / 50))
        // The best fitting sine of that frequency, by projection on sine and cosine over whole periods (nearly).
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
    /// How many times wider all bands are than between 8 kHz and a higher rate.
    fileprivate var scale: Double { Double(min(from, to)) / 8000 }

    /// Where a tone that the output cannot hold comes out.
    fileprivate func folded(_ frequency: Double) -> Double {
        abs(frequency - Double(to) * (frequency / Double(to)).rounded())
    }

    /// Where in the output a tone of the input has images: around the multiples of the input's rate below half the
    /// common rate, and folded down from there.
    fileprivate func images(of frequency: Double) -> [Double] {
        let common = from % to == 0 || to % from == 0 ? max(from, to) : 48_000
        return stride(from: Double(from), through: Double(common + from) / 2, by: Double(from))
            .flatMap { [$0 - frequency, $0 + frequency] }
            .filter { $0 <= Double(common) / 2 }
            .map { folded($0) }
    }
}
