import Testing

@testable import TalkpathAudio

@Suite struct DTMFGeneratorTests {
    private static let allKeys = "0123456789*#ABCD"

    private static func samples(
        _ digits: String,
        rate: Int = 8000,
        chunk: Int = 160,
        settings: DTMFSettings = DTMFSettings()
    ) throws -> [Int16] {
        var generator = try DTMFGenerator(DTMFSequence(digits), sampleRate: rate, settings: settings)
        var result: [Int16] = []
        var buffer = [Int16](repeating: 77, count: chunk)
        while !generator.isFinished {
            var target = buffer.mutableSpan
            let count = generator.write(into: &target)
            try #require(count > 0 && count <= chunk)
            result += buffer.prefix(count)
        }
        #expect(result.count == generator.sampleCount)
        #expect(generator.position == generator.sampleCount)
        var rest = buffer.mutableSpan
        #expect(generator.write(into: &rest) == 0)
        return result
    }

    /// The columns and rows as printed in Q.23, independent of the generator's own table.
    @Test(
        arguments: [
            ("1", 697.0, 1209.0), ("2", 697, 1336), ("3", 697, 1477), ("A", 697, 1633),
            ("4", 770, 1209), ("5", 770, 1336), ("6", 770, 1477), ("B", 770, 1633),
            ("7", 852, 1209), ("8", 852, 1336), ("9", 852, 1477), ("C", 852, 1633),
            ("*", 941, 1209), ("0", 941, 1336), ("#", 941, 1477), ("D", 941, 1633),
        ],
        [8000, 11_025, 24_000, 48_000]
    )
    func `a key has its two frequencies at their levels and nothing else`(key: (String, Double, Double), rate: Int)
        throws
    {
        let tone = try Self.samples(key.0, rate: rate, settings: DTMFSettings(tone: .seconds(1)))
        let steady = tone[rate / 50..<rate - rate / 50]
        // 0 dBm0 is 3.17 dB below a sine that fills µ-law's range of ±32636, and that sine is 3.01 dB below the
        // full-scale square.
        let zero = Signals.decibels(power: 32_636.0 * 32_636 / (32_768.0 * 32_768)) - 3.17 - 3.01
        #expect(abs(Signals.decibels(power: Signals.tonePower(steady, at: key.1, rate: rate)) - zero + 9) < 0.01)
        #expect(abs(Signals.decibels(power: Signals.tonePower(steady, at: key.2, rate: rate)) - zero + 7) < 0.01)
        // Q.23 requires every distortion product to be 20 dB below; here they are near the rounding error of 16 bits.
        let (low, high) = (key.1, key.2)
        for product in [2 * low, 2 * high, low + high, high - low, 2 * low - high, 2 * high - low, 50] {
            let power = Signals.tonePower(steady, at: abs(product), rate: rate)
            #expect(Signals.decibels(power: power) < zero - 9 - 70)
        }
    }

    @Test(arguments: [1, 7, 159, 161, 800, 100_000])
    func `the samples do not depend on how they are divided among writes`(chunk: Int) throws {
        #expect(try Self.samples("1w9#,D", chunk: chunk) == Self.samples("1w9#,D"))
    }

    @Test(arguments: [4000, 8000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 48_001, 192_000])
    func `keys begin at exact times at any rate`(rate: Int) throws {
        let samples = try Self.samples("11w1", rate: rate)
        #expect(samples.count == rate * 1100 / 1000)
        for (begin, end) in [(0, 100), (200, 300), (900, 1000)] {
            let tone = samples[begin * rate / 1000..<end * rate / 1000]
            #expect(tone.contains { abs(Int($0)) > 10_000 })
            #expect(tone.prefix(3).allSatisfy { abs(Int($0)) < 2000 })
            #expect(tone.suffix(3).allSatisfy { abs(Int($0)) < 2000 })
        }
        for (begin, end) in [(100, 200), (300, 900), (1000, 1100)] {
            #expect(samples[begin * rate / 1000..<end * rate / 1000].allSatisfy { $0 == 0 })
        }
    }

    @Test func `edges are smooth and do not click`() throws {
        let edge = try Self.samples("5").prefix(32)
        // Compares the edge's energy above the keypad's band with that of the same tone cut off hard.
        let whole = try Array(Self.samples("5", settings: DTMFSettings(tone: .seconds(1)))[4000..<4800])
        func splatter(_ samples: [Int16]) -> Double {
            let padded = [Double](repeating: 0, count: 112) + samples.map(Double.init)
            let spectrum = FourierTransform.powerSpectrum(
                Array((padded + [Double](repeating: 0, count: 1024)).prefix(1024))
            )
            return Signals.decibels(power: spectrum[320...].max() ?? 0)
        }
        #expect(splatter(try Array(Self.samples("5").prefix(800))) < splatter(whole) - 30)
        #expect(edge.allSatisfy { $0 != Int16.max && $0 != Int16.min })
    }

    @Test func `the loudest settings stay below full scale`() throws {
        let settings = DTMFSettings(tone: .seconds(5), level: -5, twist: 0)
        let loudest = try Self.samples("D", rate: 48_000, settings: settings).map { abs(Int($0)) }.max() ?? 0
        #expect(loudest > 25_000 && loudest < 26_000)
    }

