import ArgumentParser
import Foundation
import TalkpathSimulation

/// `talkpath simulate nodes`: plays several nodes on one database on virtual time, one run for each seed.
struct SimulateNodesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nodes",
        abstract: "Play several nodes on one database on virtual time, with faults, and judge who owns each call.",
        discussion: """
            Each seed is two to four nodes, whose processes are killed, stand still and come back, whose clocks are \
            wrong, and which are cut off from each other and from a database that is slow, away or restarted. The \
            decisions are the server's own. No two nodes may keep one call, no call may be left without a node for \
            five seconds, no call of a node that lives may be taken, and each call has one terminal event and, if it \
            was lost, an order to hang up.

            A seed that fails is printed with its trace; the status is 1 then. The same build plays a seed the same way \
            every time.
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

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard seeds > 0 else { throw ValidationError("--seeds must be at least 1") }
        guard !first.addingReportingOverflow(seeds).overflow else { throw ValidationError("--first is too large") }
        guard threads.map({ $0 > 0 }) ?? true else { throw ValidationError("--threads must be at least 1") }
    }

    func run() async throws {
        var console = NodeSimulationConsole(seeds: first..<first + seeds, seed: seed)
        console.threads = threads ?? console.threads
        console.json = json
        guard await console.run() else { throw ExitCode.failure }
    }
}
