import Foundation
import TalkpathCore
import TalkpathSimulation
import Testing

/// Whole sessions on virtual time. `TALKPATH_SEEDS=100000` runs that many; `TALKPATH_SEED=17` prints one.
struct SessionSimulationTests {
    private static let shards = 4

    private static let seeds = ProcessInfo.processInfo.environment["TALKPATH_SEEDS"].flatMap(Int.init) ?? 2000

    @Test(arguments: 0..<shards)
    func `however a call ends, it ends once, everybody learns it and nothing is left`(shard: Int) {
        var reasons: [String: Int] = [:]
        var failures = 0
        for seed in stride(from: shard, to: Self.seeds, by: Self.shards) {
            let outcome = SimulatedCall(seed: UInt64(seed)).run()
            reasons[outcome.reason?.rawValue ?? "-", default: 0] += 1
            guard !outcome.violations.isEmpty else { continue }
            failures += 1
            Issue.record("seed \(seed): \(outcome.violations.joined(separator: "; "))")
            if failures >= 5 { return }
        }
        if Self.seeds > 2000 { print("shard \(shard):", reasons.sorted { $0.value > $1.value }) }
    }

    @Test func `a server that stops without waiting leaves no asker without a receipt and nothing open`() {
        for seed in 0..<300 as Range<UInt64> {
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

    @Test(.enabled(if: ProcessInfo.processInfo.environment["TALKPATH_SEED"] != nil))
    func `one seed is shown`() {
        let seed = ProcessInfo.processInfo.environment["TALKPATH_SEED"].flatMap(UInt64.init) ?? 0
        let outcome = SimulatedCall(seed: seed, isTraced: true).run()
        print(outcome.trace.joined(separator: "\n"))
        print("violations:", outcome.violations)
    }
}
