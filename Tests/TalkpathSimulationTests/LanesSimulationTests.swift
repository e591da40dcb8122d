import Foundation
import TalkpathSimulation
import Testing

/// Several lanes behind one front, on virtual time.
@Suite struct LanesSimulationTests {
    private static let seeds = ProcessInfo.processInfo.environment["TALKPATH_SEEDS"].flatMap(UInt64.init) ?? 2000

    @Test func `over several lanes the limit holds, each call ends once, and a stop leaves nothing`() {
        for seed in 0..<Self.seeds {
            let violations = SimulatedLanes(seed: seed).run()
            #expect(violations.isEmpty, "seed \(seed)")
            if !violations.isEmpty { return }
        }
    }
}
