import Foundation

/// The simulation of nodes as a command shows it.
package struct NodeSimulationConsole: Sendable {
    package var seeds: Range<UInt64>
    /// Plays only this seed, and shows its trace.
    package var seed: UInt64?
    package var threads: Int
    package var failures: Int
    package var json = false

    package init(
        seeds: Range<UInt64>,
        seed: UInt64? = nil,
        threads: Int = ProcessInfo.processInfo.activeProcessorCount,
        failures: Int = 5
    ) {
        self.seeds = seeds
        self.seed = seed
        self.threads = threads
        self.failures = failures
    }

    /// - Returns: true if no promise was broken.
    package func run() async -> Bool {
        if let seed { return show(seed) }
        let began = ContinuousClock.now
        let report = await NodeSimulation(seeds: seeds, threads: threads, failureLimit: failures).run()
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        if json { showJSON(report, seconds) } else { showText(report, seconds) }
        return report.failures.isEmpty
    }

    private func show(_ seed: UInt64) -> Bool {
        let outcome = NodeSimulation.outcome(of: seed, isTraced: true)
        if json {
            Self.write(Self.json(["seed": seed, "violations": outcome.violations, "trace": outcome.trace]))
        } else {
            Self.write(Self.trace(outcome, of: seed))
        }
        return outcome.violations.isEmpty
    }

    private static func trace(_ outcome: NodeSimulation.Outcome, of seed: UInt64) -> String {
        let lines = outcome.trace.map { "    " + $0 }
        let verdict = outcome.violations.isEmpty ? ["all kept"] : outcome.violations.map { "VIOLATION " + $0 }
        return (["seed \(seed): milliseconds of virtual time, and what happened"] + lines + verdict)
            .joined(separator: "\n") + "\n"
    }

    private func showText(_ report: NodeSimulation.Report, _ seconds: Double) {
        var text = NodeSimulationCounts.Event.allCases.map { "\($0.rawValue) \(report.counts[$0])" }
            .joined(separator: ", ")
        text += String(format: "\n%d seeds in %.1f s; %d failed\n", report.played, seconds, report.failures.count)
        for failure in report.failures {
            text += "seed \(failure.seed): \(failure.violations.joined(separator: "; "))\n"
        }
        if let first = report.failures.first {
            text += Self.trace(NodeSimulation.outcome(of: first.seed, isTraced: true), of: first.seed)
        }
        Self.write(text)
    }

    private func showJSON(_ report: NodeSimulation.Report, _ seconds: Double) {
        let counts = NodeSimulationCounts.Event.allCases.map { ($0.rawValue, report.counts[$0]) }
        let failures = report.failures.map { ["seed": $0.seed, "violations": $0.violations] as [String: Any] }
        Self.write(
            Self.json([
                "seeds": report.played, "first_seed": seeds.lowerBound, "seconds": seconds, "failures": failures,
                "counts": Dictionary(uniqueKeysWithValues: counts),
            ])
        )
    }

    private static func json(_ value: [String: Any]) -> String {
        guard let data = try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .prettyPrinted])
        else { return "{}\n" }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    private static func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
