import TalkpathCore
import TalkpathStore
import TalkpathWire
import TestDatabases
import Testing

@Suite struct DeliveryTests {
    private let now = SampleCalls.noon + 3600

    private func endpoint(
        _ id: String,
        tenant: String? = "default",
        agentID: String? = nil,
        types: [String]? = nil
    ) -> Endpoint {
        Endpoint(
            id: id,
            tenant: tenant,
            agentID: agentID,
            kind: .webhook,
            url: "https://hooks.example.com/",
            secret: "whsec_",
            types: types,
            isConfigured: tenant == nil,
            createdAt: SampleCalls.noon
        )
    }

    private func store(_ engine: TestEngine, _ endpoints: [Endpoint], calls: [String] = ["one"]) async throws -> (
        SQLCallStore, TestOutbox
    ) {
        let outbox = TestOutbox()
        let store = try await engine.store(outbox: outbox)
        for endpoint in endpoints { try await store.putEndpoint(endpoint) }
        for call in calls {
            try await store.journal(SampleCalls.live(call))
            outbox.tell("call.started", call)
        }
        try await store.writePending()
        return (store, outbox)
    }

    private func due(_ store: SQLCallStore, _ endpoint: String, at time: WallTime? = nil) async throws
        -> [Delivery]
    {
        try await store.dueDeliveries(to: endpoint, at: time ?? now, limit: 8)
    }

    @Test(arguments: TestEngine.allCases)
    func `every endpoint that wants an event has a delivery of its own`(engine: TestEngine) async throws {
        let endpoints = [
            endpoint("all"), endpoint("everybody's", tenant: nil), endpoint("another tenant's", tenant: "acme"),
            endpoint("agent", agentID: "support"), endpoint("another agent", agentID: "sales"),
            endpoint("ends", types: ["call.ended", "call.failed"]), endpoint("starts", types: ["call.started"]),
            endpoint("part of a name", types: ["call.star"]),
        ]
        let (store, _) = try await store(engine, endpoints)
        var wanting: Set<String> = []
        for endpoint in endpoints where try await !due(store, endpoint.id).isEmpty { wanting.insert(endpoint.id) }
        #expect(wanting == ["all", "everybody's", "agent", "starts"])
    }

    @Test(arguments: TestEngine.allCases)
    func `a call's events come one after the other`(engine: TestEngine) async throws {
        let (store, outbox) = try await store(engine, [endpoint("e")], calls: ["one", "two"])
        outbox.tell("call.ringing", "one")
        try await store.writePending()
        let first = try await due(store, "e")
        #expect(first.map(\.event.callID.text) == ["one", "two"])
        #expect(first.map(\.event.type) == ["call.started", "call.started"])
        try await store.finishDelivery(first[0].id)
        let second = try await due(store, "e")
        #expect(second.map(\.event.type) == ["call.started", "call.ringing"])
    }

    @Test(arguments: TestEngine.allCases)
    func `a failed delivery is due later and keeps its event's name`(engine: TestEngine) async throws {
        let (store, _) = try await store(engine, [endpoint("e")])
        let delivery = try #require(try await due(store, "e").first)
        try await store.postponeDelivery(delivery.id, until: now + 30, failure: "status 500")
        #expect(try await due(store, "e").isEmpty)
        #expect(try await store.nextDelivery(to: "e", after: now) == now + 30)
        let again = try #require(try await due(store, "e", at: now + 30).first)
        #expect(again.event.id == delivery.event.id)
        #expect(again.attempts == 1)
        #expect(again.failure == "status 500")
    }

    @Test(arguments: TestEngine.allCases)
    func `a dead delivery is listed and replayed by its tenant only`(engine: TestEngine) async throws {
        let (store, _) = try await store(engine, [endpoint("e")])
        let delivery = try #require(try await due(store, "e").first)
        try await store.buryDelivery(delivery.id, at: now, failure: "given up")
        #expect(try await due(store, "e", at: now + 100_000).isEmpty)
        #expect(try await store.deadDeliveries(tenant: "acme").isEmpty)
        let dead = try await store.deadDeliveries(tenant: "default")
        #expect(dead.map(\.id) == [delivery.id])
        #expect(dead.map(\.diedAt) == [now])
        #expect(try await store.countDeliveries() == (0, 1))
        #expect(try await store.replayDelivery(delivery.id, tenant: "acme") == 0)
        #expect(try await store.replayDelivery(delivery.id, tenant: "default") == 1)
        let again = try #require(try await due(store, "e").first)
        #expect(again.attempts == 0 && again.event.id == delivery.event.id)
        #expect(try await store.countDeliveries() == (1, 0))
    }

    @Test(arguments: TestEngine.allCases)
    func `an endpoint that is gone gets nothing more until it is replayed`(engine: TestEngine) async throws {
        let (store, outbox) = try await store(engine, [endpoint("e"), endpoint("other")])
        try await store.stopEndpoint("e", because: "gone", at: now)
        outbox.tell("call.ringing", "one")
        try await store.writePending()
        #expect(try await due(store, "e").isEmpty)
        #expect(try await due(store, "other").count == 1)
        #expect(try await store.endpoint("e")?.stopped == "gone")
        #expect(try await store.activeEndpoints().map(\.id) == ["other"])
        #expect(try await store.deadDeliveries(tenant: nil).map(\.event.type) == ["call.started"])
        #expect(try await store.replayDelivery(nil, tenant: "default") == 1)
        #expect(try await store.endpoint("e")?.stopped == nil)
        #expect(try await due(store, "e").map(\.event.type) == ["call.started"])
    }

    @Test(arguments: TestEngine.allCases)
    func `what stands in the configuration is nobody elses to delete`(engine: TestEngine) async throws {
        let (store, _) = try await store(engine, [])
        try await store.setConfiguredEndpoints([endpoint("configured", tenant: nil)])
        try await store.putEndpoint(endpoint("own"))
        #expect(try await !store.deleteEndpoint("configured", tenant: "default"))
        #expect(try await !store.deleteEndpoint("own", tenant: "acme"))
        #expect(try await store.deleteEndpoint("own", tenant: "default"))
        try await store.setConfiguredEndpoints([])
        #expect(try await store.activeEndpoints().isEmpty)
        try await store.setConfiguredEndpoints([endpoint("configured", tenant: nil)])
        #expect(try await store.activeEndpoints().map(\.id) == ["configured"])
    }
}
