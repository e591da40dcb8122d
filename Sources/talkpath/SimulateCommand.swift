import ArgumentParser
import Foundation
import TalkpathAudio
import TalkpathSimulators
import TalkpathWire
import UnixSignals

/// `talkpath simulate …`: a fake carrier or model as a server of its own.
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Plays calls on virtual time, or runs a fake carrier or a fake model on loopback.",
        subcommands: [
            SimulateSessionsCommand.self, Twilio.self, OpenAI.self, Gemini.self, SimulateCapturesCommand.self,
        ]
    )

    struct Common: ParsableArguments {
        @Option(help: "The port to listen on.")
        var port: Int

        @Option(help: "A conversation to play, such as fixtures/calls/barge-in.")
        var conversation: String?

        func load() throws -> Conversation? {
            try conversation.map { try Conversation(directory: $0) }
        }
    }

    /// What both fake models take.
    struct Model: ParsableArguments {
        @OptionGroup var common: Common
        @Flag(help: "Say back what is heard, whatever the conversation.") var echo = false
        @Option(help: "The key clients must show.") var key: String?
        @Option(
            name: [.customLong("behaviour"), .customLong("behavior")],
            help: .init(
                "What real models do, by name, with commas between; or random, or random:SEED.",
                valueName: "names"
            ),
            transform: Self.habits
        )
        var behaviour = ModelHabits.none

        static let discussion = """
            --behaviour plays what real models do and clients seldom expect. What comes over answers spares the first, \
            and then takes turns:

            """
            + ModelHabit.allCases.map {
                "  \($0.rawValue.padding(toLength: 20, withPad: " ", startingAt: 0)) \($0.meaning)"
            }
            .joined(separator: "\n")

        @Sendable private static func habits(named words: String) throws -> ModelHabits {
            guard let habits = ModelHabits(words: words) else {
                let known = ModelHabit.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError(
                    "'\(words)' is no list of behaviours. Known are \(known); or random, or random:SEED."
                )
            }
            return habits
        }

        /// Runs until it is interrupted.
        func run(_ provider: AgentProvider) async throws {
            let conversation = echo ? nil : try common.load()
            let server = try await FakeModel.start(
                provider,
                FakeAgentConfiguration(
                    port: common.port,
                    apiKey: key,
                    script: conversation?.agent ?? .echo,
                    habits: behaviour,
                    keepsAudio: false,
                    timeline: SimulatorTimeline(handler: Narration.print)
                )
            )
            Narration.say("\(provider.rawValue) is simulated. For the server:")
            let address = provider == .openai ? "OPENAI_REALTIME_URL" : "GEMINI_LIVE_URL"
            let secret = provider == .openai ? "OPENAI_API_KEY" : "GEMINI_API_KEY"
            Narration.say("export \(address)=\(server.url) \(secret)=\(key ?? "any")")
            await Interruption.wait()
            await server.shutdown()
        }
    }

    struct OpenAI: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "openai",
            abstract: "OpenAI Realtime: plays a conversation, or says back what it hears.",
            discussion: Model.discussion
        )

        @OptionGroup var model: Model

        func run() async throws { try await model.run(.openai) }
    }

    struct Gemini: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gemini",
            abstract: "Gemini Live: plays a conversation, or says back what it hears.",
            discussion: Model.discussion
        )

        @OptionGroup var model: Model

        func run() async throws { try await model.run(.gemini) }
    }

    struct Twilio: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "twilio",
            abstract: "Twilio: REST, webhooks, and a person on the phone who plays a conversation.",
            discussion: """
                Account and token are those of TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or made-up ones; the key of \
                TWILIO_API_KEY and TWILIO_API_SECRET will do as well. It prints what a server needs to use it. The \
                account owns the numbers of --number, or that of TWILIO_FROM_NUMBER, and calls from no other; if \
                neither is given, from any. With --dial-in URL it calls that voice webhook at once.
                """
        )

        @OptionGroup var common: Common
        @Option(help: "host:port of the server under trial, whatever its public URL says.") var connectTo: String?
        @Option(help: "A voice webhook to call at once, as an inbound call.") var dialIn: String?
        @Option(help: "A number of the account's; may be given several times. Calls from others are refused.")
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
            // One's own token is not shown.
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

/// What a simulator sees, a line each.
enum Narration {
    /// When the first line was said.
    private static let start = SimulatorClock().now()

    /// At once, in a pipe too.
    static func say(_ line: String) {
        _ = start
        FileHandle.standardOutput.write(Data("\(line)\n".utf8))
    }

    @Sendable static func print(_ event: SimulatorEvent) {
        let seconds = max(0, event.instant.milliseconds(since: start) / 1000)
        say(String(format: "%9.3f", seconds) + "  \(event.source.rawValue) \(event.subject)  \(event.kind)")
    }
}

/// Waits for SIGINT or SIGTERM.
enum Interruption {
    static func wait() async {
        for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return }
    }
}
