import ArgumentParser
import AsyncHTTPClient
import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire

/// `talkpath bench end`: how long it takes until a bridged call is known to be ended.
struct BenchEndCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end",
        abstract: "Ends calls, bridged and ringing, and measures until everything is closed.",
        discussion: "Real sockets on loopback, a carrier that answers at once, a model that echoes; one call at a time."
    )

    @Option(help: "How many calls of each kind.")
    var calls = 50

    @Flag(help: "Print JSON.")
    var json = false

    /// In which state a call is when it is ended.
    private enum Stage: String, CaseIterable {
        case ringing, bridged
    }

    private struct Row: Codable {
        var state: String
        /// From the request to its answer, as the client sees it.
        var request: Spread?
        /// As the receipt tells it.
        var teardown: Spread?
    }

    func run() async throws {
        var rows: [Row] = []
        for stage in Stage.allCases {
            var (requests, teardowns): ([Double], [Double]) = ([], [])
            try await measure(stage) { request, teardown in
                requests.append(request)
                teardowns.append(teardown)
            }
            rows.append(Row(state: stage.rawValue, request: Spread(requests), teardown: Spread(teardowns)))
        }
        if json {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            print(String(decoding: try encoder.encode(rows), as: UTF8.self))
            return
        }
        print("end(), \(calls) calls each, milliseconds            p50      p95      p99      max")
        for row in rows {
            for (name, spread) in [("request to answer", row.request), ("teardown in the receipt", row.teardown)] {
                guard let spread else { continue }
                let label = "\(row.state): \(name)".padding(toLength: 42, withPad: " ", startingAt: 0)
                let cells = [spread.p50, spread.p95, spread.p99, spread.maximum].map { value in
                    let text = value.formatted(2)
                    return String(repeating: " ", count: max(0, 9 - text.count)) + text
                }
                print(label + cells.joined())
            }
        }
    }

    private func measure(_ stage: Stage, _ note: (Double, Double) -> Void) async throws {
        let timeline = SimulatorTimeline()
        let model = try await FakeOpenAIRealtime.start(
            FakeAgentConfiguration(apiKey: "key", script: .echo, keepsAudio: false, timeline: timeline)
        )
        let outcome: CallBehavior.Outcome =
            stage == .ringing ? .noAnswer(ringing: .seconds(30)) : .answers(ringing: .milliseconds(10))
        let carrier = FakeTwilioConfiguration(
            behavior: CallBehavior(outcome: outcome, dialing: .milliseconds(5)),
            keepsAudio: false,
            timeline: timeline
        )
        let twilio = try await FakeTwilio.start(carrier)
        let server = try await TalkpathServer.start(
            try .read(
                environment: [
                    "TALKPATH_HTTP_PORT": "0", "TALKPATH_LOG_LEVEL": "critical", "OPENAI_API_KEY": "key",
                    "TALKPATH_MAX_CALLS_PER_SECOND": "10000", "OPENAI_REALTIME_URL": model.url,
                    "TWILIO_ACCOUNT_SID": carrier.accountSID, "TWILIO_AUTH_TOKEN": carrier.authToken,
                    "TWILIO_FROM_NUMBER": "+15550100100", "TWILIO_API_BASE_URL": twilio.baseURL,
                ],
                isDevelopment: true
            )
        )
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        let api = DemoClient(client: client, origin: "http://127.0.0.1:\(server.port)")
        let clock = ContinuousClock()
        for _ in 0..<calls {
            let position = timeline.count
            let placed = try await api.post("/api/calls", ["to": "+15550100199"])
            guard let id = placed.body["call_id"]?.string else {
                throw DemoStage.Failure.refused(status: placed.status, body: placed.body.serializedText())
            }
            switch stage {
            case .ringing:
                try await timeline.waitFor(after: position) { $0.kind == .callStatus("ringing") }
            case .bridged:
                try await timeline.waitFor(after: position) { $0.kind == .sessionReady }
                try await timeline.waitFor(after: position) { if case .streamStarted = $0.kind { true } else { false } }
            }
            let began = clock.now
            let ended = try await api.post("/api/calls/\(id)/end", [:])
            let took = began.duration(to: clock.now)
            guard ended.status == 200 else {
                throw DemoStage.Failure.refused(status: ended.status, body: ended.body.serializedText())
            }
            note(took.milliseconds, ended.body["teardown_ms"]?.double ?? 0)
        }
        await server.shutDown()
        await twilio.shutdown()
        await model.shutdown()
        try await client.shutdown()
    }
}
