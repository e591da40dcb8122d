package import TalkpathCore

/// The results of many simulated calls.
package struct SessionSimulationReport: Sendable {
    package struct Failure: Sendable {
        package var seed: UInt64
        package var violations: [String]
    }

    package private(set) var played = 0
    /// The failures; the lowest seed first.
    package private(set) var failures: [Failure] = []
    package private(set) var reasons: [EndReason: Int] = [:]
    package internal(set) var coverage = SessionCoverage()

    package init() {}

    mutating func add(_ outcome: SimulatedCall.Outcome, of seed: UInt64) {
        played += 1
        if let reason = outcome.reason { reasons[reason, default: 0] += 1 }
        if !outcome.violations.isEmpty { failures.append(Failure(seed: seed, violations: outcome.violations)) }
    }

    mutating func merge(_ other: SessionSimulationReport) {
        played += other.played
        failures = (failures + other.failures).sorted { $0.seed < $1.seed }
        reasons.merge(other.reasons, uniquingKeysWith: +)
        coverage.merge(other.coverage)
    }
}
