import Foundation
import TalkpathAudio
import Testing

@testable import talkpath

/// `talkpath audio`, as a process between pipes.
@Suite struct AudioCommandTests {
    private static func expected(_ samples: [Int16], _ from: Int, _ to: Int, _ engine: ResamplerEngine) throws
        -> [UInt8]
    {
        var stage = ResampleStage(try StreamResampler(from: from, to: to, engine: engine))
        var output: [UInt8] = []
        try samples.bytes.withUnsafeBytes { try stage.convert($0, into: &output) }
        try stage.finish(into: &output)
        return output
    }

    @Test(
        arguments: [
            (8000, 24_000, [], .polyphase(.telephone)),
            (24_000, 8000, ["--profile", "wide"], .polyphase(.wide)),
            (16_000, 48_000, ["--engine", "polyphase", "--profile", "strict"], .polyphase(.strict)),
            (48_000, 16_000, ["--engine", "polyphase-strict"], .polyphase(.strict)),
            (8000, 44_100, ["--engine", "libsamplerate-medium"], .libsamplerate(.medium)),
            (44_100, 8000, ["--engine", "libsamplerate-linear"], .libsamplerate(.linear)),
            (8000, 8000, [], .polyphase(.telephone)),
        ] as [(Int, Int, [String], ResamplerEngine)]
    )
    func `the output equals the engine's for every chunking of the input`(
        from: Int,
        to: Int,
        options: [String],
        engine: ResamplerEngine
    ) throws {
        let samples = [Int16].noise(30_001)
        let whole = try Self.expected(samples, from, to, engine)
        let arguments = ["audio", "resample", "--from", "\(from)", "--to", "\(to)"] + options
        #expect(try Executable.run(arguments, chunks: [samples.bytes]).output == whole)
        let cut = try Executable.run(
            arguments + ["--block", "37"],
            chunks: samples.bytes.pieces(longest: 4001, seed: 5)
        )
        #expect(cut.output == whole)
        #expect(cut.status == 0 && cut.errors.isEmpty)
    }

