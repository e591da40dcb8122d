import ArgumentParser
import Foundation
import TalkpathAudio
import TalkpathSimulators
import TalkpathWire
import UnixSignals

/// `talkpath simulate …`: runs a fake carrier or model as a server of its own.
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Play calls on virtual time, or run a fake carrier or a fake model on loopback.",
        subcommands: [
            SimulateSessionsCommand.self, SimulateNodesCommand.self, Twilio.self, OpenAI.self, OpenAILive.self,
            Gemini.self, Socket.self, SimulateCapturesCommand.self,
        ]
    )

    struct Common: ParsableArguments {
        @Option(help: "The port to listen on; 0 takes a free one.", transform: Port.toListenOn)
        var port: Int

        @Option(help: "A conversation to play, such as fixtures/calls/barge-in.")
        var conversation: String?

        func load() throws -> Conversation? {
            try conversation.map { try Conversation(directory: $0) }
        }
    }

    /// The options that both fake models share.
    struct Model: ParsableArguments {
        @OptionGroup var common: Common
        @Flag(help: "Repeat the caller's words, instead of playing a conversation.") var echo = false
        @Flag(help: "Say back each turn of the caller when it is over, instead of playing a conversation.")
        var parrot = false
        @Option(help: "The key that clients must show.") var key: String?
        @Option(
            name: [.customLong("behaviour"), .customLong("behavior")],
            help: .init(
                "Behaviours of real models, by name, separated by commas; or random, or random:SEED.",
                valueName: "names"
            ),
            transform: Self.behaviours
        )
        var behaviour = ModelBehaviours.none

        static let discussion = """
            --behaviour plays what real models do and clients seldom expect. Behaviours of answers spare the first \
            answer, and then take turns:

            """
            + ModelBehaviour.allCases.map { behaviour in
                // Wrap the text here: the parser would continue a line at the margin.
                let name = "  " + behaviour.rawValue.padding(toLength: 20, withPad: " ", startingAt: 0) + " "
                let lines = TextWrapping.lines(of: behaviour.meaning, width: 79 - name.count)
                return name + lines.joined(separator: "\n" + String(repeating: " ", count: name.count))
            }
            .joined(separator: "\n")

        @Sendable private static func behaviours(named words: String) throws -> ModelBehaviours {
            guard let behaviours = ModelBehaviours(words: words) else {
                let known = ModelBehaviour.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError(
                    "'\(words)' is not a list of behaviours; known are \(known), random and random:SEED"
                )
            }
            return behaviours
        }

        /// Runs until a signal interrupts it.
        func run(_ provider: AgentProvider) async throws {
            let conversation = echo || parrot ? nil : try common.load()
            let server = try await FakeModel.start(
                provider,
                FakeAgentConfiguration(
                    port: common.port,
                    apiKey: key,
                    script: conversation?.agent ?? (parrot ? .parrot : .echo),
                    behaviours: behaviour,
                    keepsAudio: false,
                    timeline: SimulatorTimeline(handler: Narration.print)
                )
            )
            Narration.say("\(provider.rawValue) is simulated. For the server:")
            let (address, secret) =
                switch provider {
                case .openai: ("OPENAI_REALTIME_URL", "OPENAI_API_KEY")
                case .openaiLive: ("OPENAI_LIVE_URL", "OPENAI_API_KEY")
                case .gemini: ("GEMINI_LIVE_URL", "GEMINI_API_KEY")
                case .socket: ("TALKPATH_SOCKET_URL", "TALKPATH_SOCKET_KEY")
                }
            Narration.say("export \(address)=\(server.url) \(secret)=\(key ?? "any")")
            await Interruption.wait()
            await server.shutdown()
        }
    }

    struct OpenAI: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "openai",
            abstract: "Run a fake OpenAI Realtime that plays a conversation or repeats the caller's words.",
            discussion: Model.discussion
        )

        @OptionGroup var model: Model

        func run() async throws { try await model.run(.openai) }
    }

    struct Gemini: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gemini",
            abstract: "Run a fake Gemini Live that plays a conversation or repeats the caller's words.",
            discussion: Model.discussion
        )

        @OptionGroup var model: Model

        func run() async throws { try await model.run(.gemini) }
    }

    struct OpenAILive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "openai-live",
            abstract: "Run a fake GPT-Live that plays a conversation or repeats the caller's words.",
            discussion: "Its clock stops while it is sent no audio."
        )

        @OptionGroup var model: Model

        func run() async throws { try await model.run(.openaiLive) }
    }

    struct Socket: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "socket",
            abstract:
                "Run a fake socket agent that plays a conversation or repeats the caller's words."
        )

        @OptionGroup var model: Model

        func run() async throws { try await model.run(.socket) }
    }

    struct Twilio: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "twilio",
            abstract: "Run a fake Twilio: REST, webhooks, and a person on the phone who plays a conversation.",
            discussion: """
                The account and token are those of TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or made-up ones; the key \
                of TWILIO_API_KEY and TWILIO_API_SECRET is accepted as well. The command prints the settings that a \
                server needs to use it. The account owns the numbers of --number, or that of TWILIO_FROM_NUMBER, and \
                refuses calls from others; without both it accepts any. With --dial-in it calls that voice webhook at \
                once.
                """
        )

        @OptionGroup var common: Common
        @Option(help: "host:port of the server under trial, in place of its public URL.") var connectTo: String?
        @Option(help: "A voice webhook to call at once, as an inbound call.") var dialIn: String?
        @Option(help: "A number that the account owns; may be given several times. Calls from others are refused.")
        var number: [String] = []

        func run() async throws {
            let environment = ProcessInfo.processInfo.environment
            let phone = try common.load()?.phone ?? .silent
            var configuration = FakeTwilioConfiguration(
                port: common.port,
                connectTo: connectTo,
                behavior: .answers(phone),
                keepsAudio: false,
                timeline: SimulatorTimeline(handler: Narration.print)
            )
            if let sid = environment["TWILIO_ACCOUNT_SID"] { configuration.accountSID = sid }
            if let token = environment["TWILIO_AUTH_TOKEN"] { configuration.authToken = token }
            configuration.numbers = number.isEmpty ? environment["TWILIO_FROM_NUMBER"].map { [$0] } ?? [] : number
            if let key = environment["TWILIO_API_KEY"], let secret = environment["TWILIO_API_SECRET"] {
                configuration.apiKeys[key] = secret
            }
            let own = configuration.numbers.first ?? "+15550100100"
            let server = try await FakeTwilio.start(configuration)
            Narration.say("Twilio is simulated. For the server:")
            Narration.say(
                "export TWILIO_API_BASE_URL=\(server.baseURL) TWILIO_FROM_NUMBER=\(own)"
                    + " TWILIO_ACCOUNT_SID=\(configuration.accountSID)"
            )
            // A token from the user's environment is not shown.
            let token = environment["TWILIO_AUTH_TOKEN"] == nil ? configuration.authToken : "$TWILIO_AUTH_TOKEN"
            Narration.say("export TWILIO_AUTH_TOKEN=\(token)")
            if let dialIn {
                _ = await server.dialIn(
                    from: "+15550100199",
                    to: own,
                    voiceURL: dialIn,
                    behavior: .answers(phone)
                )
            }
            await Interruption.wait()
            await server.shutdown()
        }
    }
}

/// Waits for SIGINT or SIGTERM.
enum Interruption {
    static func wait() async {
        for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return }
    }
}
