import AsyncHTTPClient
import Foundation
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

    /// Why the call could not be played.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    func play() async throws -> PlayedCall {
        let script = try phoneScript()
        let folder = NSTemporaryDirectory() + "talkpath-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var parts = TalkpathServer.Parts()
        parts.tools = functions
        let server = try await TalkpathServer.start(try configuration(folder), parts: parts)
        let result: Result<String, any Error>
        do {
            result = .success(try await converse(server, script))
        } catch {
            result = .failure(error)
        }
        // The capture is complete once the server has stopped.
        await server.shutDown()
        var played = try CapturedStage(path: "\(folder)/\(try result.get()).tpcap").play()
        // A replay is how the call is read, and not what is tested.
        played.differences = []
        return played
    }

    // MARK: The server

    private static let dropped = [
        "TALKPATH_API_KEYS", "TALKPATH_DATA_FOLDER", "TALKPATH_DATABASE_URL", "TALKPATH_WEBHOOK_URL",
        "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN",
    ]

    private func configuration(_ folder: String) throws -> ServerConfiguration {
        // What is ours is no setting of the server.
        var settings = environment.filter { !$0.key.hasPrefix("TALKPATH_TEST_") }
        for name in Self.dropped { settings[name] = nil }
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

    /// - Returns: the call's name, once it has ended.
    private func converse(_ server: TalkpathServer, _ script: PhoneScript) async throws -> String {
        let api = LoopbackClient(client: .shared, origin: "http://127.0.0.1:\(server.port)")
        let begun = try await api.post("/api/web-calls", ["agent": test.agent])
        guard begun.status == 201, let id = begun.body["call_id"]?.string, let path = begun.body["media_path"]?.string,
            let token = begun.body["token"]?.string
        else { throw LoopbackClient.Refusal(begun) }
        let caller = try await WebCaller.connect(port: server.port, path: path, token: token, script)
        let deadline = ContinuousClock().now + test.longest
        let persona = try personaCaller()
        while await !caller.isOver, ContinuousClock().now < deadline {
            if let persona { try await persona.goOn(caller, api, id) }
            try await Task.sleep(for: .milliseconds(50))
        }
        if await !caller.isOver { await caller.hangUp() }
        _ = await server.manager.session(CallID(id))?.waitForEnd()
        return id
    }

    // MARK: The caller

    private func phoneScript() throws -> PhoneScript {
        let words = SpokenWords(environment: environment)
        switch test.caller {
        case .persona(let persona):
            let opening = PhoneScript.Turn(
                isGreeted ? .agentEnds(after: .milliseconds(700)) : .start(after: .seconds(1)),
                .speech(try words.spoken(persona.opening)),
                text: persona.opening,
                patience: .seconds(12)
            )
            return PhoneScript(turns: [opening])
        case .scripted(let steps, let clips):
            var script = PhoneScript(ending: .hangsUpWhenAgentEnds(after: .seconds(1)))
            for (number, step) in steps.enumerated() {
                switch step.deed {
                case .speaks(let text, _):
                    let samples = try clips[number].map(SpokenWords.clip) ?? words.spoken(text)
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
        return PhoneScript.Turn(moment, content, text: text, patience: .seconds(12))
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
