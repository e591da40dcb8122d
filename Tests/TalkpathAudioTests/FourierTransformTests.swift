import Testing

@testable import TalkpathAudio

@Suite struct FourierTransformTests {
    @Test(arguments: [2, 8, 64])
    func `the power spectrum equals that of the definition`(length: Int) {
        let samples = Signals.noise(count: length, amplitude: 1000, seed: UInt64(length)).map { Double($0) }
        let expected = (0...length / 2).map { line in
            let angles = samples.indices.map { -2 * Double.pi * Double(line * $0) / Double(length) }
            let real = zip(samples, angles).reduce(0.0) { $0 + $1.0 * cosine($1.1) }
            let imaginary = zip(samples, angles).reduce(0.0) { $0 + $1.0 * sine($1.1) }
            return real * real + imaginary * imaginary
        }
        let spectrum = FourierTransform.powerSpectrum(samples)
        #expect(spectrum.count == expected.count)
        #expect(zip(spectrum, expected).allSatisfy { abs($0 - $1) <= 1e-6 * (1 + $1) })
    }
}
