import TalkpathCore
import TalkpathServer
import TalkpathSimulation
import TalkpathWire

/// Plays scripted tests: the whole session on virtual time, a thousand times faster than it is.
struct ScriptedStage {
    let test: ScriptedTest

    /// The agent below a suite's own settings.
    static func base(_ provider: AgentProvider) -> AgentProfile {
        switch provider {
        case .openai: .openAI(key: "none", instructions: "")
        case .gemini: .gemini(key: "none", instructions: "")
        case .openaiLive: .openAILive(key: "none", instructions: "")
        case .socket: .socket(url: "")
        }
    }

    /// Plays the call on the calling thread. The same seed gives the same call.
    func play(seed: UInt64) -> PlayedCall {
        let profile = AgentFileCheck(test.agent.serialized(), over: Self.base(test.provider)).profile
        let tools = test.tools
        let talk = ScriptedTalk(
            test.script,
            provider: test.provider,
            seed: seed,
            limits: profile?.limits ?? CallLimits(),
            tool: { asked in
                guard let stub = tools[asked.name] else {
                    return (#"{"error":"the suite has no function of that name"}"#, 0)
                }
                return (stub.output.string ?? stub.output.serializedText(), stub.milliseconds)
            },
            configure: { if let profile { $0 = profile } }
        )
        let capture = talk.play()
        let record = talk.call.record
        var events: [CallEvent] = []
        for event in talk.call.events {
            events.append(CallEvent(callID: CallID("call"), at: .milliseconds(event.at), kind: event.kind))
        }
        var played = PlayedCall(
            events: events,
            transcript: record?.transcript ?? [],
            metrics: record?.metrics ?? CallMetrics(),
            capture: capture
        )
        // A function that the session carries out itself is told as an event only.
        let carriedOut = talk.toolCalls.map {
            PlayedCall.ToolCall(at: $0.at, name: $0.call.name, arguments: $0.call.arguments)
        }
        played.toolCalls = PlayedCall.merged(carriedOut, with: played.events)
        played.slips = talk.slips.map { "\($0.words), at \($0.at) ms" }
        return played
    }
}

extension PlayedCall {
    /// The functions of the events, with the arguments of those that were carried out.
    static func merged(_ calls: [ToolCall], with events: [Event]) -> [ToolCall] {
        var left = calls
        return events.filter { $0.kind == "tool_called" }.map { event in
            let name = event.json["name"]?.string ?? ""
            guard let place = left.firstIndex(where: { $0.name == name }) else {
                return ToolCall(at: event.at, name: name, arguments: "{}")
            }
            return left.remove(at: place)
        }
    }
}
