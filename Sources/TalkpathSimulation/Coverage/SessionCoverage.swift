package import TalkpathCore

/// Which happenings have found a call in which states, and how often.
package struct SessionCoverage: Sendable {
    package struct Pair: Hashable, Sendable {
        package var happening: SessionHappening
        package var state: SessionState
    }

    package private(set) var counts: [Pair: Int] = [:]

    package init() {}

    package mutating func add(_ happening: SessionHappening, in state: SessionState) {
        counts[Pair(happening: happening, state: state), default: 0] += 1
    }

    package mutating func merge(_ other: SessionCoverage) {
        counts.merge(other.counts, uniquingKeysWith: +)
    }

    /// How often `happening` found a call with one of its parts in that state.
    package func count(_ happening: SessionHappening, _ part: SessionPart) -> Int {
        counts.reduce(0) { sum, entry in
            entry.key.happening == happening && part.holds(in: entry.key.state) ? sum + entry.value : sum
        }
    }
}

extension SessionCoverage {
    /// A happening and one part's state.
    package struct PartPair: Hashable, Sendable, CustomStringConvertible {
        package var happening: SessionHappening
        package var part: SessionPart

        package var description: String { "\(happening.name) x \(part)" }
    }

    private static let pairs: [PartPair] = SessionHappening.all.flatMap { happening in
        SessionPart.all.map { PartPair(happening: happening, part: $0) }
    }

    /// How many pairs can be.
    package var reachable: Int { Self.pairs.count { UnreachablePairs.reason($0.happening, $0.part) == nil } }

    /// Pairs that can be, and have not been seen.
    package var unvisited: [PartPair] {
        Self.pairs.filter { UnreachablePairs.reason($0.happening, $0.part) == nil && count($0.happening, $0.part) == 0 }
    }

    /// Pairs that cannot be, and have been seen.
    package var impossible: [PartPair] {
        Self.pairs.filter { UnreachablePairs.reason($0.happening, $0.part) != nil && count($0.happening, $0.part) > 0 }
    }

    /// How many combinations of all four parts have been seen.
    package var combinedStates: Int { Set(counts.keys.map(\.state)).count }
}

/// One part of a call's state, in one of its states.
package enum SessionPart: Hashable, Sendable, CustomStringConvertible {
    case carrier(SessionState.Carrier)
    case media(SessionState.Media)
    case agent(SessionState.Agent)
    case life(SessionState.Life)

    package static let all: [SessionPart] =
        SessionState.Carrier.allCases.map(SessionPart.carrier)
        + SessionState.Media.allCases.map(SessionPart.media)
        + SessionState.Agent.allCases.map(SessionPart.agent)
        + SessionState.Life.allCases.map(SessionPart.life)

    package func holds(in state: SessionState) -> Bool {
        switch self {
        case .carrier(let part): state.carrier == part
        case .media(let part): state.media == part
        case .agent(let part): state.agent == part
        case .life(let part): state.life == part
        }
    }

    package var description: String {
        switch self {
        case .carrier(let part): part.rawValue
        case .media(let part): part.rawValue
        case .agent(let part): part.rawValue
        case .life(let part): part.rawValue
        }
    }
}

/// Counts what happens to the calls of one thread's simulations.
final class CoverageCounter {
    private(set) var coverage = SessionCoverage()

    func add(_ happening: SessionHappening, in state: SessionState) {
        coverage.add(happening, in: state)
    }
}
