import ArgumentParser
import Foundation
import TalkpathSimulators

#if os(Linux)
/// `talkpath-bench end`: measures how long it takes to end a call and confirm the end.
struct BenchEndCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end",
        abstract: "End calls in every state, and measure until everything is closed.",
        discussion: """
            Real sockets on loopback, a carrier that answers at once, a model that echoes. Calls are ended one at a \
            time, while others, whose audio flows both ways, go on.
            """
    )

    @Option(help: "How many calls are ended in each state.")
    var calls = 50

    @Option(help: "How many others go on meanwhile.")
    var active = 100

    @Flag(help: "Print JSON.")
    var json = false

    struct Row: Codable {
        var state: String
        var active: Int
        /// From the request to its answer, as the client measures it.
        var request: Spread?
        /// The duration in the receipt.
        var teardown: Spread?
    }

    func validate() throws {
        guard (1...100_000).contains(calls) else { throw ValidationError("--calls must be from 1 to 100000") }
        guard (0...10_000).contains(active) else { throw ValidationError("--active must be from 0 to 10000") }
    }

    func run() async throws {
        BridgeUnderLoadCommand.raiseDescriptorLimit()
        let progress = LoadProgress(isWanted: !json || isatty(STDERR_FILENO) != 0)
        var rows: [Row] = []
        for state in EndStage.State.allCases {
            progress.note("\(state.rawValue): \(calls) calls, \(active) others")
            let times = try await EndStage(state: state, calls: calls, active: active).run()
            rows.append(
                Row(
                    state: state.rawValue,
                    active: active,
                    request: Spread(times.map(\.request)),
                    teardown: Spread(times.map(\.teardown))
                )
            )
        }
        print(json ? try Self.json(rows) : table(rows))
    }

    private static func json(_ rows: [Row]) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(rows), as: UTF8.self)
    }

    private func table(_ rows: [Row]) -> String {
        let head = "end(), \(calls) calls each, \(active) others going on, ms"
        var lines = [head.padding(toLength: 58, withPad: " ", startingAt: 0) + "p50      p95      p99      max"]
        for row in rows {
            for (name, spread) in [("request to answer", row.request), ("teardown in the receipt", row.teardown)] {
                guard let spread else { continue }
                let label = "\(row.state): \(name)".padding(toLength: 52, withPad: " ", startingAt: 0)
                let cells = [spread.p50, spread.p95, spread.p99, spread.maximum].map { value in
                    let text = value.formatted(2)
                    return String(repeating: " ", count: max(0, 9 - text.count)) + text
                }
                lines.append(label + cells.joined())
            }
        }
        return lines.joined(separator: "\n")
    }
}
#endif
