import AsyncHTTPClient
import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire

/// A fake carrier, a fake model, and the real server, which captures the call.
struct CaptureStage {
    let scene: CaptureScene
    let provider: AgentProvider
    let recordings: String

    private static let token = "0123456789abcdef0123456789abcdef"
    private static let account = "AC00000000000000000000000000000001"

    static let tools = ToolFunctions()
        .adding(
            AgentTool(
                name: "weather",
                description: "Tells the weather at a place.",
                parameters: #"{"type":"object","properties":{"place":{"type":"string"}}}"#
            )
        ) { _ in #"{"weather":"rain"}"# }

    /// - Returns: the call's name, once the call has ended and its capture is closed.
    func play() async throws -> String {
        let timeline = SimulatorTimeline()
        let model = try await FakeModel.start(
            provider,
            FakeAgentConfiguration(apiKey: "key", script: scene.agent, faults: scene.faults, timeline: timeline)
        )
        let twilio = try await FakeTwilio.start(
            FakeTwilioConfiguration(
                accountSID: Self.account,
                authToken: Self.token,
                behavior: CallBehavior(
                    outcome: .answers(ringing: .milliseconds(300)),
                    party: scene.lines.map { .replay($0) } ?? .person(scene.phone),
                    markDelay: scene.markDelay
                ),
                timeline: timeline
            )
        )
        var parts = TalkpathServer.Parts()
        parts.tools = Self.tools
        let server = try await TalkpathServer.start(configuration(model.url, twilio.baseURL), parts: parts)
        let result: Result<String, any Error>
        do {
            result = .success(try await converse(server, timeline))
        } catch {
            result = .failure(error)
        }
        await server.shutDown()
        await twilio.shutdown()
        await model.shutdown()
        return try result.get()
    }

    private func configuration(_ model: String, _ carrier: String) throws -> ServerConfiguration {
        var settings = [
            "TALKPATH_HTTP_PORT": "0", "TALKPATH_LOG_LEVEL": "error", "TALKPATH_AGENT_PROVIDER": provider.rawValue,
            "TALKPATH_AGENT_INSTRUCTIONS": "You answer the phone of the Harbour Street clinic.",
            "TALKPATH_CAPTURE": "wire", "TALKPATH_RECORDINGS_DIR": recordings,
            "TWILIO_ACCOUNT_SID": Self.account, "TWILIO_AUTH_TOKEN": Self.token,
            "TWILIO_FROM_NUMBER": "+15550100100", "TWILIO_API_BASE_URL": carrier,
        ]
        settings["TALKPATH_AGENT_FIRST_MESSAGE"] = "Greet the caller."
        switch provider {
        case .openai:
            // One scene converts its audio; all others pass it through.
            settings["TALKPATH_AGENT_FORMAT"] = scene.name == "plain-conversation" ? "pcm" : "pcmu"
            settings["OPENAI_API_KEY"] = "key"
            settings["OPENAI_REALTIME_URL"] = model
        case .openaiLive:
            settings["OPENAI_API_KEY"] = "key"
            settings["OPENAI_LIVE_URL"] = model
        case .gemini:
            settings["GEMINI_API_KEY"] = "key"
            settings["GEMINI_LIVE_URL"] = model
        case .socket:
            settings["TALKPATH_SOCKET_KEY"] = "key"
            settings["TALKPATH_SOCKET_URL"] = model
        }
        return try ServerConfiguration.read(environment: settings, isDevelopment: true, override: scene.change)
    }

    private func converse(_ server: TalkpathServer, _ timeline: SimulatorTimeline) async throws -> String {
        let api = LoopbackClient(client: .shared, origin: "http://127.0.0.1:\(server.port)")
        let placed = try await api.post("/api/calls", ["to": "+15550100199"])
        guard placed.status == 201, let id = placed.body["call_id"]?.string else {
            throw LoopbackClient.Refusal(placed)
        }
        guard let session = await server.manager.session(CallID(id)) else { return id }
        try await timeline.waitFor(within: .seconds(20)) {
            if case .streamStarted = $0.kind { true } else { false }
        }
        if let delay = scene.machineAfter {
            try await Task.sleep(for: delay)
            await session.machineDetected(.machine)
        }
        // A call that takes longer has gone wrong, and would end for another reason than the scene's.
        let patience = scene.machineAfter == nil ? scene.endsAfter ?? .seconds(25) : .seconds(5)
        let deadline = ContinuousClock().now + patience
        while await session.snapshot().receipt == nil, ContinuousClock().now < deadline {
            try await Task.sleep(for: .milliseconds(20))
        }
        _ = try await api.post("/api/calls/\(id)/end", ["reason": "The scene is over"])
        _ = await session.waitForEnd()
        return id
    }
}
