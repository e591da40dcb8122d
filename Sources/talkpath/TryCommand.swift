import ArgumentParser
import Foundation
import Logging
import NIOHTTP1
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire

/// Runs a server on this machine only, and opens the console where one talks to an agent with the browser's microphone.
struct TryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "try",
        abstract: "Talk to an agent in the browser.",
        discussion: """
            Starts a server for this machine alone and opens its console: the browser is the telephone. With \
            OPENAI_API_KEY or GEMINI_API_KEY in the environment you talk to the real model; without a key, to a \
            simulated one that repeats your words. No carrier takes part, and nothing is dialled.

            Settings come from the environment, as for `talkpath serve`; calls and agents are forgotten afterwards. \
            Interrupt with Ctrl-C.
            """
    )

    @Option(name: .long, help: ArgumentHelp("The agent, as JSON; see docs/getting-started.md.", valueName: "file"))
    var agent: String?

    @Option(help: "The model's provider: openai or gemini. Without it, the one whose key is set.")
    var provider: AgentProvider?

    @Option(help: "The port to listen on; 0 takes a free one.", transform: Port.toListenOn)
    var port: Int?

    @Flag(help: "Talk to the simulated model, even if there is a key.")
    var simulated = false

    @Flag(inversion: .prefixedNo, help: "Open the page in the browser.")
    var open = true

    func run() async throws {
        let definition = try readAgent()
        var settings = ProcessInfo.processInfo.environment
        let provider = provider ?? Self.provider(definition, settings)
        settings[Setting.provider] = provider.rawValue
        settings[Setting.console] = "on"
        // Open to this machine only, and nothing of a trial is left behind.
        for name in Setting.dropped { settings[name] = nil }
        if settings[Setting.logLevel] == nil { settings[Setting.logLevel] = "warning" }

        var model: FakeModel?
        if simulated || !Self.isReachable(provider, definition, settings) {
            let fake = try await FakeModel.start(
                provider,
                FakeAgentConfiguration(apiKey: Self.modelKey, script: .parrot, keepsAudio: false)
            )
            settings[provider.keySetting] = Self.modelKey
            settings[provider.addressSetting] = fake.url
            model = fake
        }
        do {
            try await serve(settings, definition, model)
        } catch {
            await model?.shutdown()
            throw error
        }
        await model?.shutdown()
    }

    private func serve(_ settings: [String: String], _ definition: JSONValue?, _ model: FakeModel?) async throws {
        let configuration: ServerConfiguration
        do {
            configuration = try ServerConfiguration.read(environment: settings, isDevelopment: true) { configuration in
                if let port { configuration.port = port }
                // A setting of TALKPATH_HTTP_HOST is for the server that others reach.
                configuration.host = "127.0.0.1"
            }
        } catch {
            throw CommandFailure(error.problems.map { "\($0)" }.joined(separator: "\n"))
        }
        LoggingSystem.bootstrap { [format = configuration.logFormat] label in format.makeHandler(label: label) }
        let server: TalkpathServer
        do {
            server = try await TalkpathServer.start(configuration)
        } catch {
            throw CommandFailure(ServeCommand.obstacle(error, configuration))
        }
        do {
            let origin = "http://127.0.0.1:\(server.port)"
            let page = origin + "/console#/talk" + (try await keep(definition, at: origin).map { "/\($0)" } ?? "")
            print(
                """
                Talk to the agent:  \(page)
                The model:          \(words(for: model, configuration))
                Ctrl-C ends the call and stops.
                """
            )
            fflush(nil)
            if open { Self.show(page) }
            await Interruption.wait()
        } catch {
            await server.shutDown()
            throw error
        }
        await server.shutDown()
    }

    private func words(for model: FakeModel?, _ configuration: ServerConfiguration) -> String {
        let agent = configuration.agent
        guard model != nil else { return "\(agent.provider.rawValue), \(agent.model)" }
        return "simulated; it repeats your words (the real one needs \(agent.provider.needs))"
    }

    // MARK: The agent

    private func readAgent() throws -> JSONValue? {
        guard let agent else { return nil }
        let bytes: [UInt8]
        do {
            bytes = Array(try Data(contentsOf: URL(filePath: agent)))
        } catch {
            throw CommandFailure("--agent: \(ErrorWords.of(error))")
        }
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw CommandFailure.wrongContent("\(agent) is not JSON: \(error.detail)")
        }
    }

    /// Keeps the agent of the file on the server, which names its faults.
    /// - Returns: its id.
    private func keep(_ definition: JSONValue?, at origin: String) async throws -> String? {
        guard let definition else { return nil }
        let client = ControlClient(origin: origin, source: "the server of this command", key: nil)
        return try await client.expect(.POST, "/api/agents", definition)["agent_id"]?.string
    }

    /// The provider that the agent names, else the settings, else the one whose key is there.
    private static func provider(_ definition: JSONValue?, _ settings: [String: String]) -> AgentProvider {
        let named = definition?["provider"]?.string ?? settings[Setting.provider]
        if let provider = named.flatMap(AgentProvider.init) { return provider }
        let hasKey = { (provider: AgentProvider) in !(settings[provider.keySetting] ?? "").isEmpty }
        return hasKey(.gemini) && !hasKey(.openai) ? .gemini : .openai
    }

    /// True if the real model can be reached: a provider needs a key, a socket agent an address.
    private static func isReachable(
        _ provider: AgentProvider,
        _ definition: JSONValue?,
        _ settings: [String: String]
    ) -> Bool {
        switch provider {
        case .openai, .gemini, .openaiLive: !(settings[provider.keySetting] ?? "").isEmpty
        case .socket: !(settings[provider.addressSetting] ?? "").isEmpty || definition?["socket"]?["url"] != nil
        }
    }

    // MARK: The browser

    /// Asks the desktop to show the page, where there is one. A browser that does not come is no failure: the address
    /// stands above.
    private static func show(_ page: String) {
        let environment = ProcessInfo.processInfo.environment
        #if os(macOS)
        let command = "/usr/bin/open"
        #else
        guard environment["DISPLAY"] != nil || environment["WAYLAND_DISPLAY"] != nil else { return }
        let command = "/usr/bin/xdg-open"
        #endif
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command)
        process.arguments = [page]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try? process.run()
    }

    private static let modelKey = "simulated"

    private enum Setting {
        static let provider = "TALKPATH_AGENT_PROVIDER"
        static let console = "TALKPATH_CONSOLE"
        static let logLevel = "TALKPATH_LOG_LEVEL"
        static let dropped = ["TALKPATH_API_KEYS", "TALKPATH_DATA_FOLDER", "TALKPATH_DATABASE_URL"]
    }
}

extension AgentProvider {
    fileprivate var keySetting: String {
        switch self {
        case .openai, .openaiLive: "OPENAI_API_KEY"
        case .gemini: "GEMINI_API_KEY"
        case .socket: "TALKPATH_SOCKET_KEY"
        }
    }

    /// The setting without which only the simulated model is there.
    fileprivate var needs: String { self == .socket ? addressSetting : keySetting }

    fileprivate var addressSetting: String {
        switch self {
        case .openai: "OPENAI_REALTIME_URL"
        case .openaiLive: "OPENAI_LIVE_URL"
        case .gemini: "GEMINI_LIVE_URL"
        case .socket: "TALKPATH_SOCKET_URL"
        }
    }
}
