import TalkpathWire

/// Conversations in a run of many seeds.
extension SimulatedConversation {
    /// A conversation is as much work as many calls: one seed in so many is one.
    package static let callsPerConversation: UInt64 = 50

    /// The conversation that is played besides the call of this seed, if one is.
    package convenience init?(besidesCall seed: UInt64) {
        guard seed.isMultiple(of: Self.callsPerConversation) else { return nil }
        self.init(seed: seed / Self.callsPerConversation)
    }

    /// This seed's conversation, with every vendor.
    package static func outcome(of seed: UInt64) -> SimulatedCall.Outcome {
        var outcome = SimulatedCall.Outcome(violations: [], trace: [], reason: nil, steps: 0)
        for provider in AgentProvider.vendors {
            let conversation = SimulatedConversation(seed: seed, provider: provider)
            outcome.violations += conversation.run().map { "\(provider.rawValue): \($0)" }
            outcome.trace += [conversation.title] + conversation.trace
        }
        return outcome
    }

    /// Its number, its provider and its behaviours.
    package var title: String {
        let names = behaviors.map(\.rawValue).sorted().joined(separator: ", ")
        return "conversation \(seed) with \(call.provider.rawValue): \(names)"
    }
}
