import Foundation
import TalkpathWire
import Testing

@testable import TalkpathSimulation

/// Conversations on virtual time, in which caller and model repeat observed behaviour of real ones.
/// `TALKPATH_SEEDS=100000` plays more of them; `TALKPATH_CONVERSATION=17` prints one.
@Suite struct SimulatedConversationTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seeds = TestSeeds.areFew ? 12 : max(40, (TestSeeds.given ?? 0) / 50)

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `every rule holds for every behaviour of caller and model`(provider: AgentProvider) {
        var failures = 0
        for seed in 0..<Self.seeds where failures < 5 {
            let conversation = SimulatedConversation(seed: seed, provider: provider)
            let violations = conversation.run()
            guard !violations.isEmpty else { continue }
            let names = conversation.behaviors.map(\.rawValue).sorted().joined(separator: ", ")
            let words: Comment = "seed \(seed) (\(names)): \(violations)"
            failures += 1
            #expect(violations.isEmpty, words)
        }
    }

    @Test(arguments: ConversationBehavior.allCases, [AgentProvider.openai, .gemini])
    func `every rule holds for each behaviour alone`(behavior: ConversationBehavior, provider: AgentProvider) {
        for seed in 0..<(TestSeeds.areFew ? 1 : 4) as Range<UInt64> {
            let conversation = SimulatedConversation(seed: seed, provider: provider, behaviors: [behavior])
            let violations = conversation.run()
            #expect(violations.isEmpty, "seed \(seed): \(violations)")
        }
    }

    @Test func `a conversation of a seed is the same every time`() {
        let first = SimulatedConversation(seed: 7)
        let second = SimulatedConversation(seed: 7)
        _ = (first.run(), second.run())
        #expect(first.trace.count > 5 && first.trace == second.trace)
    }

    @Test(.enabled(if: environment["TALKPATH_CONVERSATION"] != nil))
    func `a conversation is printed`() {
        guard let seed = Self.environment["TALKPATH_CONVERSATION"].flatMap(UInt64.init) else { return }
        for provider in AgentProvider.vendors {
            let conversation = SimulatedConversation(seed: seed, provider: provider)
            let violations = conversation.run()
            print(([provider.rawValue] + conversation.trace + violations).joined(separator: "\n"))
        }
    }
}
