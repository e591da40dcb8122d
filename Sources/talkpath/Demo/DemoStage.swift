import AsyncHTTPClient
import Foundation
import Logging
import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulation
import TalkpathSimulators
import TalkpathWire

/// The demo's servers, all on loopback: a fake carrier, a fake model, and the real bridge between them.
struct DemoStage {
    let provider: AgentProvider
    let format: AgentProfile.Format
    let conversation: Conversation
    /// The folder for the call's capture.
    let recordings: String

    private static let token = "0123456789abcdef0123456789abcdef"
    private static let account = "AC00000000000000000000000000000001"
    private static let modelKey = "demo-key"

    /// The reason why there is no report.
    enum Failure: Error, CustomStringConvertible {
        case notFound(String)

        var description: String {
            switch self {
            case .notFound(let what): "\(what) is missing from the records"
            }
        }
    }

    /// Plays the complete call.
    func play(on display: DemoDisplay) async throws -> DemoReport {
        let timeline = SimulatorTimeline()
        let model = try await FakeModel.start(
            provider,
            FakeAgentConfiguration(apiKey: Self.modelKey, script: conversation.agent, timeline: timeline)
        )
        let twilio = try await FakeTwilio.start(
            FakeTwilioConfiguration(
                accountSID: Self.account,
                authToken: Self.token,
                behavior: CallBehavior(
                    outcome: .answers(ringing: .milliseconds(400)),
                    party: .person(conversation.phone)
                ),
                timeline: timeline
            )
        )
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        let server = try await TalkpathServer.start(try configuration(model: model.url, carrier: twilio.baseURL))
        display.note(.bridge, "carrier \(twilio.baseURL)  bridge http://127.0.0.1:\(server.port)  model \(model.url)")

        let result: Result<Outcome, any Error>
        do {
            let api = LoopbackClient(client: client, origin: "http://127.0.0.1:\(server.port)")
            result = .success(try await converse(api, twilio, model, timeline, display))
        } catch {
            result = .failure(error)
        }
        await server.shutDown()
        await twilio.shutdown()
        await model.shutdown()
        try await client.shutdown()
        // The capture is complete once the server has stopped.
        return try report(try result.get())
    }

    private func configuration(model: String, carrier: String) throws -> ServerConfiguration {
        var settings = [
            "TALKPATH_HTTP_PORT": "0",
            "TALKPATH_AGENT_PROVIDER": provider.rawValue,
            "TALKPATH_AGENT_INSTRUCTIONS": "You answer the phone of the Harbour Street clinic.",
            "TALKPATH_AGENT_FIRST_MESSAGE": "Greet the caller.",
            "TALKPATH_LOG_LEVEL": "error",
            "TALKPATH_CAPTURE": "wire",
            "TALKPATH_RECORDINGS_DIR": recordings,
            "TWILIO_ACCOUNT_SID": Self.account,
            "TWILIO_AUTH_TOKEN": Self.token,
            "TWILIO_FROM_NUMBER": "+15550100100",
            "TWILIO_API_BASE_URL": carrier,
        ]
        switch provider {
        case .openai:
            settings["TALKPATH_AGENT_FORMAT"] = format.rawValue
            settings["OPENAI_API_KEY"] = Self.modelKey
            settings["OPENAI_REALTIME_URL"] = model
        case .openaiLive:
            settings["TALKPATH_AGENT_FORMAT"] = format.rawValue
            settings["OPENAI_API_KEY"] = Self.modelKey
            settings["OPENAI_LIVE_URL"] = model
        case .gemini:
            settings["GEMINI_API_KEY"] = Self.modelKey
            settings["GEMINI_LIVE_URL"] = model
        case .socket:
            settings["TALKPATH_AGENT_FORMAT"] = format.rawValue
            settings["TALKPATH_SOCKET_KEY"] = Self.modelKey
            settings["TALKPATH_SOCKET_URL"] = model
        }
        return try ServerConfiguration.read(environment: settings, isDevelopment: true)
    }

    // MARK: The call

