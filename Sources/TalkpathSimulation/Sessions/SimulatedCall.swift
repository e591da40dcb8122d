package import TalkpathCore

/// One call with everything that can befall it, all of it decided by the seed.
package struct SimulatedCall {
    package let seed: UInt64
    package var isTraced = false
    /// The server stops without waiting: the task of `run()` is cancelled.
    package var isAbandoned = false

    /// Takes a capture of the call.
    package var captures: (any CaptureSink)?

    package struct Outcome: Sendable {
        package var violations: [String]
        package var trace: [String]
        package var reason: EndReason?
        package var steps: Int
    }

    package init(seed: UInt64, isTraced: Bool = false, isAbandoned: Bool = false) {
        self.seed = seed
        self.isTraced = isTraced
        self.isAbandoned = isAbandoned
    }

    package func run() -> Outcome {
        let run = SimulatedCallRun(seed: seed, isTraced: isTraced, isAbandoned: isAbandoned, captures: captures)
        run.play()
        return Outcome(
            violations: run.world.violations,
            trace: run.world.trace,
            reason: run.receipts.first?.reason,
            steps: run.world.scheduler.steps
        )
    }
}
