import Foundation
import TalkpathCore
import TalkpathSimulation
import Testing

/// Whole sessions on virtual time. `TALKPATH_SEEDS=100000` plays that many, and a run under a sanitizer plays few;
/// `TALKPATH_SEED=17` prints one.
@Suite struct SessionSimulationTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seeds = TestSeeds.calls

    @Test func `every call ends once, every waiter gets its receipt, and no resource stays open`() async {
        let report = await SessionSimulation(seeds: 0..<Self.seeds, threads: 2).run()
        for failure in report.failures {
            Issue.record("seed \(failure.seed): \(failure.violations.joined(separator: "; "))")
        }
        #expect(report.played == Int(Self.seeds) || !report.failures.isEmpty)
        #expect(report.coverage.isPossible)
        // The table of events lists each event that can occur.
        let listed = Set(SessionInput.all)
        #expect(report.coverage.counts.keys.allSatisfy { listed.contains($0.input) })
        if Self.seeds >= SessionSimulationConsole.Options.seedsThatVisitAll {
            #expect(report.coverage.unvisited.isEmpty)
            #expect(report.coverage.unvisitedEndings.isEmpty)
        }
        // Each of these occurs about once in some hundred calls or more often.
        if Self.seeds >= 2000 {
            let usual: [EndReason] = [
                .endedByAPI, .callerHangup, .agentHangup, .maxDuration, .idleTimeout, .agentLost, .mediaLost, .failed,
                .transferred, .shutdown, .voicemail,
            ]
            for reason in usual { #expect(report.reasons[reason, default: 0] > 0, "\(reason)") }
        }
    }

    @Test func `a long run that has not reached every state fails`() async {
        let report = await SessionSimulation(seeds: 0..<100, threads: 2).run()
        #expect(!report.coverage.unvisited.isEmpty)
        #expect(SessionSimulationConsole.isGood(report, seeds: 99_999))
        #expect(!SessionSimulationConsole.isGood(report, seeds: 100_000))
    }

    @Test func `the last line of a long run names each pair that no call met, and a short run says nothing`()
        async throws
    {
        let report = await SessionSimulation(seeds: 0..<100, threads: 2).run()
        #expect(SessionSimulationConsole.complaints(report, seeds: 99_999).isEmpty)
        let lines = SessionSimulationConsole.complaints(report, seeds: 100_000)
        let line = try #require(lines.first)
        #expect(lines.count == 1 && line.hasPrefix("FAILED: 100 seeds did not visit "))
        let named = Set(
            line.dropFirst("FAILED: 100 seeds did not visit ".count).split(separator: ", ").map(String.init)
        )
        let missing =
            report.coverage.unvisited.map(\.description) + report.coverage.unvisitedEndings.map(\.description)
        #expect(named == Set(missing) && !missing.isEmpty)
    }

    @Test func `a server that stops without waiting gives every waiter a receipt and closes every socket`() {
        for seed in 0..<min(300, Self.seeds) {
            let outcome = SimulatedCall(seed: seed, isAbandoned: true).run()
            #expect(outcome.violations.isEmpty, "seed \(seed)")
        }
    }

    @Test(arguments: [3, 17, 99, 1234] as [UInt64])
    func `a seed replays to the same trace`(seed: UInt64) {
        let first = SimulatedCall(seed: seed, isTraced: true).run()
        let second = SimulatedCall(seed: seed, isTraced: true).run()
        #expect(first.trace.count > 10)
        #expect(first.trace == second.trace)
        #expect(first.steps == second.steps)
    }

    private static let fixed: Range<UInt64> = 500..<(TestSeeds.areFew ? 540 : 700)

    @Test func `the number of threads does not change the result`() async {
        let alone = await SessionSimulation(seeds: Self.fixed, threads: 1).run()
        let together = await SessionSimulation(seeds: Self.fixed, threads: 4).run()
        #expect(alone.reasons == together.reasons)
        #expect(alone.coverage.counts == together.coverage.counts)
    }

    @Test(.enabled(if: environment["TALKPATH_SEED"] != nil))
    func `one seed is printed`() {
        let seed = Self.environment["TALKPATH_SEED"].flatMap(UInt64.init) ?? 0
        let outcome = SimulatedCall(seed: seed, isTraced: true).run()
        print(outcome.trace.joined(separator: "\n"))
        print("violations:", outcome.violations)
    }
}
