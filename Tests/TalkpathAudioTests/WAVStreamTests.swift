import Testing

@testable import TalkpathAudio

@Suite struct WAVStreamTests {
    private static let formats: [AudioFormat] = [.pcm24k, .telephony, .alaw8k]

    private static func stream(_ format: AudioFormat, _ samples: [Int16], finishes: Bool) -> [UInt8] {
        var stream = WAVStream(format: format, channelCount: 2)
        var bytes = stream.header()
        for start in stride(from: 0, to: samples.count, by: 77) {
            stream.append(samples.span.extracting(start..<min(samples.count, start + 77)), to: &bytes)
        }
        #expect(stream.sampleCount == samples.count / 2)
        if finishes {
            stream.finish(to: &bytes)
            let header = stream.finalHeader()
            bytes.replaceSubrange(0..<header.count, with: header)
        }
        return bytes
    }

    @Test(arguments: formats, [true, false])
    func `a WAV stream can be read finished or not`(format: AudioFormat, finishes: Bool) throws {
        let samples = Signals.noise(count: 2 * 501, amplitude: 20_000, seed: 5)
        let wav = try WAV.decode(Self.stream(format, samples, finishes: finishes))
        #expect(wav.sampleRate == format.sampleRate)
        let expected = samples.map { sample in
            switch format.encoding {
            case .pcm16: sample
            case .mulaw: MuLaw.decode(MuLaw.encode(sample))
            case .alaw: ALaw.decode(ALaw.encode(sample))
            }
        }
        #expect(wav.channels[0] == stride(from: 0, to: 1002, by: 2).map { expected[$0] })
        #expect(wav.channels[1] == stride(from: 1, to: 1002, by: 2).map { expected[$0] })
    }

    @Test(
        .enabled(if: ExternalTool.sox != nil, "sox is not installed: no independent program checked our files"),
        arguments: formats,
        [true, false]
    )
    func `sox reads our files`(format: AudioFormat, finishes: Bool) throws {
        let samples = Signals.noise(count: 2 * 4000, amplitude: 20_000, seed: 6)
        let bytes = Self.stream(format, samples, finishes: finishes)
        let sox = try #require(ExternalTool.sox)
        // `--ignore-length` makes sox read to the end when the length is unknown.
        let arguments = finishes ? ["-D"] : ["-D", "--ignore-length"]
        let converted = try WAV.decode(ExternalTool.run(sox, arguments, on: bytes, kind: "wav"))
        #expect(converted == (try WAV.decode(bytes)))
    }

    /// A killed process leaves a header without a length and an incomplete last sample.
    @Test(
        .enabled(if: ExternalTool.ffmpeg != nil, "ffmpeg is not installed: no independent program checked our files"),
        arguments: formats,
        [1, 2, 3]
    )
    func `ffmpeg plays a file that was cut off in the middle of a sample`(format: AudioFormat, missing: Int) throws {
        let samples = Signals.noise(count: 2 * 4000, amplitude: 20_000, seed: 7)
        let bytes = Array(Self.stream(format, samples, finishes: false).dropLast(missing))
        let arguments = ["-v", "fatal", "-y", "-i"]
        let converted = try WAV.decode(
            ExternalTool.run(
                #require(ExternalTool.ffmpeg),
                arguments,
                on: bytes,
                kind: "wav"

            )
        )
        let expected = try WAV.decode(bytes)
        #expect(converted.sampleRate == format.sampleRate)
        #expect(abs(converted.channels[0].count - expected.channels[0].count) <= 1)
        let count = min(converted.channels[0].count, expected.channels[0].count)
        #expect(converted.channels.map { $0.prefix(count) } == expected.channels.map { $0.prefix(count) })
    }
}
