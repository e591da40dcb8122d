import TalkpathAudio
import TalkpathWire

/// The agents of a call in their order: the one in use, those that were left, and those that are left to try.
///
/// Pure: instants are passed in.
struct AgentRoster {
    /// The facts about an agent that the machines need.
    struct Candidate: Sendable {
        let reference: AgentReference
        let renewal: AgentRenewal?

        init(_ agent: AgentProfile) {
            reference = AgentReference(agent)
            renewal = agent.effectiveRenewal
        }
    }

    private let candidates: [Candidate]
    private let startedOn: MonotonicInstant
    /// Of the agents so far, the present one last.
    private(set) var parts: [AgentPart]

    /// - Parameter agents: at least one.
    init(_ agents: [AgentProfile], startedOn: MonotonicInstant) {
        candidates = agents.map(Candidate.init)
        self.startedOn = startedOn
        parts = candidates.prefix(1).map { AgentPart(agent: $0.reference, began: .zero) }
    }

    /// The place of the agent in use, from 0.
    var present: Int { max(0, parts.count - 1) }

    var hasNext: Bool { parts.count < candidates.count }

    /// True if the call was given more than one agent.
    var isList: Bool { candidates.count > 1 }

    /// The renewal of the agent in use.
    var renewal: AgentRenewal? { candidates.indices.contains(present) ? candidates[present].renewal : nil }

    /// Leaves the agent in use for the next one.
    ///
    /// - Returns: `nil` if there is no next one.
    mutating func takeNext(_ reason: String, at now: MonotonicInstant) -> AgentFailover? {
        guard hasNext, let last = parts.indices.last else { return nil }
        let elapsed = now - startedOn
        parts[last].ended = elapsed
        parts[last].reason = reason
        let next = candidates[parts.count].reference
        let failover = AgentFailover(from: parts[last].agent, to: next, reason: reason)
        parts.append(AgentPart(agent: next, began: elapsed))
        return failover
    }

    /// A session with the agent in use is there.
    mutating func ready(at now: MonotonicInstant) {
        guard let last = parts.indices.last, parts[last].ready == nil else { return }
        parts[last].ready = now - startedOn
    }

    mutating func used(_ more: AgentUsage) {
        guard let last = parts.indices.last else { return }
        parts[last].usage.add(more)
    }

    /// Each agent's tokens and time, for the reckoning of the cost.
    ///
    /// An agent that never was ready has talked no time. The first one's time begins with the answer, as in a call with
    /// one agent.
    func shares(answeredOn: MonotonicInstant?, at now: MonotonicInstant) -> [CallPricing.Share] {
        guard let answeredOn else { return parts.map { CallPricing.Share(usage: $0.usage, talking: .zero) } }
        let (answered, end) = (answeredOn - startedOn, now - startedOn)
        return parts.enumerated().map { place, part in
            guard parts.count > 1 else { return CallPricing.Share(usage: part.usage, talking: end - answered) }
            guard let ready = part.ready else { return CallPricing.Share(usage: part.usage, talking: .zero) }
            let began = place == 0 ? answered : max(answered, ready)
            return CallPricing.Share(usage: part.usage, talking: max(.zero, (part.ended ?? end) - began))
        }
    }
}
