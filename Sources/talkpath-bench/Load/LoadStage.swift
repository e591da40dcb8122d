#if os(Linux)
import Foundation
import TalkpathSimulators

/// One measurement: a bridge, a number of calls, some seconds.
struct LoadStage {
    /// The measurements. Figures of the bridge's process are missing if that process is not known.
    struct Result: Codable {
        var metrics: LoadMetrics
        /// The bridge's processor time for one second of one call, in milliseconds.
        var workPerCallSecond: Double?
        /// The share of one processor that the bridge needed.
        var bridgeShare: Double?
        /// The memory for one more call, in bytes.
        var memoryPerCall: Int?
        var descriptors: Int?
        var lag: BridgeUnderLoadCommand.Punctuality?
        /// Allocations of the bridge's whole process for one frame in one direction, if they are counted.
        var allocationsPerFrame: Double?

        /// True if the bridge carries this load: no audio is lost, and round trips are short enough.
        var isSustained: Bool {
            metrics.isWhole && (metrics.roundTrip?.p99 ?? .infinity) < LoadStage.longestRoundTrip
        }
    }

    /// In milliseconds, at the 99th percentile.
    static let longestRoundTrip = 50.0
    private static let warmUp = 2.0
    /// The frames of one call, both directions together.
    private static let framesPerSecond = 100.0

    var shape: LoadShape
    var calls: Int
    var seconds: Double
    var place: LoadPlace
    var progress: LoadProgress
    /// Settings for the bridge, besides those that the load needs.
    var moreSettings: [String: String] = [:]
    /// Called when the measured time begins and ends, with the bridge's port.
    var alongside: (@Sendable (_ isBeginning: Bool, _ port: Int) -> Void)?

    /// Runs the measurement on a thread of its own.
    func run() async throws -> Result {
        try await Self.onFleetThread(processor: place.fleetProcessor) { try runHere() }
    }

    /// Runs `body` on the thread of the callers and the model.
    static func onFleetThread<Outcome: Sendable>(
        processor: Int?,
        _ body: @escaping @Sendable () throws -> Outcome
    ) async throws -> Outcome {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread {
                if let processor { ProcessorAffinity.pin(to: processor) }
                continuation.resume(with: Swift.Result { try body() })
            }
            thread.name = "fleet"
            thread.start()
        }
    }

    /// Runs the measurement on the calling thread.
    func runHere() throws -> Result {
        let model = try LoadModelPort(port: place.modelPort)
        switch place.bridge {
        case .own(let processor):
            let bridge = try BridgeProcess.start(processor: processor, settings: settings(modelPort: model.port))
            defer { bridge.stop() }
            let target = try LoadTarget(url: "ws://127.0.0.1:\(bridge.port)/twilio/media-stream")
            return try measure(target, model, process: bridge.identifier, bridge: bridge)
        case .running(let target, let process):
            return try measure(target, model, process: process, bridge: nil)
        }
    }

    private func measure(
        _ target: LoadTarget,
        _ model: LoadModelPort,
        process: Int32?,
        bridge: BridgeProcess?
    ) throws -> Result {
        let run = try LoadRun(LoadRun.Plan(target: target, shape: shape), model: model)
        defer { run.close() }
        func look() -> ProcessMetrics? { process.flatMap(ProcessMetrics.read) }
        // The first call also allocates what all calls share, so memory is counted from the second call on.
        try run.open(calls: 1)
        let first = look()
        try run.open(calls: calls - 1) { progress.opened($0, of: calls) }
        try run.warmUp(seconds: Self.warmUp)
        bridge?.ask()
        let asked = LoadClock.now
        var allocating: Int64 = 0
        try run.warmUp(seconds: 0.2)
        var (before, after): (ProcessMetrics?, ProcessMetrics?)
        let metrics = try run.measure(
            seconds: seconds,
            window: { isBeginning in
                alongside?(isBeginning, target.port)
                if isBeginning {
                    before = look()
                } else {
                    after = look()
                    bridge?.ask()
                    allocating = LoadClock.now - asked
                }
            },
            progress: { elapsed, longest in progress.measured(elapsed, of: seconds, calls: calls, longest: longest) }
        )
        let early = bridge?.answer()
        var result = Result(metrics: metrics, lag: bridge?.answer())
        if let made = result.lag?.allocations, let before = early?.allocations {
            let frames = Double(calls) * Double(allocating) / 1e9 * LoadStage.framesPerSecond
            result.allocationsPerFrame = Double(made - before) / frames
        }
        if let first, let before, let after {
            let (work, time) = (Double(after.work - before.work), Double(after.instant - before.instant))
            result.bridgeShare = work / time
            result.workPerCallSecond = work / time * 1000 / Double(calls)
            result.descriptors = after.descriptors
            if calls > 1 { result.memoryPerCall = max(0, after.residentBytes - first.residentBytes) / (calls - 1) }
        }
        return result
    }

    private func settings(modelPort: Int) -> [String: String] {
        var settings = [
            "TALKPATH_HTTP_PORT": "0", "TALKPATH_LOG_LEVEL": "critical", "TALKPATH_MAX_CALLS": "100000",
            "TALKPATH_MAX_DURATION_S": "14400", "TALKPATH_AGENT_PROVIDER": shape.provider.rawValue,
            "TALKPATH_AGENT_FORMAT": shape.format.rawValue,
        ]
        switch shape.provider {
        case .openAI:
            settings["OPENAI_API_KEY"] = "bench"
            settings["OPENAI_REALTIME_URL"] = "ws://127.0.0.1:\(modelPort)/v1/realtime"
        case .openAILive:
            settings["OPENAI_API_KEY"] = "bench"
            settings["OPENAI_LIVE_URL"] = "ws://127.0.0.1:\(modelPort)/v1/live/sessions"
        case .gemini:
            settings["GEMINI_API_KEY"] = "bench"
            settings["GEMINI_LIVE_URL"] = "ws://127.0.0.1:\(modelPort)/live"
        }
        return settings.merging(moreSettings) { $1 }
    }
}

