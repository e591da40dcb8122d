import Synchronization

/// Plays many simulated calls, one for each seed, on several threads. Each call has an executor of its own, so the
/// number of threads changes nothing for any call.
package struct SessionSimulation: Sendable {
    package var seeds: Range<UInt64>
    package var threads: Int
    /// The number of failed seeds after which no more are played.
    package var failureLimit: Int
    /// Plays each seed's conversation, with every provider, and nothing else.
    package var playsOnlyConversations = false

    package struct Progress: Sendable {
        package var played: Int
        package var total: Int
        package var failed: Int
    }

    package init(seeds: Range<UInt64>, threads: Int, failureLimit: Int = 5) {
        self.seeds = seeds
        self.threads = max(1, threads)
        self.failureLimit = max(1, failureLimit)
    }

    /// - Parameter progress: called now and then, on any of the threads.
    package func run(progress: @escaping @Sendable (Progress) -> Void = { _ in }) async -> SessionSimulationReport {
        let cursor = Cursor(seeds, failureLimit: failureLimit)
        return await withTaskGroup(of: SessionSimulationReport.self) { group in
            for _ in 0..<threads { group.addTask { self.play(cursor, progress) } }
            return await group.reduce(into: SessionSimulationReport()) { $0.merge($1) }
        }
    }

    /// One thread's share.
    private func play(_ cursor: Cursor, _ progress: (Progress) -> Void) -> SessionSimulationReport {
        var report = SessionSimulationReport()
        let counter = CoverageCounter()
        while let batch = cursor.next() {
            for seed in batch {
                let outcome = outcome(of: seed, counter)
                report.add(outcome, of: seed)
                if !outcome.violations.isEmpty { cursor.failed() }
            }
            progress(cursor.progress(adding: batch.count))
        }
        report.coverage = counter.coverage
        return report
    }

    private func outcome(of seed: UInt64, _ counter: CoverageCounter) -> SimulatedCall.Outcome {
        guard !playsOnlyConversations else { return SimulatedConversation.outcome(of: seed) }
        var outcome = SimulatedCall(seed: seed).run(coverage: counter)
        if let conversation = SimulatedConversation(besidesCall: seed) { outcome.violations += conversation.run() }
        if let lanes = SimulatedLanes(besidesCall: seed) { outcome.violations += lanes.run() }
        return outcome
    }

    /// Hands out seeds in batches.
    private final class Cursor: Sendable {
        private let seeds: Range<UInt64>
        private let failureLimit: Int
        private let handedOut = Atomic<Int>(0)
        private let played = Atomic<Int>(0)
        private let failures = Atomic<Int>(0)

        private static let batchSize = 50

        init(_ seeds: Range<UInt64>, failureLimit: Int) {
            self.seeds = seeds
            self.failureLimit = failureLimit
        }

        func next() -> Range<UInt64>? {
            guard failures.load(ordering: .relaxed) < failureLimit else { return nil }
            let start = handedOut.wrappingAdd(Self.batchSize, ordering: .relaxed).oldValue
            guard start < seeds.count else { return nil }
            let end = min(start + Self.batchSize, seeds.count)
            return seeds.lowerBound + UInt64(start)..<seeds.lowerBound + UInt64(end)
        }

        func failed() { failures.wrappingAdd(1, ordering: .relaxed) }

        func progress(adding count: Int) -> Progress {
            let now = played.wrappingAdd(count, ordering: .relaxed).newValue
            return Progress(played: now, total: seeds.count, failed: failures.load(ordering: .relaxed))
        }
    }
}
