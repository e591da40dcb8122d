import ArgumentParser
import Foundation
import TalkpathAudio

/// Measures speed and fidelity of all resampling engines in one run.
struct BenchAudioCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audio",
        abstract: "Measure the resampling engines and G.711: time, ripple, rejection, latency, noise.",
        discussion: """
            Our engine with each instruction set of this machine and every converter of libsamplerate are measured side \
            by side, by turns in one process. Fidelity is measured with tones from samples to samples, rounding included.

            ripple: dB between the strongest and the weakest tone of 300–3400 Hz. reject: how far the strongest image \
            (of tones of the band) or alias (of tones from 4600 Hz on) lies below its tone. late: by how much the \
            signal leaves later than it came. SNR: 1013 Hz at −6 dBFS.
            """
    )

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    @Option(help: ArgumentHelp("Write SVG pictures into a directory, made if need be.", valueName: "dir"))
    var plot: String?

    @Option(help: "How often each is timed, a millisecond at a time.")
    var rounds = 41

    func validate() throws {
        guard (1...10_000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 10000") }
    }

    func run() throws {
        // Create the folder before the measurements, so that a wrong path fails early.
        let directory = plot.map { URL(fileURLWithPath: $0, isDirectory: true) }
        try writing(to: directory) {
            try FileManager.default.createDirectory(at: $0, withIntermediateDirectories: true)
        }
        let (report, qualities) = try AudioBench(rounds: rounds).run()
        try writing(to: directory) { directory in
            for (name, picture) in AudioBenchPictures.all(qualities) {
                try Data(picture.utf8).write(to: directory.appendingPathComponent(name))
            }
        }
        print(json ? try report.json() : report.table())
    }

    private func writing(to directory: URL?, _ body: (URL) throws -> Void) throws {
        guard let directory else { return }
        do {
            try body(directory)
        } catch {
            throw ValidationError("cannot write pictures to \(directory.path): \(error.localizedDescription)")
        }
    }
}

/// Runs the measurements of `talkpath-bench audio`.
struct AudioBench {
    static let pairs = [(8000, 24000), (24000, 8000), (8000, 16000), (16000, 8000)]

    var rounds: Int

    func run() throws -> (report: AudioBenchReport, qualities: [EngineQuality]) {
        var report = AudioBenchReport(rounds: rounds)
        var qualities: [EngineQuality] = []
        for (from, to) in Self.pairs {
            let measured = try ResamplerEngine.allCases.map { try EngineQuality.measure($0, from: from, to: to) }
            report.resampling += try rows(from: from, to: to, measured)
            qualities += measured
        }
        report.steps = try steps()
        return (report, qualities)
    }

    private func rows(from: Int, to: Int, _ qualities: [EngineQuality]) throws -> [AudioBenchReport.Row] {
        let entries = qualities.flatMap { quality -> [(EngineQuality, InstructionSet?)] in
            switch quality.engine {
            case .polyphase: InstructionSet.available.reversed().map { (quality, $0) }
            case .libsamplerate: [(quality, nil)]
            }
        }
        let works = try entries.map { quality, instructions in
            try ResamplingWork(from: from, to: to, engine: quality.engine, instructions: instructions ?? .best)
        }
        let timings = try FrameTiming.measure(works, rounds: rounds)
        let fastestSinc = entries.firstIndex { $0.0.engine == .libsamplerate(.fastest) }
        let yardstick = fastestSinc.map { timings[$0].median } ?? .nan
        return zip(entries, timings).map { entry, timing in
            let (quality, instructions) = entry
            return AudioBenchReport.Row(
                from: from,
                to: to,
                engine: quality.engine.description,
                instructions: instructions?.rawValue,
                medianNanoseconds: timing.median,
                minimumNanoseconds: timing.minimum,
                timesFasterThanFastestSinc: yardstick / timing.median,
                rippleDecibels: quality.ripple,
                edgeDecibels: quality.edge,
                rejectionDecibels: quality.rejection,
                latencyMilliseconds: quality.latencyMilliseconds,
                signalToNoiseDecibels: quality.signalToNoise
            )
        }
    }

    private func steps() throws -> [AudioBenchReport.Step] {
        var works: [(name: String, instructions: InstructionSet, work: any FrameWork)] = []
        for instructions in InstructionSet.available.reversed() {
            for direction in CompandingWork.Direction.allCases {
                works.append((direction.rawValue, instructions, CompandingWork(direction, instructions: instructions)))
            }
            works.append(("call, both ways 24 kHz", instructions, try TwoWayWork(instructions: instructions)))
        }
        let timings = try FrameTiming.measure(works.map(\.work), rounds: rounds)
        return zip(works, timings).map { entry, timing in
            AudioBenchReport.Step(
                name: entry.name,
                instructions: entry.instructions.rawValue,
                medianNanoseconds: timing.median,
                minimumNanoseconds: timing.minimum
            )
        }
    }
}
