#if os(Linux)
import ArgumentParser
import Foundation
import TalkpathServer
import TalkpathSimulators

/// `talkpath-bench api`: measures the control API while calls run, and calls while the control API is busy.
struct BenchAPICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api",
        abstract: "Measure the control API while calls run, and its cost for the calls.",
        discussion: """
            A server with a full store, alone on one processor, carries calls as in `bench load`: first undisturbed, \
            then while clients ask for lists and records, place calls through a fake carrier, and end them. A request's \
            time counts from when it was due. Callers, model, clients and carrier share another processor, in this \
            order. Also told: how long a server takes to start with that store.

            Exit status: 0, or 1 if a request failed, or audio was lost, damaged or another caller's.
            """
    )

    @Option(help: "How many calls talk.")
    var calls = 100

    @Option(help: "Requests a second.")
    var rate = 200.0

    @Option(help: "How long each half is measured.")
    var seconds = 10.0

    @Option(help: "How many ended calls are stored.")
    var stored = 10_000

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...3600).contains(seconds) else { throw ValidationError("--seconds must be from 1 to 3600") }
        guard (1...10_000).contains(rate) else { throw ValidationError("--rate must be from 1 to 10000") }
        guard (1...10_000).contains(calls) else { throw ValidationError("--calls must be from 1 to 10000") }
        guard stored >= 100 else { throw ValidationError("--stored must be 100 at least") }
    }

    private struct Report: Codable {
        var calls: Int
        var rate: Double
        var stored: Int
        var start: Spread?
        var requests: Spread?
        var requestsByKind: [String: Spread]
        var failures: [String]
        var mediaAlone: LoadStage.Result
        var mediaBesides: LoadStage.Result

        var isGood: Bool {
            failures.isEmpty && requests != nil && mediaAlone.metrics.isWhole && mediaBesides.metrics.isWhole
        }
    }

    func run() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("talkpath-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let progress = LoadProgress(isWanted: !json || isatty(STDERR_FILENO) != 0)
        let processors = ProcessorAffinity.allowed
        BridgeUnderLoadCommand.raiseDescriptorLimit()
        progress.note("storing \(stored) calls")
        _ = try await StoredCalls(count: stored).fill(folder)
        let starts = try await BenchStoreCommand.start(folder)
        // The clients and the carrier must not use the processor of the bridge, nor that of the fleet.
        if let fleet = processors.first, processors.count > 1 { ProcessorAffinity.pinProcess(to: fleet) }
        // The calls ring until they are ended: a call that is answered would need a model.
        let carrier = try await FakeTwilio.start(
            FakeTwilioConfiguration(
                behavior: CallBehavior(outcome: .noAnswer(ringing: .seconds(600))),
                keepsAudio: false
            )
        )
        let load = APILoad(rate: rate)
        let stages = [nil, load].map { stage(folder, carrier, progress, processors, load: $0) }
        let media = try await LoadStage.onFleetThread(processor: processors.first) {
            let fleet = Set([ThreadPrecedence.current].compactMap(\.self))
            let keeping = Task { await ThreadPrecedence.keep(fleet) }
            defer { keeping.cancel() }
            return try stages.map { try $0.runHere() }
        }
        let answers = await load.report()
        await carrier.shutdown()
        progress.clear()
        let report = Report(
            calls: calls,
            rate: rate,
            stored: stored,
            start: Spread(starts),
            requests: Spread(answers.all),
            requestsByKind: Dictionary(
                uniqueKeysWithValues: answers.milliseconds.compactMap { kind, times in
                    Spread(times).map { (kind.rawValue, $0) }
                }
            ),
            failures: answers.failures,
            mediaAlone: media[0],
            mediaBesides: media[1]
        )
        try tell(report)
        guard report.isGood else { throw ExitCode.failure }
    }

    private func stage(
        _ folder: String,
        _ carrier: FakeTwilio,
        _ progress: LoadProgress,
        _ processors: [Int],
        load: APILoad?
    ) -> LoadStage {
        LoadStage(
            shape: LoadShape(provider: .openAI, format: .pcm),
            calls: calls,
            seconds: seconds,
            place: LoadPlace(
                bridge: .own(processor: processors.last ?? 0),
                fleetProcessor: processors.first,
                modelPort: 0
            ),
            progress: progress,
            moreSettings: [
                "TALKPATH_DATA_FOLDER": folder, "TALKPATH_AGENT_CONNECT": "on_answer",
                "TALKPATH_MAX_CALLS_PER_SECOND": "10000", "TALKPATH_RING_TIMEOUT_S": "600",
                "TWILIO_ACCOUNT_SID": FakeTwilioConfiguration().accountSID,
                "TWILIO_AUTH_TOKEN": FakeTwilioConfiguration().authToken,
                "TWILIO_FROM_NUMBER": "+14155550100", "TWILIO_API_BASE_URL": carrier.baseURL,
            ],
            alongside: { isBeginning, port in
                if isBeginning { load?.start(port: port) } else { load?.stop() }
            }
        )
    }

    private func tell(_ report: Report) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return print(String(decoding: try encoder.encode(report), as: UTF8.self))
        }
        func row(_ name: String, _ cells: [Double]) {
            let columns = cells.map { value in
                let text = value.formatted(2)
                return String(repeating: " ", count: max(1, 9 - text.count)) + text
            }
            print(name.padding(toLength: 34, withPad: " ", startingAt: 0) + columns.joined())
        }
        print("\(calls) calls, \(rate.formatted(0)) requests a second, \(stored) stored calls; milliseconds")
        print(String(repeating: " ", count: 34) + "      p50      p95      p99      max")
        for kind in APILoad.Kind.allCases {
            guard let spread = report.requestsByKind[kind.rawValue] else { continue }
            row(kind.rawValue, [spread.p50, spread.p95, spread.p99, spread.maximum])
        }
        if let all = report.requests { row("all requests (\(all.count))", [all.p50, all.p95, all.p99, all.maximum]) }
        if let start = report.start { row("start of a server", [start.p50, start.p95, start.p99, start.maximum]) }
        for (name, stage) in [("undisturbed", report.mediaAlone), ("beside requests", report.mediaBesides)] {
            guard let trip = stage.metrics.roundTrip else { continue }
            row("round trip, \(name)", [trip.p50, trip.p95, trip.p99, trip.maximum])
            if !stage.metrics.isWhole { print("  audio was lost, damaged or another caller's") }
        }
        for failure in report.failures { print("failed: \(failure)") }
    }
}
#endif
