import AsyncHTTPClient
import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulation
import TalkpathSimulators
import TalkpathWire

/// Plays live tests: the real server on loopback, the model of the agent over the network, and a caller in real time.
struct LiveStage {
    let test: LiveTest
    /// Keys and addresses of models, as for `talkpath serve`.
    let environment: [String: String]

    /// The reason why the call could not be played.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    func play() async throws -> PlayedCall {
        // All that may be missing is missed before the model costs anything.
        let script = try await phoneScript()
        let persona = try personaCaller()
        let folder = NSTemporaryDirectory() + "talkpath-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var parts = TalkpathServer.Parts()
        parts.tools = functions
        let server = try await TalkpathServer.start(try configuration(folder), parts: parts)
        let result: Result<(id: String, slips: [String]), any Error>
        do {
            result = .success(try await converse(server, script, persona))
        } catch {
            result = .failure(error)
        }
        // The capture is complete once the server has stopped.
        await server.shutDown()
        let (id, slips) = try result.get()
        var played = try CapturedStage(path: "\(folder)/\(id).tpcap").play()
        played.slips = slips
        // A replay is how the call is read, and not what is tested.
        played.differences = []
        return played
    }

    // MARK: The server

    /// The settings that reach the model. No other reaches the server: it may send nobody anything about the call, and
    /// keeps nothing.
    private static let settings: Set = [
        "OPENAI_API_KEY", "OPENAI_REALTIME_URL", "OPENAI_REALTIME_SERVICE", "OPENAI_MODEL", "OPENAI_LIVE_URL",
        "OPENAI_LIVE_MODEL", "GEMINI_API_KEY", "GEMINI_LIVE_URL", "GEMINI_MODEL", "TALKPATH_SOCKET_URL",
        "TALKPATH_SOCKET_KEY", "TALKPATH_SOCKET_HEADER", "TALKPATH_AGENT_SETUP_TIMEOUT_S", "TALKPATH_RESAMPLER",
        "TALKPATH_RESAMPLER_PROFILE",
    ]

    static func settings(of environment: [String: String]) -> [String: String] {
        environment.filter { settings.contains($0.key) }
    }

    private func configuration(_ folder: String) throws -> ServerConfiguration {
        var settings = Self.settings(of: environment)
        settings["TALKPATH_AGENT_PROVIDER"] = test.provider.rawValue
        settings["TALKPATH_CAPTURE"] = "wire"
        settings["TALKPATH_RECORDINGS_DIR"] = folder
        settings["TALKPATH_LOG_LEVEL"] = "critical"
        do {
            return try ServerConfiguration.read(environment: settings, isDevelopment: true) { configuration in
                configuration.port = 0
                configuration.host = "127.0.0.1"
            }
        } catch {
            throw Failure(description: error.problems.map { "\($0)" }.joined(separator: "; "))
        }
    }

    private var functions: ToolFunctions {
        var functions = ToolFunctions()
        for (name, stub) in test.tools {
            let output = stub.output.string ?? stub.output.serializedText()
            functions = functions.adding(AgentTool(name: name, description: name)) { _ in
                try await Task.sleep(for: .milliseconds(stub.milliseconds))
                return output
            }
        }
        return functions
    }

    // MARK: The call

    /// - Returns: the call's name, once it has ended, and where it did not go as the test's script.
    private func converse(
        _ server: TalkpathServer,
        _ script: PhoneScript,
        _ persona: PersonaCaller?
    ) async throws -> (id: String, slips: [String]) {
        let api = LoopbackClient(client: .shared, origin: "http://127.0.0.1:\(server.port)")
        let begun = try await api.post("/api/web-calls", ["agent": test.agent])
        guard begun.status == 201, let id = begun.body["call_id"]?.string, let path = begun.body["media_path"]?.string,
            let token = begun.body["token"]?.string
        else { throw LoopbackClient.Refusal(begun) }
        let caller = try await WebCaller.connect(port: server.port, path: path, token: token, script)
        let limit = Task { [longest = test.longest] in
            try await Task.sleep(for: longest)
            await caller.hangUp()
        }
        defer { limit.cancel() }
        if let persona {
            while await caller.waitForAnswer(silentFor: PersonaCaller.silence) {
                try await persona.goOn(caller, api, id)
            }
        }
        await caller.waitForEnd()
        limit.cancel()
        let isCut = (try? await limit.value) != nil
        _ = await server.manager.session(CallID(id))?.waitForEnd()
        return (id, await slips(caller, script, isCut: isCut))
    }

    private func slips(_ caller: WebCaller, _ script: PhoneScript, isCut: Bool) async -> [String] {
        var slips = await caller.impatientTurns.map {
            "the caller waited \(Self.patience.wholeMilliseconds) ms for the agent before step \($0 + 1)"
        }
        if isCut {
            slips.append("the call was still live after \(test.longest.wholeMilliseconds) ms: the caller hung up")
        }
        let left = await caller.turnsLeft
        if left > 0 {
            // The turns of a persona are not numbered.
            let step = script.turns.count - left + 1
            slips.append(step > 0 ? "the call ended before the caller's step \(step)" : "the caller was not heard out")
        }
        return slips
    }

    // MARK: The caller

    /// The time after which a caller goes on although the agent is silent.
    private static let patience = Duration.seconds(12)

    private func phoneScript() async throws -> PhoneScript {
        let words = SpokenWords(environment: environment)
        switch test.caller {
        case .persona(let persona):
            let opening = PhoneScript.Turn(
                isGreeted ? .agentEnds(after: .milliseconds(700)) : .start(after: .seconds(1)),
                .speech(try await words.spoken(persona.opening)),
                text: persona.opening,
                patience: Self.patience
            )
            return PhoneScript(turns: [opening])
        case .scripted(let steps, let clips):
            var script = PhoneScript(ending: .hangsUpWhenAgentEnds(after: .seconds(1)))
            for (number, step) in steps.enumerated() {
                switch step.deed {
                case .speaks(let text, _):
                    let samples =
                        if let clip = clips[number] { try SpokenWords.clip(clip) } else { try await words.spoken(text) }
                    script.turns.append(turn(step, isFirst: number == 0, .speech(samples), text))
                case .presses(let keys): script.turns.append(turn(step, isFirst: number == 0, .keys(keys), ""))
                case .stays(let milliseconds): script.ending = .hangsUp(after: .milliseconds(milliseconds))
                case .hangsUp:
                    if case .afterAgent(let wait) = step.moment {
                        script.ending = .hangsUpWhenAgentEnds(after: .milliseconds(wait))
                    }
                }
            }
            return script
        }
    }

    private var isGreeted: Bool { test.agent["first_message"]?.string?.isEmpty == false }

    private func turn(
        _ step: TalkScript.CallerStep,
        isFirst: Bool,
        _ content: PhoneScript.Turn.Content,
        _ text: String
    ) -> PhoneScript.Turn {
        let moment: PhoneScript.Turn.Moment =
            switch step.moment {
            case .at(let time): .start(after: .milliseconds(time))
            case .intoAgent(let wait): .agentStarts(after: .milliseconds(wait))
            case .afterAgent(let wait):
                isFirst && !isGreeted ? .start(after: .milliseconds(wait)) : .agentEnds(after: .milliseconds(wait))
            }
        return PhoneScript.Turn(moment, content, text: text, patience: Self.patience)
    }

    private func personaCaller() throws -> PersonaCaller? {
        guard case .persona(let persona) = test.caller else { return nil }
        return PersonaCaller(
            persona,
            model: try TextModel(environment: environment),
            words: SpokenWords(environment: environment)
        )
    }
}
