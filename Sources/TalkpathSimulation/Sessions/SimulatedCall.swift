package import TalkpathCore

/// One call with everything that can befall it, all of it decided by the seed.
package struct SimulatedCall {
    package let seed: UInt64
    package var isTraced = false
    /// Whether the server stops without waiting: the task of `run()` is cancelled. `nil` leaves it to the seed.
    package var isAbandoned: Bool?
    /// How many talk with the call. `nil` leaves it to the seed.
    package var talkers: Int?

    /// Takes a capture of the call.
    package var captures: (any CaptureSink)?

    package struct Outcome: Sendable {
        /// What should never be.
        package var violations: [String]
        /// What happened when, in virtual milliseconds.
        package var trace: [String]
        package var reason: EndReason?
        package var steps: Int
    }

    package init(seed: UInt64, isTraced: Bool = false, isAbandoned: Bool? = nil) {
        self.seed = seed
        self.isTraced = isTraced
        self.isAbandoned = isAbandoned
    }

    /// Plays the call on the thread that calls.
    package func run() -> Outcome { run(coverage: nil) }

    func run(coverage: CoverageCounter?) -> Outcome {
        let run = SimulatedCallRun(self, coverage: coverage)
        run.play()
        let reason = run.receipts.first?.reason ?? run.world.endReason
        let steps = run.scheduler.steps
        // Whatever still holds the session now is a leak.
        weak let session = run.world.session
        run.dismantle()
        if session != nil { run.world.violation("something still holds the session") }
        return Outcome(violations: run.world.violations, trace: run.world.trace, reason: reason, steps: steps)
    }
}
