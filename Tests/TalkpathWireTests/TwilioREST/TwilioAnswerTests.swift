import TalkpathWire
import Testing

@Suite("Answers of Twilio")
struct TwilioAnswerTests {
    @Test func `a finished call is read`() throws {
        let body = """
            {"sid":"CA1","account_sid":"AC1","parent_call_sid":null,"to":"+15551230002","from":"+15551230001",\
            "status":"completed","start_time":"Tue, 31 Mar 2026 10:00:00 +0000","end_time":null,"duration":"34",\
            "price":"-0.02","direction":"outbound-api","answered_by":"machine_end_beep","queue_time":"1200",\
            "subresource_uris":{"recordings":"/x"}}
            """
        let call = try TwilioCallResource(status: 200, body: Array(body.utf8))
        #expect(call.sid == "CA1" && call.accountSID == "AC1" && call.parentCallSID == nil)
        #expect(call.to == "+15551230002" && call.from == "+15551230001")
        #expect(call.status == .completed && call.status.isTerminal)
        #expect(call.duration == 34 && call.queueTime == 1200)
        #expect(call.startTime == "Tue, 31 Mar 2026 10:00:00 +0000" && call.endTime == nil)
        #expect(call.direction == .outboundAPI)
        #expect(call.answeredBy == .machineEndBeep)
        var text = "\(call) \(String(reflecting: call))"
        dump(call, to: &text)
        #expect(text.contains("CA1") && !text.contains("1555"))
    }

    @Test func `a call just placed is read and unknown words are kept`() throws {
        let body = #"{"sid":"CA1","status":"teleported","duration":null,"direction":"trunking-terminating"}"#
        let call = try TwilioCallResource(status: 201, body: Array(body.utf8))
        #expect(call.status == .unknown("teleported") && !call.status.isTerminal)
        #expect(call.direction == .unknown("trunking-terminating"))
        #expect(call.duration == nil && call.answeredBy == nil)
    }

    @Test(arguments: ["", "<html>", "{}", #"{"sid":"CA1"}"#, #"["sid"]"#, "{\"sid\":\"CA1\",\"status\":7}"])
    func `a successful answer without a call is an error`(body: String) {
        let error = #expect(throws: TwilioError.self) { try TwilioCallResource(status: 200, body: Array(body.utf8)) }
        #expect(error?.kind == .unexpected && error?.status == 200)
    }

    @Test(
        arguments: [
            (400, #"{"code":21220,"message":"Call is not in-progress. Cannot redirect.","status":400}"#, .alreadyOver),
            (404, #"{"code":20404,"message":"not found","more_info":"https://x","status":404}"#, .alreadyOver),
            (
                404, #"{"type":"about:blank","title":"Not Found","status":404,"code":"20404","detail":"gone"}"#,
                .alreadyOver
            ),
            (404, "<html>nginx</html>", .unexpected),
            (404, "{}", .unexpected),
            (401, #"{"code":20003,"message":"Authenticate","status":401}"#, .unauthorized),
            (401, "", .unauthorized),
            (403, #"{"code":20005,"message":"Account not active"}"#, .unauthorized),
            (429, #"{"code":20429,"message":"Too Many Requests"}"#, .rateLimited(retryAfter: nil)),
            (400, #"{"code":21211,"message":"Invalid 'To' Phone Number: +15551230002"}"#, .invalidRequest),
            (400, "", .invalidRequest),
            (422, #"{"title":"Unprocessable"}"#, .invalidRequest),
            (409, #"{"code":99999}"#, .invalidRequest),
            (500, "oops", .server), (502, "<html>bad gateway</html>", .server), (503, "{}", .server),
            (408, "", .server),
            (301, "", .unexpected), (405, "Method Not Allowed", .unexpected),
        ] as [(Int, String, TwilioError.Kind)]
    )
    func `errors are classified by code and status`(status: Int, body: String, kind: TwilioError.Kind) {
        let error = #expect(throws: TwilioError.self) { try TwilioCallResource(status: status, body: Array(body.utf8)) }
        #expect(error?.kind == kind)
    }

    @Test func `both forms of error bodies are read`() {
        let legacy = TwilioError(status: 400, body: Array(#"{"code":21220,"message":"Call is not in-progress."}"#.utf8))
        #expect(legacy.code == 21220 && legacy.message == "Call is not in-progress.")
        let problem = TwilioError(
            status: 422,
            body: Array(#"{"title":"Invalid","detail":"To is missing","code":21201,"errors":[{"detail":"x"}]}"#.utf8)
        )
        #expect(problem.code == 21201 && problem.message == "To is missing")
        let other = TwilioError(status: 502, body: Array("<html>".utf8))
        #expect(other.code == nil && other.message == "HTTP status 502")
    }

    @Test(
        arguments: [
            ("7", .seconds(7)), ("0", .zero), ("-1", nil), ("Wed, 21 Oct 2026 07:28:00 GMT", nil), (nil, nil),
            ("99999999999", .seconds(86_400)), ("999999999999999999999999", nil),
        ] as [(String?, Duration?)]
    )
    func `the time to wait is read`(header: String?, duration: Duration?) {
        let error = TwilioError(status: 429, retryAfter: header, body: [])
        #expect(error.kind == .rateLimited(retryAfter: duration))
        #expect(error.isTransient)
    }

    @Test func `descriptions contain no part of Twilio's message`() {
        let error = TwilioError(status: 400, body: Array(#"{"code":21211,"message":"+15551230002 is invalid"}"#.utf8))
        var text = "\(error) \(String(reflecting: error))"
        dump(error, to: &text)
        #expect(text.contains("21211") && !text.contains("1555"))
        #expect(!error.isTransient)
    }
}
