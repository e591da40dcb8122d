import TalkpathCore
import TalkpathStore
import TalkpathWire
import Testing

@Suite struct AgentStoreTests {
    private let now = SampleCalls.noon

    @Test(arguments: TestEngine.allCases)
    func `a profile is written replaced listed and deleted`(engine: TestEngine) async throws {
        let store = try await engine.store()
        let first = try await store.putAgent(tenant: "a", id: "support", profile: ["model": "one"], at: now)
        #expect(first.isNew)
        let second = try await store.putAgent(tenant: "a", id: "support", profile: ["model": "two"], at: now + 5)
        #expect(!second.isNew)
        #expect(second.agent.createdAt == now)
        #expect(second.agent.updatedAt == now + 5)
        _ = try await store.putAgent(tenant: "a", id: "sales", profile: [:], at: now)
        let found = try await store.agent(tenant: "a", id: "support")
        #expect(found == second.agent)
        let names = try await store.agents(tenant: "a").map(\.id)
        #expect(names == ["sales", "support"])
        let deleted = try await store.deleteAgent(tenant: "a", id: "support")
        let deletedAgain = try await store.deleteAgent(tenant: "a", id: "support")
        let gone = try await store.agent(tenant: "a", id: "support")
        #expect(deleted && !deletedAgain && gone == nil)
    }

    @Test(arguments: TestEngine.allCases)
    func `another tenant's profile of the same name is another`(engine: TestEngine) async throws {
        let store = try await engine.store()
        _ = try await store.putAgent(tenant: "a", id: "support", profile: ["of": "a"], at: now)
        let other = try await store.putAgent(tenant: "b", id: "support", profile: ["of": "b"], at: now)
        #expect(other.isNew)
        _ = try await store.deleteAgent(tenant: "b", id: "support")
        let kept = try await store.agent(tenant: "a", id: "support")
        #expect(kept?.profile == ["of": "a"])
    }

    @Test(arguments: TestEngine.allCases)
    func `an idempotency key is claimed once and remembers its answer`(engine: TestEngine) async throws {
        let store = try await engine.store()
        func claim(_ digest: [UInt8], tenant: String = "a") async throws -> IdempotencyClaim {
            let call = CallID("of \(tenant)")
            return try await store.claimIdempotencyKey("k", tenant: tenant, digest: digest, call: call, at: now)
        }
        #expect(try await claim([1]) == .first)
        #expect(try await claim([1]) == .running(CallID("of a")))
        #expect(try await claim([2]) == .conflict)
        #expect(try await claim([2], tenant: "b") == .first)
        try await store.answerIdempotencyKey("k", tenant: "a", ["said": "so"])
        #expect(try await claim([1]) == .answered(CallID("of a"), ["said": "so"]))
        try await store.releaseIdempotencyKey("k", tenant: "a")
        #expect(try await claim([1]) == .answered(CallID("of a"), ["said": "so"]), "an answer stays")
        try await store.releaseIdempotencyKey("k", tenant: "b")
        #expect(try await claim([3], tenant: "b") == .first)
        try await store.forgetIdempotencyKeys(before: now + 1)
        #expect(try await claim([9]) == .first)
    }
}
