import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// The requests of AgenticAI's clients, from its documentation.
@Suite struct AgenticAITests {
    @Test func `a call is placed, listed and ended`() async throws {
        try await TestServer.run { test async throws in
            let placed = try await test.send(
                .POST,
                "/api/call",
                """
                {"to":"+14155550101","prompt":"You are making a quick announcement.",
                 "webhook_url":"https://voice.example.test","metadata":{"order":1}}
                """
            )
            #expect(placed["success"] == true && placed["to"] == "+14155550101")
            #expect(placed["webhook_url"] == "https://voice.example.test")
            let id = try #require(placed["call_id"]?.string)
            let list = try await test.send(.GET, "/api/calls")
            let line = try #require(list["calls"]?[0])
            #expect(list["count"] == 1 && line["call_id"]?.string == id)
            for field in ["call_id", "to_number", "from_number", "status", "direction", "started_at", "duration"] {
                #expect(line[field] != nil && line[field] != .null, "\(field)")
            }
            let ended = try await test.send(.POST, "/api/calls/\(id)/end")
            #expect(ended["success"] == true && ended["message"]?.string == "Call \(id) ended")
            let again = try await test.send(.POST, "/api/calls/\(id)/end")
            #expect(again["success"] == false && again["error"] == "Call not found")
        }
    }

    @Test func `health and the missing number are answered as documented`() async throws {
        try await TestServer.run { test async throws in
            let health = try await test.send(.GET, "/health", key: nil)
            #expect(health["status"] == "healthy" && health["active_calls"] == 0)
            let missing = try await test.send(.POST, "/api/call", #"{"prompt":"x"}"#)
            #expect(missing["success"] == false && missing["error"] == "Missing 'to' phone number")
        }
    }
}
