import Foundation
import TalkpathAudio
import Testing

#if canImport(FoundationXML)
import FoundationXML
#endif

@testable import talkpath_bench

/// `talkpath-bench audio`, by its parts: the whole command takes minutes without optimisation.
@Suite struct BenchAudioTests {
    @Test(arguments: [(8000, 16_000), (16_000, 8000)])
    func `the quality of our engine is that of the profile`(from: Int, to: Int) throws {
        let quality = try EngineQuality.measure(.polyphase(.telephone), from: from, to: to)
        #expect(quality.ripple <= 0.05)
        #expect(quality.rejection >= 98)
        #expect(quality.signalToNoise >= 88)
        #expect(quality.latencyMilliseconds <= 1.8)
    }

    @Test func `the quality of linear interpolation is poor`() throws {
        let quality = try EngineQuality.measure(.libsamplerate(.linear), from: 8000, to: 16_000)
        #expect(quality.rejection < 20)
        #expect(quality.ripple > 3)
    }

    @Test func `the timing is of one frame`() throws {
        final class Work: FrameWork {
            private(set) var frames = 0
            func run(frames: Int) { self.frames += frames }
        }
        let work = Work()
        let timing = try #require(try FrameTiming.measure([work], rounds: 5).first)
        #expect(timing.minimum >= 0 && timing.minimum <= timing.median)
        // One run to warm up, three to calibrate, five rounds of a millisecond each.
        #expect(work.frames > 4)
    }

    private static func report() -> AudioBenchReport {
        var report = AudioBenchReport(rounds: 3)
        report.resampling = [
            .init(
                from: 8000,
                to: 24_000,
                engine: "polyphase-telephone",
                instructions: "avx2",
                medianNanoseconds: 512.4,
                minimumNanoseconds: 500,
                timesFasterThanFastestSinc: 84.25,
                rippleDecibels: 0.0123,
                edgeDecibels: -0.01,
                rejectionDecibels: 98.96,
                latencyMilliseconds: 1.7917,
                signalToNoiseDecibels: 95.1
            )
        ]
        report.steps = [
            .init(name: "mu-law encode", instructions: "avx2", medianNanoseconds: 61, minimumNanoseconds: 60)
        ]
        return report
    }

    @Test func `the report is a table of aligned columns and the same figures as JSON`() throws {
        let report = Self.report()
        let lines = report.table().split(separator: "\n").map(String.init)
        #expect(lines.contains("8000 -> 24000 Hz"))
        let row = try #require(lines.first { $0.hasPrefix("polyphase-telephone") })
        let head = try #require(lines.first { $0.hasPrefix("engine") })
        #expect(row.count == head.count)
        #expect(
            row.split(separator: " ") == [
                "polyphase-telephone", "avx2", "512", "500", "84.2", "0.012", "-0.01", "99.0", "1.79", "95.1",
            ]
        )
        let back = try JSONDecoder().decode(AudioBenchReport.self, from: Data(report.json().utf8))
        #expect(back.resampling.first?.rejectionDecibels == 98.96)
        #expect(back.steps.first?.name == "mu-law encode" && back.rounds == 3)
    }

    @Test func `the pictures are well formed and show every engine`() throws {
        let qualities = try [ResamplerEngine.polyphase(.telephone), .libsamplerate(.linear)].map {
            try EngineQuality.measure($0, from: 8000, to: 16_000)
        }
        let pictures = AudioBenchPictures.all(qualities)
        #expect(pictures.map(\.name) == ["frequency-response-8000-16000.svg", "alias-map-8000-16000.svg"])
        for (name, picture) in pictures {
            let parser = XMLParser(data: Data(picture.utf8))
            #expect(parser.parse(), "\(name): \(String(describing: parser.parserError))")
            #expect(picture.contains("polyphase-telephone") && picture.contains("libsamplerate-linear"))
            #expect(!picture.contains("nan") && !picture.contains("inf"))
        }
    }

    @Test(arguments: [["--rounds", "0"], ["--rounds", "10001"], ["--plot", "/proc/none/there"], ["--rounds", "x"]])
    func `wrong options are refused before the first measurement`(options: [String]) throws {
        let outcome = try Executable.run(["audio"] + options, of: "talkpath-bench")
        #expect(outcome.status == EX_USAGE)
        #expect(outcome.errors.hasPrefix("Error: ") && outcome.output.isEmpty)
    }
}
