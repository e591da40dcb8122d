import ArgumentParser
import Foundation
import TalkpathSimulators

#if os(Linux)
/// `talkpath-bench load`: measures how many calls a processor carries, and how fast.
struct BenchLoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Load a bridge with calls, and measure latency, loss, processor time and memory.",
        discussion: """
            The bridge is a server of its own process, alone on one processor. On another, a fleet of callers sends 20 \
            ms of audio each, 50 times a second on absolute deadlines, over Twilio's Media Streams, and a model sends \
            back what it hears at once. Every caller has a voice of its own, and listens: what is missing, damaged or \
            another caller's is counted.

            up: from a frame's leaving the caller until the model has it. down: from the model's sending it back until \
            the caller has it. Round trip: both, and what the filters hold back (3.6 ms where audio is resampled both \
            ways, also told on its own).

            With --against, a server that runs already is loaded. It must take unannounced calls (serve --dev) and be \
            configured to find its model at the port given with --model-port, such as \
            OPENAI_REALTIME_URL=ws://127.0.0.1:9009/v1/realtime.

            Exit status: 0, or 1 if audio was lost, damaged or another caller's.
            """
    )

    @Option(help: "How many calls; several numbers, separated by commas, make a curve. With --ramp, the first to try.")
    var calls: CallCounts = .init(counts: [50])

    @Option(help: "How long each number of calls is measured.")
    var seconds = 10.0

    @Option(help: "Whose protocol the model speaks: openai, openai_live or gemini.")
    var provider = LoadShape.Provider.openAI

    @Option(help: "The model's audio format: pcm, or pcmu (OpenAI only).")
    var format = LoadShape.Format.pcm

    @Option(help: "The media lanes of the bridge, which share its one processor; without it, the bridge's own default.")
    var lanes: Int?

    @Flag(help: "Search for the most calls with a p99 round trip under 50 ms and nothing lost.")
    var ramp = false

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: ArgumentHelp("Write a page with the curves.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("Load a server that runs already: ws://…", valueName: "url"))
    var against: String?

    @Option(help: ArgumentHelp("The server's process id, to measure its processor time.", valueName: "pid"))
    var pid: Int32?

    @Option(help: "Where the model listens; 0 takes a free port.")
    var modelPort = 0

    func validate() throws {
        guard (1...3600).contains(seconds) else { throw ValidationError("--seconds must be from 1 to 3600") }
        guard provider != .gemini || format == .pcm else { throw ValidationError("Gemini speaks no pcmu") }
        if let lanes, !(1...64).contains(lanes) { throw ValidationError("--lanes must be from 1 to 64") }
        guard against == nil || lanes == nil else { throw ValidationError("--lanes goes without --against") }
        guard against != nil || pid == nil else { throw ValidationError("--pid goes with --against") }
        guard against == nil || modelPort > 0 else {
            throw ValidationError("--against needs --model-port, where that server looks for its model")
        }
        if let pid, ProcessMetrics.read(pid) == nil {
            throw ValidationError("--pid: there is no process \(pid) of ours")
        }
    }

    func run() async throws {
        let page = try html.map { try Self.openPage($0) }
        let place = try place()
        let shape = LoadShape(provider: provider, format: format)
        let progress = LoadProgress(isWanted: !json || isatty(STDERR_FILENO) != 0)
        BridgeUnderLoadCommand.raiseDescriptorLimit()
        var report = LoadReport(shape: shape.description, place: place.description, seconds: seconds)
        func stage(_ calls: Int) async throws -> LoadStage.Result {
            let result = try await LoadStage(
                shape: shape,
                calls: calls,
                seconds: seconds,
                place: place,
                progress: progress,
                moreSettings: lanes.map { ["TALKPATH_MEDIA_LANES": "\($0)"] } ?? [:]
            ).run()
            report.add(result)
            return result
        }
        if ramp {
            var search = CapacitySearch(first: calls.counts[0])
            while let calls = search.next {
                let result = try await attempt(calls, stage, progress)
                search.note(result?.isSustained ?? false)
                progress.note(Self.verdict(calls, result))
            }
            report.sustained = search.best
        } else {
            for calls in calls.counts { _ = try await stage(calls) }
        }
        progress.clear()
        print(json ? try report.json() : report.table())
        try page?.write(contentsOf: Data(LoadPage(report).html().utf8))
        guard ramp || report.stages.allSatisfy(\.metrics.isWhole) else { throw ExitCode.failure }
    }

    /// Runs a stage. Returns `nil`, instead of failing, if there are too many calls to open or to keep open.
    private func attempt(
        _ calls: Int,
        _ stage: (Int) async throws -> LoadStage.Result,
        _ progress: LoadProgress
    ) async throws -> LoadStage.Result? {
        do {
            return try await stage(calls)
        } catch let error as LoadError where error.code == .notReady || error.code == .lost {
            progress.note("\(calls) calls: \(error)")
            return nil
        }
    }

    private static func verdict(_ calls: Int, _ result: LoadStage.Result?) -> String {
        guard let result else { return "\(calls) calls are too many" }
        let p99 = result.metrics.roundTrip?.p99.formatted(1) ?? "–"
        let words = result.isSustained ? "sustained" : "too many"
        let fleet = result.metrics.isFleetTheBottleneck ? ", and the fleet itself was at its limit" : ""
        return "\(calls) calls: \(words) (p99 \(p99) ms, \(result.metrics.damagedFrames) damaged frames\(fleet))"
    }

    private func place() throws -> LoadPlace {
        let processors = ProcessorAffinity.allowed
        // Other work of the machine tends to run on the first processor.
        let (fleet, bridge) = (processors.first, processors.last ?? 0)
        guard let against else {
            return LoadPlace(bridge: .own(processor: bridge), fleetProcessor: fleet, modelPort: modelPort)
        }
        do {
            return LoadPlace(
                bridge: .running(try LoadTarget(url: against), process: pid),
                fleetProcessor: fleet,
                modelPort: modelPort
            )
        } catch {
            throw ValidationError("--against: \(error)")
        }
    }

    /// Creates the file before the measurements, so that a wrong path fails early.
    private static func openPage(_ path: String) throws -> FileHandle {
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw ValidationError("--html: cannot write to \(path)") }
        return handle
    }
}

/// Numbers of calls, separated by commas.
struct CallCounts: ExpressibleByArgument {
    var counts: [Int]

    init(counts: [Int]) {
        self.counts = counts
    }

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        counts = parts.compactMap { Int($0) }.filter { (1...10_000).contains($0) }
        guard counts.count == parts.count, !counts.isEmpty else { return nil }
    }

    var defaultValueDescription: String { counts.map(String.init).joined(separator: ",") }
}

extension LoadShape.Provider: ExpressibleByArgument {}
extension LoadShape.Format: ExpressibleByArgument {}
#endif
