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
final class CoverageCounter: SessionObserver, @unchecked Sendable {
    // Unchecked: one thread plays one call at a time.
    private(set) var coverage = SessionCoverage()

    func happened(_ happening: SessionHappening, in state: SessionState) {
        coverage.add(happening, in: state)
    }
}
