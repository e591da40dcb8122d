import TalkpathCore
import TalkpathStore
import TalkpathWire
import TestDatabases
import Testing

@Suite struct AgentWebhookStoreTests {
    private let outbox = TestOutbox()

    private func ended(_ id: String, _ url: String, startedAt: WallTime = SampleCalls.noon) -> CallSnapshot {
        var call = SampleCalls.ended(id, startedAt: startedAt)
        call.agent.webhook = AgentWebhook(url: url, secret: "whsec_1")
        return call
    }

    @Test(arguments: TestEngine.allCases)
    func `equal webhooks are one endpoint that is announced once`(engine: TestEngine) async throws {
        let store = try await engine.store(outbox: outbox)
        for id in ["one", "two"] { try await store.save(ended(id, "https://a.test")) }
        try await store.save(ended("three", "https://b.test"))
        let endpoints = try await store.activeEndpoints()
        #expect(Set(endpoints.map(\.url)) == ["https://a.test", "https://b.test"])
        #expect(endpoints.count == 2 && endpoints.allSatisfy(\.isBound) && outbox.endpointsAdded == 2)
        let first = try #require(endpoints.first { $0.url == "https://a.test" })
        let due = try await store.dueDeliveries(to: first.id, at: SampleCalls.noon + 3600, limit: 10)
        #expect(due.map(\.event.callID.text) == ["one", "two"])
        #expect(try await !store.deleteEndpoint(first.id, tenant: "default"), "it is its agent's")
    }

    @Test(arguments: TestEngine.allCases)
    func `a webhook that nobody uses any more is forgotten`(engine: TestEngine) async throws {
        let store = try await engine.store(outbox: outbox)
        try await store.save(ended("one", "https://a.test"))
        try await store.save(ended("two", "https://b.test"))
        let endpoints = try await store.activeEndpoints()
        for endpoint in endpoints where endpoint.url == "https://a.test" {
            for delivery in try await store.dueDeliveries(to: endpoint.id, at: SampleCalls.noon + 3600, limit: 10) {
                try await store.finishDelivery(delivery.id)
            }
        }
        try await store.forgetUnusedWebhooks(before: SampleCalls.noon + 3600)
        #expect(try await store.activeEndpoints().count == 2, "the analyses are still to be told")
        for var call in [ended("one", "https://a.test")] {
            call.analysis = CallAnalysis()
            try await store.finishAnalysis(of: call, at: SampleCalls.noon + 60)
        }
        let first = try #require(endpoints.first { $0.url == "https://a.test" })
        for delivery in try await store.dueDeliveries(to: first.id, at: SampleCalls.noon + 3600, limit: 10) {
            try await store.finishDelivery(delivery.id)
        }
        try await store.forgetUnusedWebhooks(before: SampleCalls.noon)
        #expect(try await store.activeEndpoints().count == 2, "it has been used lately")
        try await store.forgetUnusedWebhooks(before: SampleCalls.noon + 3600)
        #expect(try await store.activeEndpoints().map(\.url) == ["https://b.test"])
    }
}
