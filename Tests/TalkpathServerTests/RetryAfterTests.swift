import NIOHTTP1
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// The time that a server asks its clients to wait.
@Suite(.timeLimit(.minutes(5))) struct RetryAfterTests {
    private static let now = WallTime(milliseconds: 784_111_777_000)

    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    ])
    func `dates are read in all of their forms`(text: String) {
        #expect(WallTime(httpDate: text) == Self.now)
    }

    @Test(arguments: [
        "", "soon", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 08:49:37:00 GMT",
        "Sun, 06 Brumaire 1994 08:49:37 GMT", "Sun, 99999999999999999999 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 9223372036854775807 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z",
    ])
    func `an invalid date is ignored`(text: String) {
        #expect(WallTime(httpDate: text) == nil)
    }

    @Test func `a leap day is a valid day`() {
        #expect(WallTime(httpDate: "Thu, 29 Feb 2024 00:00:00 GMT")?.rfc3339 == "2024-02-29T00:00:00.000Z")
    }

    @Test(
        arguments: [
            ("30", nil, Duration.seconds(30)), ("0", nil, .zero), ("-1", nil, nil), ("1.5", nil, nil), ("", nil, nil),
            ("99999999", nil, .seconds(86_400)), ("99999999999999999999", nil, nil),
            ("Sun, 06 Nov 1994 08:50:37 GMT", nil, .seconds(60)), ("Sun, 06 Nov 1994 08:40:00 GMT", nil, .zero),
            ("Sun, 06 Nov 2094 08:40:00 GMT", nil, .seconds(86_400)),
            // A server whose clock is one hour late.
            ("Sun, 06 Nov 1994 07:50:37 GMT", "Sun, 06 Nov 1994 07:49:37 GMT", .seconds(60)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", "yesterday", .seconds(60)),
        ] as [(String, String?, Duration?)]
    )
    func `seconds and dates are accepted up to one day`(text: String, date: String?, pause: Duration?) {
        var headers = [(name: "Retry-After", value: text)]
        if let date { headers.append((name: "Date", value: date)) }
        let answer = OutboundClient.Answer(status: 503, headers: headers, body: [])
        #expect(answer.retryAfter(at: Self.now) == pause)
    }

    @Test func `a webhook gets no request before the date that it names`() async throws {
        let headers = [("Retry-After", "Sun, 06 Nov 2094 08:49:37 GMT")]
        try await Receiver.run(answer: { _ in .init(status: 503, headers: headers) }) { receiver async throws in
            let store = try SQLCallStore(.memory, identifiers: SystemIdentifiers())
            let transport = WebhookTransport(
                try OutboundAddressPolicy.development.parse(receiver.url),
                secrets: .fixed([try #require(WebhookSecret(WebhookSecret.make()))]),
                messages: WebhookMessages(format: .standard, store: store),
                policy: .development,
                clock: SystemClock()
            )
            let event = try #require(EventCatalogue.events(endOf: EndedCalls.call("one")).last)
            #expect(
                await transport.deliver(event) == .failed("answered with status 503", retryAfter: .seconds(86_400))
            )
            await transport.close()
        }
    }
}