    private func converse(
        _ api: LoopbackClient,
        _ twilio: FakeTwilio,
        _ model: FakeModel,
        _ timeline: SimulatorTimeline,
        _ display: DemoDisplay
    ) async throws -> Outcome {
        let events = timeline.stream()
        let narration = Task {
            var answers = 0
            for await event in events {
                if case .answerStarted = event.kind { answers += 1 }
                display.note(event, conversation: conversation, answer: answers - 1)
            }
        }
        let metering = Task { await meter(twilio, display) }
        defer {
            narration.cancel()
            metering.cancel()
            display.finish()
        }

        let placed = try await api.post("/api/calls", ["to": "+15550100199"])
        guard placed.status == 201, let id = placed.body["call_id"]?.string else {
            throw LoopbackClient.Refusal(placed)
        }
        display.note(.bridge, "POST /api/calls -> 201, call \(id)")

        try await waitForTheLastWord(timeline)
        let ended = try await api.post("/api/calls/\(id)/end", ["reason": "The demo is over"])
        display.note(.bridge, "POST /api/calls/\(id)/end -> \(ended.status)")
        let call = try await api.get("/api/calls/\(id)").body

        guard let sid = await twilio.records().first?.sid else { throw Failure.notFound("the carrier's call") }
        let record = try await twilio.waitUntilOver(sid, within: .seconds(5))
        guard let stream = record.streams.first else { throw Failure.notFound("the media stream") }
        guard let agent = await model.sessions().first else { throw Failure.notFound("the model's session") }
        let open = await model.openSessions()
        return Outcome(stream: stream, agent: agent, carrier: record, receipt: ended, call: call, openSessions: open)
    }

    /// Waits until the caller has said everything and has heard the last answer.
    private func waitForTheLastWord(_ timeline: SimulatorTimeline) async throws {
        let last = conversation.phone.turns.count - 1
        try await timeline.waitFor(within: .seconds(90)) { $0.kind == .userEnded(turn: last) }
        let position = timeline.count
        try await timeline.waitFor(after: position, within: .seconds(20)) { $0.kind == .agentFellSilent }
    }

    /// Draws both sides' levels, a fifth of a second at a time.
    private func meter(_ twilio: FakeTwilio, _ display: DemoDisplay) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: display.interval)
            guard let stream = await twilio.records().first?.streams.first, !Task.isCancelled else { continue }
            let (said, heard) = (Array(stream.said.suffix(1600)), Array(stream.heard.suffix(1600)))
            display.setLevels(
                caller: LevelMeter.level(ofMuLaw: said.span.bytes),
                agent: LevelMeter.level(ofMuLaw: heard.span.bytes)
            )
        }
    }

    // MARK: The report

    /// The records of both simulators, and the answers of the control API.
    private struct Outcome {
        var stream: MediaStreamRecord
        var agent: AgentRecord
        var carrier: CallRecord
        var receipt: LoopbackClient.Answer
        var call: JSONValue
        var openSessions: Int
    }

    private func report(_ outcome: Outcome) throws -> DemoReport {
        let (stream, agent, carrier) = (outcome.stream, outcome.agent, outcome.carrier)
        let (receipt, call, openSessions) = (outcome.receipt, outcome.call, outcome.openSessions)
        let picture = CallPicture(try Replay(try capture(of: call)).capture)
        let facts = CallTranscript(transcript: (call["transcript"]?.array ?? []).map(Self.turn))
        let metrics = DemoMetrics(
            stream: stream,
            agent: agent,
            call: facts,
            picture: picture,
            isContinuous: provider.isContinuous
        )
        var verdict = DemoVerdict()
        if provider.isContinuous {
            verdict.judgeContinuousUplink(stream, agent)
            verdict.judgeContinuousDownlink(stream, agent)
            verdict.judgeOwnSilence(agent, facts, expected: conversation.expected.interruptions)
            verdict.judgeBill(receipt)
        } else {
            verdict.judgeUplink(stream, agent)
            verdict.judgeDownlink(stream, agent, cut: metrics.heardAgainstBelieved)
            verdict.judgeInterruption(metrics, stream, expected: conversation.expected.interruptions)
        }
        verdict.judgeProtocol(stream, agent, carrier)
        verdict.judgeEnd(receipt, carrier: carrier, openSessions: openSessions)
        return DemoReport(
            metrics: metrics,
            verdict: verdict,
            receipt: receipt.body,
            call: call,
            stream: stream,
            picture: picture
        )
    }

    /// Renames the call's capture to `call.tpcap`.
    private func capture(of call: JSONValue) throws -> String {
        let folder = URL(fileURLWithPath: recordings)
        let capture = folder.appendingPathComponent("call.tpcap").path
        guard let id = call["call_id"]?.string,
            rename(folder.appendingPathComponent("\(id).tpcap").path, capture) == 0
        else { throw Failure.notFound("the call's capture") }
        return capture
    }

    private static func turn(_ json: JSONValue) -> CallTranscript.Turn {
        CallTranscript.Turn(
            role: json["role"]?.string ?? "",
            text: json["text"]?.string ?? "",
            milliseconds: json["at_ms"]?.int ?? 0,
            heardMilliseconds: json["heard_ms"]?.int
        )
    }
}
