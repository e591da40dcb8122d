import Foundation
import TalkpathCore

/// The simulation as a command shows it: progress, rate, coverage, and every failing seed with its trace.
package struct SessionSimulationConsole: Sendable {
    package struct Options: Sendable {
        package var seeds: UInt64 = 20_000
        package var first: UInt64 = 0
        /// Plays only this seed, and shows its trace.
        package var seed: UInt64?
        /// Plays each seed's conversation, with every provider, and nothing else.
        package var playsOnlyConversations = false
        package var threads = ProcessInfo.processInfo.activeProcessorCount
        package var json = false
        /// The number of failed seeds after which no more are played.
        package var failures = 5
        /// The number of seeds after which every reachable pair of state and event has been visited.
        package static let seedsThatVisitAll: UInt64 = 100_000

        package init() {}
    }

    private let options: Options

    package init(_ options: Options) {
        self.options = options
    }

    /// - Returns: true if no rule was violated. Also false if enough seeds were played to visit every pair, and a pair
    ///   was not visited.
    package func run() async -> Bool {
        if let seed = options.seed { return show(seed) }
        var simulation = SessionSimulation(
            seeds: options.first..<options.first + options.seeds,
            threads: options.threads,
            failureLimit: options.failures
        )
        simulation.playsOnlyConversations = options.playsOnlyConversations
        let began = ContinuousClock.now
        let isShown = !options.json && isatty(STDERR_FILENO) != 0
        let report = await simulation.run { progress in
            if isShown { Self.show(progress, since: began) }
        }
        if isShown { Self.write("\r\u{1B}[K", to: .standardError) }
        let seconds = Self.seconds(since: began)
        let text = options.json ? json(report, seconds) : text(report, seconds)
        Self.write(text, to: .standardOutput)
        return options.playsOnlyConversations ? report.failures.isEmpty : Self.isGood(report, seeds: options.seeds)
    }

    package static func isGood(_ report: SessionSimulationReport, seeds: UInt64) -> Bool {
        report.failures.isEmpty && report.coverage.isPossible && !misses(report, seeds: seeds)
    }

    /// True if no call failed, and so many were played that they should have visited every pair, and a pair is missing.
    private static func misses(_ report: SessionSimulationReport, seeds: UInt64) -> Bool {
        report.failures.isEmpty && !report.coverage.isWhole && seeds >= Options.seedsThatVisitAll
    }

    /// The reasons besides failed seeds for which the run is not good, a line each.
    package static func complaints(_ report: SessionSimulationReport, seeds: UInt64) -> [String] {
        let coverage = report.coverage
        var lines: [String] = []
        let impossible = coverage.impossible.map(\.description) + coverage.impossibleEndings.map(\.description)
        if !impossible.isEmpty {
            lines.append("FAILED: visited, although it cannot occur: \(impossible.joined(separator: ", "))")
        }
        if misses(report, seeds: seeds) {
            let missing = coverage.unvisited.map(\.description) + coverage.unvisitedEndings.map(\.description)
            lines.append("FAILED: \(report.played) seeds did not visit \(missing.joined(separator: ", "))")
        }
        return lines
    }

    // MARK: One seed

    private func show(_ seed: UInt64) -> Bool {
        let outcome = outcome(of: seed)
        if options.json {
            let value: [String: Any] = [
                "seed": seed, "reason": outcome.reason?.rawValue ?? "", "violations": outcome.violations,
                "trace": outcome.trace,
            ]
            Self.write(Self.json(value), to: .standardOutput)
        } else {
            Self.write(Self.trace(outcome, of: seed), to: .standardOutput)
        }
        return outcome.violations.isEmpty
    }

    private func outcome(of seed: UInt64) -> SimulatedCall.Outcome {
        guard !options.playsOnlyConversations else { return SimulatedConversation.outcome(of: seed) }
        var outcome = SimulatedCall(seed: seed, isTraced: true).run()
        if let conversation = SimulatedConversation(besidesCall: seed) {
            outcome.violations += conversation.run()
            outcome.trace += [conversation.title] + conversation.trace
        }
        return outcome
    }

    private static func trace(_ outcome: SimulatedCall.Outcome, of seed: UInt64) -> String {
        let lines = outcome.trace.map { "    " + $0 }
        let verdict = outcome.violations.isEmpty ? ["all kept"] : outcome.violations.map { "VIOLATION " + $0 }
        return (["seed \(seed): milliseconds of virtual time, and what happened"] + lines + verdict)
            .joined(separator: "\n") + "\n"
    }

    // MARK: Many

    private static func show(_ progress: SessionSimulation.Progress, since began: ContinuousClock.Instant) {
        let rate = Double(progress.played) / max(0.001, seconds(since: began))
        let failed = progress.failed > 0 ? ", \(progress.failed) failed" : ""
        write(
            "\r\u{1B}[K\(progress.played) of \(progress.total) seeds, \(Int(rate)) a second\(failed)",
            to: .standardError
        )
    }

    private func text(_ report: SessionSimulationReport, _ seconds: Double) -> String {
        var text = options.playsOnlyConversations ? "" : CoverageTable(report.coverage).text
        text += "\nended: "
        text += report.reasons.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
            .map { "\($0.key.rawValue) \($0.value)" }.joined(separator: ", ")
        text +=
            "\n\(report.played) seeds in \(Self.formatted(seconds)) s, \(Int(Double(report.played) / seconds)) a second; "
        text += "\(report.failures.count) failed\n"
        for failure in report.failures.dropFirst() {
            text += "seed \(failure.seed): \(failure.violations.joined(separator: "; "))\n"
        }
        if let first = report.failures.first {
            text += Self.trace(outcome(of: first.seed), of: first.seed)
        }
        guard !options.playsOnlyConversations else { return text }
        return Self.complaints(report, seeds: options.seeds).reduce(text) { $0 + $1 + "\n" }
    }

    private func json(_ report: SessionSimulationReport, _ seconds: Double) -> String {
        let coverage = report.coverage
        let value: [String: Any] = [
            "seeds": report.played, "first_seed": options.first, "seconds": seconds,
            "seeds_per_second": Double(report.played) / seconds,
            "reasons": Dictionary(uniqueKeysWithValues: report.reasons.map { ($0.key.rawValue, $0.value) }),
            "failures": report.failures.map { ["seed": $0.seed, "violations": $0.violations] as [String: Any] },
            "coverage": [
                "pairs_reachable": coverage.reachable, "pairs_visited": coverage.reachable - coverage.unvisited.count,
                "unvisited": coverage.unvisited.map(\.description),
                "impossible": coverage.impossible.map(\.description),
                "unvisited_endings": coverage.unvisitedEndings.map(\.description),
                "combined_states": coverage.combinedStates, "combined_pairs": coverage.counts.count,
            ] as [String: Any],
        ]
        return Self.json(value)
    }

    private static func json(_ value: [String: Any]) -> String {
        guard let data = try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .prettyPrinted])
        else { return "{}\n" }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    private static func seconds(since began: ContinuousClock.Instant) -> Double {
        (ContinuousClock.now - began) / .seconds(1)
    }

    private static func formatted(_ seconds: Double) -> String { String(format: "%.1f", seconds) }

    private static func write(_ text: String, to file: FileHandle) { file.write(Data(text.utf8)) }
}
