import TalkpathSimulation
import Testing

/// Several nodes on one database, on virtual time.
@Suite struct NodeSimulationTests {
    private static let seeds = TestSeeds.given ?? 1000

    @Test func `through all faults each call has one node, one end and one hang-up`() async {
        let report = await NodeSimulation(seeds: 0..<Self.seeds, threads: 2).run()
        for failure in report.failures {
            Issue.record("seed \(failure.seed): \(failure.violations.joined(separator: "; "))")
        }
        #expect(report.played == Int(Self.seeds) || !report.failures.isEmpty)
        // Each of these occurs once in some ten runs or more often.
        guard Self.seeds >= 200 else { return }
        for event in NodeSimulationCounts.Event.allCases { #expect(report.counts[event] > 0, "\(event)") }
    }

    @Test(arguments: [3, 17, 99, 1234] as [UInt64])
    func `a seed of nodes replays to the same trace`(seed: UInt64) {
        let first = NodeSimulation.outcome(of: seed, isTraced: true)
        let second = NodeSimulation.outcome(of: seed, isTraced: true)
        #expect(first.trace.count > 5)
        #expect(first.trace == second.trace)
    }
}