    @Test func `a character that is not a key is refused by its position`() {
        for (text, offset) in [("12x4", 2), ("E", 0), ("１", 0), ("1 2", 1), ("5é", 1), ("1\n", 1), ("٣", 0)] {
            #expect(throws: DTMFError.invalidCharacter(offset: offset)) { try DTMFSequence(text) }
        }
        #expect(throws: DTMFError.empty) { try DTMFSequence("") }
        #expect(throws: DTMFError.tooLong(count: 257)) { try DTMFSequence(String(repeating: "1", count: 257)) }
        #expect(throws: Never.self) { try DTMFSequence(String(repeating: "w", count: 256)) }
    }

    @Test func `neither errors nor descriptions contain digits`() throws {
        let sequence = try DTMFSequence("4929")
        #expect(!"\(sequence)".contains("9") && !String(reflecting: sequence).contains("9"))
        #expect(!"\(DTMFError.invalidCharacter(offset: 1))".contains("x"))
    }

    @Test func `rates and settings out of range are refused`() throws {
        let sequence = try DTMFSequence("1")
        for rate in [Int.min, -8000, 0, 3999, 192_001, Int.max] {
            #expect(throws: DTMFError.unsupportedRate(rate)) { try DTMFGenerator(sequence, sampleRate: rate) }
        }
        let wrong = [
            DTMFSettings(tone: .milliseconds(39)), DTMFSettings(gap: .milliseconds(39)),
            DTMFSettings(tone: .milliseconds(60), gap: .milliseconds(59)), DTMFSettings(tone: .seconds(6)),
            DTMFSettings(pause: .seconds(6)), DTMFSettings(pause: .seconds(-1)), DTMFSettings(level: -25),
            DTMFSettings(level: -4), DTMFSettings(level: -6, twist: 2), DTMFSettings(twist: 4.1),
            DTMFSettings(level: .nan), DTMFSettings(twist: .nan), DTMFSettings(level: .infinity),
            DTMFSettings(tone: .seconds(Int64.max)),
        ]
        for settings in wrong {
            let error = #expect(throws: DTMFError.self) { try DTMFGenerator(sequence, settings: settings) }
            guard case .settingOutOfRange = error else {
                Issue.record("\(String(describing: error)) for \(settings)")
                continue
            }
        }
        #expect(try Self.samples("w", settings: DTMFSettings(pause: .zero)).isEmpty)
    }

    // MARK: Detectors

    @Test(arguments: [8000, 16_000, 24_000, 44_100])
    func `our detector finds every key and its start`(rate: Int) throws {
        let text = Self.allKeys + "w11,AA"
        let keys = try DTMFDetector.keys(in: Self.samples(text, rate: rate), sampleRate: rate)
        #expect(String(keys.map(\.character)) == Self.allKeys + "11AA")
        for (index, key) in keys.prefix(16).enumerated() {
            // A block may begin before the tone if the tone fills most of it.
            #expect(abs(key.begin - index * rate / 5) < rate / 80)
        }
    }

    @Test func `our detector finds the shortest and quietest keys after µ-law coding`() throws {
        let short = DTMFSettings(tone: .milliseconds(70), gap: .milliseconds(50), level: -24, twist: 0)
        let samples = try Self.samples(Self.allKeys, settings: short)
        let coded = samples.map { MuLaw.decode(MuLaw.encode($0)) }
        #expect(try String(DTMFDetector.keys(in: coded, sampleRate: 8000).map(\.character)) == Self.allKeys)
    }

    @Test func `our detector finds no key in noise, a single tone or silence`() throws {
        let noise = Signals.noise(count: 80_000, amplitude: 9000, seed: 3)
        let one = Signals.sine(697, rate: 8000, count: 8000, amplitude: 9000)
        for samples in [noise, one, [Int16](repeating: 0, count: 8000), []] {
            #expect(try DTMFDetector.keys(in: samples, sampleRate: 8000).isEmpty)
        }
    }

    @Test(
        .enabled(
            if: ExternalTool.multimonNG != nil,
            "multimon-ng is not installed: no independent program checked our tones"
        ),
        arguments: [DTMFSettings(), DTMFSettings(tone: .milliseconds(70), gap: .milliseconds(70), level: -20)]
    )
    func `an independent detector finds every key`(settings: DTMFSettings) throws {
        // multimon-ng accepts only raw samples at 22,050 Hz.
        let samples = try Self.samples(Self.allKeys + "w" + Self.allKeys, rate: 22_050, settings: settings)
        #expect(try Self.heard(by: #require(ExternalTool.multimonNG), samples) == Self.allKeys + Self.allKeys)
    }

    @Test(
        .enabled(
            if: ExternalTool.multimonNG != nil && ExternalTool.sox != nil,
            "multimon-ng or sox is not installed: no independent program checked our tones"
        )
    )
    func `an independent detector finds every key after µ-law coding`() throws {
        let samples = try Self.samples(Self.allKeys).map { MuLaw.decode(MuLaw.encode($0)) }
        let converted = try ExternalTool.run(
            #require(ExternalTool.sox),
            [],
            on: WAV.encode(channels: [samples], sampleRate: 8000),
            kind: "wav",
            effects: ["rate", "22050"]
        )
        let atItsRate = try WAV.decode(converted).channels[0]
        #expect(try Self.heard(by: #require(ExternalTool.multimonNG), atItsRate) == Self.allKeys)
    }

    private static func heard(by detector: String, _ samples: [Int16]) throws -> String {
        let bytes = samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        let output = try ExternalTool.standardOutput(
            of: detector,
            ["-q", "-a", "DTMF", "-t", "raw"],
            on: bytes + [UInt8](repeating: 0, count: 44_100)
        )
        return output.split(separator: "\n").compactMap { line in
            line.hasPrefix("DTMF: ") ? line.dropFirst(6).first.map(String.init) : nil
        }.joined()
    }
}
