import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// A tenant's limits on open streams and on stored agents.
@Suite(.timeLimit(.minutes(5))) struct TenantPlacesTests {
    @Test func `places are counted by tenant and given back by their end`() {
        let places = TenantPlaces(most: 2)
        var held = [places.take("a"), places.take("a")]
        #expect(held.allSatisfy { $0 != nil } && places.take("a") == nil)
        #expect(places.take("b") != nil)
        held.removeLast()
        held.append(places.take("a"))
        #expect(held[1] != nil && places.take("a") == nil)
    }

    private func follow(_ call: CallID, _ test: TestServer) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(test.server.port)/api/calls/\(call)/events")
        request.headers.add(name: "Authorization", value: "Bearer \(TestServer.key)")
        return try await HTTPClient.shared.execute(request, timeout: .seconds(60))
    }

    @Test func `a tenant at its limit of streams is refused until a stream ends`() async throws {
        try await TestServer.run(configure: { $0.maximumFollowersPerTenant = 2 }) { test async throws in
            let ended = try await test.place()
            let live = try await test.place()
            let first = try await follow(ended, test)
            let second = try await follow(live, test)
            #expect(first.status == .ok && second.status == .ok)
            let refusal = try await test.send(.GET, "/api/calls/\(live)/events")
            #expect(refusal.status == 429 && refusal["code"]?.string == "too_many_followers")
            #expect(refusal.headers.first(name: "Retry-After") != nil)
            // Other tenants have their own places.
            let other = try await test.place(key: TestServer.otherKey)
            _ = try await test.send(.POST, "/api/calls/\(other)/end", key: TestServer.otherKey)
            let theirs = try await test.send(.GET, "/api/calls/\(other)/events", key: TestServer.otherKey)
            #expect(theirs.status == 200)
            // A stream that ends gives its place back.
            _ = try await test.end(ended)
            for try await _ in first.body {}
            while try await follow(live, test).status != .ok { try await Task.sleep(for: .milliseconds(5)) }
        }
    }

    @Test func `a tenant at its limit of agents can change agents but not add one`() async throws {
        try await TestServer.run(configure: { $0.maximumAgentsPerTenant = 2 }) { test async throws in
            for id in ["one", "two", "one"] {
                let status = try await test.send(.PUT, "/api/agents/\(id)", "{}").status
                #expect([200, 201].contains(status))
            }
            let answers = [
                try await test.send(.PUT, "/api/agents/three", "{}"), try await test.send(.POST, "/api/agents", "{}"),
            ]
            for answer in answers {
                #expect(answer.status == 429 && answer["code"]?.string == "too_many_agents")
                #expect(answer["detail"]?.string == "There are 2 agents already: delete one first")
            }
            #expect(try await test.send(.PUT, "/api/agents/three", "{}", key: TestServer.otherKey).status == 201)
            #expect(try await test.send(.DELETE, "/api/agents/two").status == 204)
            #expect(try await test.send(.PUT, "/api/agents/three", "{}").status == 201)
        }
    }
}
