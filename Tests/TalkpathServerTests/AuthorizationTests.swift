import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct AuthorizationTests {
    @Test(arguments: [nil, "wrong", "a key of sixteen or mor", "a key of sixteen or moree"] as [String?])
    func `a request without a valid key is refused before its body is read`(key: String?) async throws {
        try await TestServer.run { test async throws in
            // The body is not read; its content would be refused.
            for (method, path) in [("POST", "/api/calls"), ("GET", "/api/calls"), ("POST", "/api/calls/end")] {
                let answer = try await test.send(.init(rawValue: method), path, "{", key: key)
                #expect(answer.status == 401 && answer["code"] == "unauthorized")
                #expect(answer.headers["WWW-Authenticate"].first?.hasPrefix("Bearer") == true)
            }
        }
    }

    @Test func `other schemes of authorization are refused`() async throws {
        try await TestServer.run { test async throws in
            for value in ["Basic \(TestServer.key)", TestServer.key, "Bearer", "Bearer "] {
                let answer = try await test.send(.GET, "/api/calls", key: nil, headers: [("Authorization", value)])
                #expect(answer.status == 401)
            }
            let answer = try await test.send(
                .GET,
                "/api/calls",
                key: nil,
                headers: [("Authorization", "bearer  \(TestServer.key)")]
            )
            #expect(answer.status == 200)
        }
    }

    @Test func `health and readiness need no key`() async throws {
        try await TestServer.run { test async throws in
            let health = try await test.send(.GET, "/health", key: nil)
            #expect(health["status"] == "healthy" && health["active_calls"] == 0)
            #expect(try await test.send(.GET, "/ready", key: nil).status == 200)
        }
    }

    @Test func `another tenant's call answers like an unknown one`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            for (method, path) in [("GET", ""), ("POST", "/end")] {
                let theirs = try await test.send(
                    .init(rawValue: method),
                    "/api/calls/\(call)\(path)",
                    key: TestServer.otherKey
                )
                let unknown = try await test.send(
                    .init(rawValue: method),
                    "/api/calls/none\(path)",
                    key: TestServer.otherKey
                )
                #expect(theirs.status == 404 && theirs.text == unknown.text)
            }
            #expect(try await test.send(.GET, "/api/calls", key: TestServer.otherKey)["count"] == 0)
            #expect(try await test.send(.GET, "/api/calls")["count"] == 1)
        }
    }

    // MARK: Development

    private func withDevelopmentServer(_ body: (TestServer) async throws -> Void) async throws {
        try await TestServer.run(
            configure: { configuration in
                configuration.isDevelopment = true
                configuration.apiKeys = []
                configuration.publicURL = nil
                configuration.twilio = nil
                configuration.allowedDestinations = ["+"]
            },
            body
        )
    }

    @Test func `in development a request from this machine needs no key`() async throws {
        try await withDevelopmentServer { test async throws in
            for host in ["localhost", "localhost:99", "127.0.0.1:8080", "127.8.8.8", "[::1]:8080", "LOCALHOST"] {
                #expect(try await test.send(.GET, "/api/calls", key: nil, headers: [("Host", host)]).status == 200)
            }
            let answer = try await test.send(.POST, "/api/calls", #"{"to":"+14155550101"}"#, key: nil)
            #expect(answer.status == 201)
            #expect(answer["webhook_url"]?.string == "http://127.0.0.1:\(test.server.port)")
        }
    }

    @Test(arguments: [
        ("Host", "voice.example.com"), ("Host", "localhost.evil.example"), ("Host", "127.0.0.1.evil.example"),
        ("Host", "[::2]"), ("Forwarded", "for=1.2.3.4"), ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("x-forwarded-anything", "x"), ("Via", "1.1 proxy"), ("Origin", "https://evil.example"), ("Origin", "null"),
    ])
    func `in development a request from elsewhere is refused`(name: String, value: String) async throws {
        try await withDevelopmentServer { test async throws in
            for path in ["/api/calls", "/health", "/nothing", "/twilio/voice"] {
                let answer = try await test.send(.POST, path, "{}", key: nil, headers: [(name, value)])
                #expect(answer.status == 403 && answer["code"] == "forbidden")
            }
            await #expect(throws: (any Error).self) {
                _ = try await test.mediaSocket(token: nil, headers: [(name, value)])
            }
            #expect(try await test.send(.GET, "/health", key: nil)["active_calls"] == 0)
        }
    }
}