/// The processes and processors of a measurement.
struct LoadPlace {
    enum Bridge {
        /// A server that the bench starts, alone on that processor.
        case own(processor: Int)
        /// A server that is running already.
        case running(LoadTarget, process: Int32?)
    }

    var bridge: Bridge
    var fleetProcessor: Int?
    /// The port of the model; 0 chooses a free one.
    var modelPort: Int

    /// The text for the report.
    var description: String {
        let fleet = fleetProcessor.map { "callers and model on processor \($0)" } ?? "callers and model where they fit"
        switch bridge {
        case .own(let processor) where processor == fleetProcessor:
            return "everything on processor \(processor), the only one: the figures are of both sides together"
        case .own(let processor): return "the bridge alone on processor \(processor), \(fleet)"
        case .running(let target, _): return "a server at \(target.host):\(target.port), \(fleet)"
        }
    }
}

/// Shows the progress of a measurement on standard error.
struct LoadProgress: Sendable {
    let isWanted: Bool
    private let isTerminal = isatty(STDERR_FILENO) != 0

    func opened(_ count: Int, of calls: Int) {
        if count == calls || (isTerminal && count % 10 == 0) { show("\(count) of \(calls) calls are up") }
    }

    func measured(_ elapsed: Double, of seconds: Double, calls: Int, longest: Double) {
        let trip = "longest round trip \(longest.formatted(1)) ms"
        show("\(calls) calls, \(elapsed.formatted(0)) of \(seconds.formatted(0)) s, \(trip)")
    }

    func note(_ words: String) {
        guard isWanted else { return }
        FileHandle.standardError.write(Data("\(isTerminal ? "\r\u{1B}[K" : "")\(words)\n".utf8))
    }

    func clear() {
        if isWanted, isTerminal { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    }

    private func show(_ words: String) {
        guard isWanted else { return }
        FileHandle.standardError.write(Data((isTerminal ? "\r\u{1B}[K\(words)" : "\(words)\n").utf8))
    }
}
#endif