    @Test(arguments: ["ulaw", "alaw"])
    func `encode and decode equal G711 for every sample and code`(law: String) throws {
        let samples = (Int16.min...Int16.max).map { $0 }
        let encoded = try Executable.run(
            ["audio", "encode", law, "--block", "999"],
            chunks: samples.bytes.pieces(longest: 9001, seed: 2)
        )
        #expect(encoded.output == samples.map { law == "ulaw" ? MuLaw.encode($0) : ALaw.encode($0) })
        let decoded = try Executable.run(["audio", "decode", law], chunks: [encoded.output])
        #expect(
            [Int16](bytes: decoded.output) == encoded.output.map { law == "ulaw" ? MuLaw.decode($0) : ALaw.decode($0) }
        )
        #expect(encoded.status == 0 && decoded.status == 0)
    }

    @Test(arguments: [["resample", "--from", "8000", "--to", "16000"], ["encode", "ulaw"], ["decode", "alaw"]])
    func `empty input gives empty output`(arguments: [String]) throws {
        let outcome = try Executable.run(["audio"] + arguments)
        #expect(outcome.output.isEmpty && outcome.status == 0 && outcome.errors.isEmpty)
    }

    @Test func `half a sample at the end is reported after the conversion of the samples before it`() throws {
        let samples = [Int16].noise(1000)
        let encoded = try Executable.run(["audio", "encode", "ulaw"], chunks: [samples.bytes + [7]])
        #expect(encoded.output == samples.map { MuLaw.encode($0) })
        #expect(encoded.status == EX_DATAERR && encoded.errors.contains("ends with 1 byte of a sample of 2"))
        let resampled = try Executable.run(
            ["audio", "resample", "--from", "8000", "--to", "24000"],
            chunks: (samples.bytes + [7]).map { [$0] }
        )
        #expect(resampled.output == (try Self.expected(samples, 8000, 24_000, .default)))
        #expect(resampled.status == EX_DATAERR)
    }

    @Test(
        arguments: [
            ["--from", "0", "--to", "8000"], ["--from", "-8000", "--to", "8000"], ["--from", "8000", "--to", "0"],
            ["--from", "8000", "--to", "11025"], ["--from", "8000", "--to", "99999999999999999999"],
            ["--from", "8000", "--to", "9223372036854775807"], ["--from", "8000"], ["--from", "eight", "--to", "8000"],
            ["--from", "8000", "--to", "2048001", "--engine", "libsamplerate-best"],
            ["--from", "-1", "--to", "-1", "--engine", "libsamplerate-best"],
            ["--from", "0", "--to", "0"], ["--from", "8000", "--to", "24000", "--engine", "soxr"],
            ["--from", "8000", "--to", "24000", "--profile", "narrow"],
            ["--from", "8000", "--to", "24000", "--profile", "wide", "--engine", "libsamplerate-best"],
            ["--from", "8000", "--to", "24000", "--profile", "wide", "--engine", "polyphase-strict"],
            ["--from", "8000", "--to", "24000", "--block", "0"],
            ["--from", "8000", "--to", "24000", "--block", "-1"],
            ["--from", "8000", "--to", "24000", "--block", "1048577"],
        ]
    )
    func `options out of range are refused with a reason`(options: [String]) throws {
        let outcome = try Executable.run(["audio", "resample"] + options)
        #expect(outcome.status == EX_USAGE && !outcome.wasKilled)
        #expect(outcome.errors.hasPrefix("talkpath: ") && outcome.output.isEmpty)
    }

    @Test(arguments: [["resample", "--from", "8000", "--to", "24000"], ["encode", "alaw"], ["decode", "ulaw"]])
    func `a reader that goes away ends the command without a message`(arguments: [String]) throws {
        let outcome = try Executable.run(
            ["audio"] + arguments,
            feeding: [Int16].noise(8000).bytes,
            readingOnly: 100
        )
        #expect(outcome.output.count == 100)
        #expect(outcome.status == 0 && !outcome.wasKilled && outcome.errors.isEmpty)
    }

    // MARK: Another's audio

    private static let raw = ["-t", "raw", "-e", "signed", "-b", "16", "-L", "-c", "1"]

    /// A sweep through the telephone band, resampled by sox and by our engine. The difference counts as noise.
    @Test(
        .enabled(if: Sox.path != nil, "sox is not installed: our audio was not compared with another program's"),
        arguments: [(8000, 24_000), (24_000, 8000), (8000, 16_000), (16_000, 8000)]
    )
    func `sox resamples to the same samples`(from: Int, to: Int) throws {
        let made = try Sox.run(
            ["-D", "-n", "-r", "\(from)"] + Self.raw + ["OUT", "synth", "2", "sine", "300:3300", "gain", "-3"]
        )
        let theirs = try Sox.run(
            ["-D", "-r", "\(from)"] + Self.raw + ["IN"] + Self.raw + ["OUT", "rate", "-v", "\(to)"],
            input: made
        )
        let ours = try Executable.run(
            ["audio", "resample", "--from", "\(from)", "--to", "\(to)", "--engine", "libsamplerate-best"],
            chunks: [made]
        )
        #expect(abs(ours.output.count - theirs.count) <= 4)
        let (reference, received) = ([Int16](bytes: theirs), [Int16](bytes: ours.output))
        #expect(AudioCorrelation.snr(reference: reference, received: received, maxLag: 100) > 60)
        // Our engine delays by whole samples when it raises the rate; when it lowers the rate, a fraction of a sample
        // would count as noise.
        guard from < to else { return }
        let polyphase = try Executable.run(
            ["audio", "resample", "--from", "\(from)", "--to", "\(to)"],
            chunks: [made]
        )
        let match = AudioCorrelation.bestLag(of: reference, in: [Int16](bytes: polyphase.output), maxLag: 200)
        #expect(match.coefficient > 0.99999)
        let latency = try StreamResampler(from: from, to: to).latencyInInputSamples * Double(to / from)
        #expect(Double(match.lag) == latency)
    }

    @Test(
        .enabled(if: Sox.path != nil, "sox is not installed: our audio was not compared with another program's"),
        arguments: [("ulaw", "mu-law"), ("alaw", "a-law")]
    )
    func `sox decodes our codes and we decode those of sox`(law: String, name: String) throws {
        let codes = (0...255).map { UInt8($0) }
        let g711 = ["-t", "raw", "-e", name, "-b", "8", "-c", "1", "-r", "8000"]
        let theirs = try Sox.run(["-D"] + g711 + ["IN"] + Self.raw + ["OUT"], input: codes)
        #expect(try Executable.run(["audio", "decode", law], chunks: [codes]).output == theirs)
        // Codes that sox encodes must decode here to the samples that sox decodes.
        let samples = [Int16].noise(20_000).bytes
        let encoded = try Sox.run(["-D", "-r", "8000"] + Self.raw + ["IN"] + g711 + ["OUT"], input: samples)
        let ours = try Executable.run(["audio", "encode", law], chunks: [samples]).output
        #expect(encoded.count == ours.count)
        let back = try Executable.run(["audio", "decode", law], chunks: [encoded]).output
        let snr = AudioCorrelation.snr(reference: [Int16](bytes: samples), received: [Int16](bytes: back))
        #expect(snr > 35)
    }
}
