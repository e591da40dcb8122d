import Testing

@testable import TalkpathWire

struct OpenAIRetryTests {
    @Test(arguments: [
        ("Rate limit reached. Please try again in 1.2s.", 1200), ("Please try again in 120ms. Visit", 120),
        ("try again in 1m3.5s", 63_500), ("try again in 2h", 7_200_000),
    ])
    func `the time that an error names is read`(message: String, milliseconds: Int) {
        #expect(OpenAIRetry.pause(in: message) == .milliseconds(milliseconds))
    }

    @Test(arguments: [
        "", "Please try again later.", "try again in ", "try again in s", "try again in 1", "try again in 99999h",
        "try again in 1.2.3s", "try again in 99999999999999999999s",
    ])
    func `a message without a time gives none`(message: String) {
        #expect(OpenAIRetry.pause(in: message) == nil)
    }

    @Test func `errors about responses are distinguished from others`() throws {
        var codec = OpenAIRealtimeCodec()
        _ = try codec.receive(#"{"type":"session.updated","session":{}}"#)
        func report(_ error: String) throws -> AgentErrorReport? {
            guard case .error(let report)? = try codec.receive(#"{"type":"error","error":\#(error)}"#).first else {
                return nil
            }
            return report
        }
        let limit = try report(#"{"type":"tokens","code":"rate_limit_exceeded","message":"Please try again in 1.2s."}"#)
        #expect(limit?.refusesResponse == true && limit?.retryAfter == .milliseconds(1200))
        #expect(try report(#"{"type":"server_error","message":"m"}"#)?.refusesResponse == true)
        #expect(try report(#"{"type":"invalid_request_error","code":"x","param":"item.id"}"#)?.refusesResponse == false)
        let busy = #"{"type":"invalid_request_error","code":"conversation_already_has_active_response"}"#
        #expect(try report(busy)?.refusesResponse == false)
    }
}
