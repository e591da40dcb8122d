import Testing

@testable import TalkpathAudio

struct RatePair: Sendable, CustomStringConvertible {
    var from: Int
    var to: Int
    var description: String { "\(from)->\(to)" }

    static let telephony = [
        RatePair(from: 8000, to: 16000), RatePair(from: 16000, to: 8000),
        RatePair(from: 8000, to: 24000), RatePair(from: 24000, to: 8000),
    ]
    static let all =
        telephony + [
            RatePair(from: 8000, to: 48000), RatePair(from: 48000, to: 8000),
            RatePair(from: 16000, to: 24000), RatePair(from: 24000, to: 16000),
            RatePair(from: 16000, to: 48000), RatePair(from: 48000, to: 16000),
            RatePair(from: 24000, to: 48000), RatePair(from: 48000, to: 24000),
        ]
}

@Suite struct ResamplerTests {
    @Test(arguments: RatePair.all, ResamplerProfile.allCases)
    func outputEqualsThePlainConvolution(pair: RatePair, profile: ResamplerProfile) throws {
        var resampler = try Resampler(from: pair.from, to: pair.to, profile: profile)
        let input = Signals.noise(count: 700, amplitude: 20000, seed: 1)
        let output = resampler.resampled(input)
        let ratio = pair.to > pair.from ? pair.to : pair.from
        let common = pair.from % pair.to == 0 || pair.to % pair.from == 0 ? ratio : 48000
        let up = common / pair.from
        let down = common / pair.to
        let taps = try #require(ResamplerTaps.taps(ratio: common / min(pair.from, pair.to), profile: profile))
        #expect(output.count == input.count * up / down)
        for (index, sample) in output.enumerated() {
            let instant = index * down + down - 1
            var sum = 0.0
            for (tap, coefficient) in taps.enumerated() where instant >= tap && (instant - tap) % up == 0 {
                sum += Double(coefficient) * Double(up) * Double(input[(instant - tap) / up])
            }
            let expected = max(-32768, min(32767, sum))
            #expect(abs(Double(sample) - expected) <= 0.51, "output \(index)")
        }
    }
}
