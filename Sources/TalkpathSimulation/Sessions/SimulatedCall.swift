package import TalkpathCore

/// One call with random troubles, all of them decided by the seed.
package struct SimulatedCall {
    package let seed: UInt64
    package var isTraced = false
    /// True if the server stops without waiting: the task of `run()` is cancelled. `nil` lets the seed decide.
    package var isAbandoned: Bool?
    /// The number of parties that send requests to the call. `nil` lets the seed decide.
    package var talkers: Int?

    /// The destination of a capture of the call.
    package var captures: (any CaptureSink)?

    package struct Outcome: Sendable {
        /// The violations of the rules.
        package var violations: [String]
        /// The events and their times, in virtual milliseconds.
        package var trace: [String]
        package var reason: EndReason?
        package var steps: Int
    }

    package init(seed: UInt64, isTraced: Bool = false, isAbandoned: Bool? = nil) {
        self.seed = seed
        self.isTraced = isTraced
        self.isAbandoned = isAbandoned
    }

    /// Plays the call on the calling thread.
    package func run() -> Outcome { run(coverage: nil) }

    func run(coverage: CoverageCounter?) -> Outcome {
        let run = SimulatedCallRun(self, coverage: coverage)
        run.play()
        let reason = run.receipts.first?.reason ?? run.world.endReason
        let steps = run.scheduler.steps
        // If the session is still alive after this, something leaks it.
        weak let session = run.world.session
        run.dismantle()
        if session != nil { run.world.violation("something still holds the session") }
        return Outcome(violations: run.world.violations, trace: run.world.trace, reason: reason, steps: steps)
    }
}
