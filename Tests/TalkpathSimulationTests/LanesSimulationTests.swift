import TalkpathSimulation
import Testing

/// Several lanes behind one front, on virtual time.
@Suite struct LanesSimulationTests {
    @Test func `over several lanes the limit holds, each call ends once, and a stop leaves no call`() {
        for seed in 0..<TestSeeds.calls {
            let violations = SimulatedLanes(seed: seed).run()
            #expect(violations.isEmpty, "seed \(seed)")
            if !violations.isEmpty { return }
        }
    }
}
