import NIOHTTP1
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Calls with a web page or another program as the telephone.
@Suite(.timeLimit(.minutes(5))) struct WebCallTests {
    private func begin(
        _ test: TestServer,
        _ body: String? = nil,
        key: String = TestServer.key
    ) async throws -> (call: CallID, token: String) {
        let answer = try await test.send(.POST, "/api/web-calls", body, key: key)
        try #require(answer.status == 201, "\(answer.text)")
        let id = try #require(answer["call_id"]?.string)
        #expect(answer["media_path"]?.string == "/web-calls/media/\(id)")
        #expect(answer["media_url"]?.string == "wss://voice.example.test/web-calls/media/\(id)")
        #expect(answer.headers["Location"] == ["/api/calls/\(id)"])
        return (CallID(id), try #require(answer["token"]?.string))
    }

    private func socket(_ test: TestServer, _ call: CallID) async throws -> MediaSocket {
        try await test.mediaSocket("/web-calls/media/\(call)", token: nil)
    }

    @Test func `a page with the token joins the call and hangs up with a stop`() async throws {
        try await TestServer.run { test async throws in
            let (call, token) = try await begin(test, #"{"metadata":{"page":"shop"},"variables":{"name":"Ada"}}"#)
            let socket = try await socket(test, call)
            socket.start(call: "", token: token)
            _ = await test.events.wait { $0 == .mediaStarted }
            let facts = try await test.send(.GET, "/api/calls/\(call)")
            #expect(facts["status"] == "in_progress" && facts["from_number"] == "web")
            #expect(facts["carrier_call_id"] == .null && facts["direction"] == "inbound")
            #expect(facts["metadata"] == ["page": "shop"] && facts["variables"] == ["name": "Ada"])
            socket.send(#"{"event":"stop","streamSid":"MZ1","stop":{"accountSid":"","callSid":""}}"#)
            _ = await test.events.wait { if case .ended = $0 { true } else { false } }
            let ended = try await test.send(.GET, "/api/calls/\(call)")
            #expect(ended["ended_reason"] == "caller_hangup", "\(ended.text)")
            // The carrier had no part in it.
            #expect(test.carrier.hungUp.isEmpty)
        }
    }

    @Test func `a page whose socket breaks has lost its media`() async throws {
        try await TestServer.run { test async throws in
            let (call, token) = try await begin(test)
            let socket = try await socket(test, call)
            socket.start(call: "", token: token)
            _ = await test.events.wait { $0 == .mediaStarted }
            await socket.connection.close()
            _ = await test.events.wait { if case .ended = $0 { true } else { false } }
            #expect(try await test.send(.GET, "/api/calls/\(call)")["ended_reason"] == "media_lost")
        }
    }

    @Test func `the end of the call closes the page's socket`() async throws {
        try await TestServer.run { test async throws in
            let (call, token) = try await begin(test)
            let socket = try await socket(test, call)
            socket.start(call: "", token: token)
            _ = await test.events.wait { $0 == .mediaStarted }
            #expect(try await test.end(call)["ended_reason"] == "ended_by_api")
            #expect(await socket.waitForClose() != nil)
        }
    }

    @Test(arguments: [nil, "guessed"] as [String?])
    func `a page without the token gets no call`(token: String?) async throws {
        // The same holds in development, where the carrier's socket would begin its own call.
        for isDevelopment in [false, true] {
            try await TestServer.run(configure: { $0.isDevelopment = isDevelopment }) { test async throws in
                let (call, _) = try await begin(test)
                let socket = try await socket(test, call)
                socket.start(call: "", token: token)
                #expect(await socket.waitForClose()?.code == WebSocketCloseCode.policyViolation)
                #expect(try await test.send(.GET, "/api/calls/\(call)")["status"] != "completed")
                #expect(try await test.send(.GET, "/health")["active_calls"] == 1)
            }
        }
    }

    @Test func `a token is valid for one socket only`() async throws {
        try await TestServer.run { test async throws in
            let (call, token) = try await begin(test)
            let first = try await socket(test, call)
            first.start(call: "", token: token)
            _ = await test.events.wait { $0 == .mediaStarted }
            let second = try await socket(test, call)
            second.start(call: "", token: token)
            #expect(await second.waitForClose()?.code == WebSocketCloseCode.policyViolation)
        }
    }

    @Test func `an invalid request is refused and begins no call`() async throws {
        try await TestServer.run(configure: { $0.maximumCallsPerTenant = 1 }) { test async throws in
            #expect(try await test.send(.POST, "/api/web-calls", #"{"to":"+14155550101"}"#)["code"] == "unknown_field")
            #expect(try await test.send(.POST, "/api/web-calls", #"{"agent_id":"none"}"#)["code"] == "agent_not_found")
            #expect(try await test.send(.POST, "/api/web-calls", "{}", key: nil).status == 401)
            #expect(try await test.send(.GET, "/health")["active_calls"] == 0)
            _ = try await begin(test)
            #expect(try await test.send(.POST, "/api/web-calls", "{}")["code"] == "too_many_calls")
            _ = try await begin(test, key: TestServer.otherKey)
        }
    }

    @Test func `a call without a carrier cannot be transferred and goes on`() async throws {
        try await TestServer.run { test async throws in
            let (call, token) = try await begin(test)
            let socket = try await socket(test, call)
            socket.start(call: "", token: token)
            _ = await test.events.wait { $0 == .mediaStarted }
            let answer = try await test.send(.POST, "/api/calls/\(call)/transfer", #"{"to":"+14155550101"}"#)
            #expect(answer.status == 409 && answer["code"] == "not_possible_now", "\(answer.text)")
            #expect(try await test.send(.GET, "/api/calls/\(call)")["status"] == "in_progress")
        }
    }

    @Test func `a call whose page never connects ends by itself`() async throws {
        try await TestServer.run { test async throws in
            let (call, _) = try await begin(test, #"{"media_timeout_s":3}"#)
            _ = await test.events.wait { if case .ended = $0 { true } else { false } }
            #expect(try await test.send(.GET, "/api/calls/\(call)")["ended_reason"] == "media_lost")
        }
    }
}
