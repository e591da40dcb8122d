package import TalkpathCore

/// Counts which events found a call in which states.
package struct SessionCoverage: Sendable {
    package struct Pair: Hashable, Sendable {
        package var input: SessionInput
        package var state: SessionState
    }

    /// An ender of a call, and an activity that it finds under way.
    package struct EndingPair: Hashable, Sendable, CustomStringConvertible {
        package var ender: SimulatedEnder
        package var activity: CallActivity

        package var description: String { "\(ender) during \(activity)" }
    }

    package private(set) var counts: [Pair: Int] = [:]
    package private(set) var endings: [EndingPair: Int] = [:]

    package init() {}

    package mutating func add(_ input: SessionInput, in state: SessionState) {
        counts[Pair(input: input, state: state), default: 0] += 1
    }

    package mutating func add(_ ender: SimulatedEnder, during activity: CallActivity) {
        endings[EndingPair(ender: ender, activity: activity), default: 0] += 1
    }

    package mutating func merge(_ other: SessionCoverage) {
        counts.merge(other.counts, uniquingKeysWith: +)
        endings.merge(other.endings, uniquingKeysWith: +)
    }

    /// The number of times that `input` found a call with one of its parts in that state.
    package func count(_ input: SessionInput, _ part: SessionPart) -> Int {
        counts.reduce(0) { sum, entry in
            entry.key.input == input && part.holds(in: entry.key.state) ? sum + entry.value : sum
        }
    }
}

extension SessionCoverage {
    /// An event, and one part's state.
    package struct PartPair: Hashable, Sendable, CustomStringConvertible {
        package var input: SessionInput
        package var part: SessionPart

        package var description: String { "\(input.name) x \(part)" }
    }

    private static let pairs: [PartPair] = SessionInput.all.flatMap { input in
        SessionPart.all.map { PartPair(input: input, part: $0) }
    }

    private static let reachablePairs = pairs.filter { UnreachablePairs.reason($0.input, $0.part) == nil }

    /// The number of pairs that can occur.
    package var reachable: Int { Self.reachablePairs.count }

    /// Pairs that can occur and have not been seen.
    package var unvisited: [PartPair] { Self.reachablePairs.filter { count($0.input, $0.part) == 0 } }

    /// Pairs that can occur, the rarest first.
    package func rarest(_ number: Int) -> [(pair: PartPair, count: Int)] {
        let counted = Self.reachablePairs.map { (pair: $0, count: count($0.input, $0.part)) }
        return Array(counted.sorted { $0.count < $1.count }.prefix(number))
    }

    /// Enders that can interrupt an activity and have not been seen to.
    package var unvisitedEndings: [EndingPair] {
        SimulatedEnder.allCases.flatMap { ender in
            CallActivity.allCases.map { EndingPair(ender: ender, activity: $0) }
        }
        .filter { endings[$0] == nil && UnreachablePairs.reason($0.ender, during: $0.activity) == nil }
    }

    /// Enders that cannot interrupt an activity and have been seen to.
    package var impossibleEndings: [EndingPair] {
        endings.keys.filter { UnreachablePairs.reason($0.ender, during: $0.activity) != nil }
    }

    /// Pairs that cannot occur and have been seen.
    package var impossible: [PartPair] {
        Self.pairs.filter { UnreachablePairs.reason($0.input, $0.part) != nil && count($0.input, $0.part) > 0 }
    }

    /// True if everything that can occur has been seen.
    package var isWhole: Bool { unvisited.isEmpty && unvisitedEndings.isEmpty }

    /// True if nothing has been seen that cannot occur.
    package var isPossible: Bool { impossible.isEmpty && impossibleEndings.isEmpty }

    /// The number of combinations of all four parts that have been seen.
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

/// Counts the events of one thread's simulated calls.
final class CoverageCounter {
    private(set) var coverage = SessionCoverage()

    func add(_ input: SessionInput, in state: SessionState) {
        coverage.add(input, in: state)
    }

    func add(_ ender: SimulatedEnder, during activity: CallActivity) {
        coverage.add(ender, during: activity)
    }
}
