import Synchronization

/// Counts of the nodes' decisions in some runs.
package struct NodeSimulationCounts: Sendable {
    package enum Event: String, CaseIterable, Sendable {
        /// Calls that came to a node.
        case call
        /// Requests that another node has answered.
        case forwarded
        /// Nodes whose calls others have taken.
        case reaping
        /// Late nodes that have answered.
        case sparing
        /// Nodes that found their life over and ended their calls.
        case lettingGo
        /// Lives that began in a process that had one before.
        case newLife
        /// Writes that were dropped because another node had the call.
        case fencedWrite
        /// Starts of a process that failed.
        case failedStart
        case clockStep
    }

    private var counts: [Event: Int] = [:]

    package subscript(event: Event) -> Int {
        get { counts[event, default: 0] }
        set { counts[event] = newValue }
    }

    mutating func merge(_ other: Self) { counts.merge(other.counts, uniquingKeysWith: +) }
}

/// Plays several nodes on one database, one run for each seed.
///
/// The machine is the one that decides in production; processes, network, database and clocks are simulated.
package struct NodeSimulation: Sendable {
    package struct Outcome: Sendable {
        /// The broken promises.
        package var violations: [String]
        package var trace: [String]
        package var counts: NodeSimulationCounts
    }

    package struct Report: Sendable {
        package var played = 0
        /// The failures; the lowest seed first.
        package var failures: [(seed: UInt64, violations: [String])] = []
        package var counts = NodeSimulationCounts()

        mutating func merge(_ other: Self) {
            played += other.played
            failures = (failures + other.failures).sorted { $0.seed < $1.seed }
            counts.merge(other.counts)
        }
    }

    package var seeds: Range<UInt64>
    package var threads: Int
    /// The number of failed seeds after which no more are played.
    package var failureLimit: Int

    package init(seeds: Range<UInt64>, threads: Int, failureLimit: Int = 5) {
        self.seeds = seeds
        self.threads = max(1, threads)
        self.failureLimit = max(1, failureLimit)
    }

    package static func outcome(of seed: UInt64, isTraced: Bool = false) -> Outcome {
        let cluster = SimulatedCluster(seed: seed, isTraced: isTraced)
        cluster.play()
        cluster.close()
        return Outcome(violations: cluster.violations, trace: cluster.trace, counts: cluster.counts)
    }

    package func run() async -> Report {
        let (failed, cursor) = (SharedCount(), SharedCount())
        return await withTaskGroup(of: Report.self) { group in
            for _ in 0..<threads {
                group.addTask {
                    var report = Report()
                    while failed.value < failureLimit {
                        let index = cursor.increment()
                        guard index < seeds.count else { break }
                        let seed = seeds.lowerBound + UInt64(index)
                        let outcome = Self.outcome(of: seed)
                        report.played += 1
                        report.counts.merge(outcome.counts)
                        guard !outcome.violations.isEmpty else { continue }
                        report.failures.append((seed, outcome.violations))
                        _ = failed.increment()
                    }
                    return report
                }
            }
            return await group.reduce(into: Report()) { $0.merge($1) }
        }
    }

    private final class SharedCount: Sendable {
        private let count = Atomic<Int>(0)

        var value: Int { count.load(ordering: .relaxed) }
        func increment() -> Int { count.wrappingAdd(1, ordering: .relaxed).oldValue }
    }
}
