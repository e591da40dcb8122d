import ArgumentParser
import TalkpathSimulation

/// `talkpath simulate sessions`: plays complete calls on virtual time, one for each seed.
struct SimulateSessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "Play whole calls on virtual time, with everything that can go wrong, and judge every end.",
        discussion: """
            Each seed is one call: the real session between a simulated carrier, model, store and caller that delay, fail, \
            reorder, repeat or never answer, and up to eight clients that end it. Each call must have one terminal event, \
            one receipt for every waiter, no open socket, an ended call at the carrier, no audio after the end, and a \
            bounded time. The command then prints the events for each state of a call. Some seeds are a conversation as \
            well, in which caller and model repeat observed behaviour of real ones.

            A seed that fails is printed with its trace. The same build plays a seed the same way every time.
            """
    )

    @Option(help: "How many seeds.")
    var seeds: UInt64 = 20_000

    @Option(help: "The first of them.")
    var first: UInt64 = 0

    @Option(help: "Play this seed only, and show its trace.")
    var seed: UInt64?

    @Option(help: "How many threads; without it, one for each processor.")
    var threads: Int?

    @Flag(help: "Play each seed's conversation, with every provider, and nothing else.")
    var conversations = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard seeds > 0 else { throw ValidationError("--seeds must be at least 1") }
        guard !first.addingReportingOverflow(seeds).overflow else { throw ValidationError("--first is too large") }
        guard threads.map({ $0 > 0 }) ?? true else { throw ValidationError("--threads must be at least 1") }
    }

    func run() async throws {
        var options = SessionSimulationConsole.Options()
        options.seeds = seeds
        options.first = first
        options.seed = seed
        options.threads = threads ?? options.threads
        options.json = json
        options.playsOnlyConversations = conversations
        guard await SessionSimulationConsole(options).run() else { throw ExitCode.failure }
    }
}
