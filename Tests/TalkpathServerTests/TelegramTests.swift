import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// The summary of a call in a chat.
@Suite(.timeLimit(.minutes(5))) struct TelegramTests {
    private static let token = "123456:the-bots-own-token"

    private func deliver(
        _ type: String = "call.ended",
        answer: @escaping @Sendable (Receiver.Message) async -> Receiver.Reply,
        _ body: (Receiver, DeliveryOutcome) async throws -> Void
    ) async throws {
        try await Receiver.run(answer: answer) { receiver async throws in
            let store = try SQLCallStore(.memory, identifiers: SystemIdentifiers())
            var call = EndedCalls.call("one")
            call.transcript = [
                TranscriptEntry(speaker: .agent, text: "Hello *there*_", milliseconds: 0),
                TranscriptEntry(speaker: .caller, text: "Bye [now](", milliseconds: 1000),
            ]
            try await store.journal(EndedCalls.live("one"))
            try await store.save(call)
            let transport = try TelegramTransport(
                .init(botToken: Self.token, chatID: "-100", baseURL: receiver.url),
                policy: .development,
                store: store,
                clock: SystemClock()
            )
            var event = try #require(EventCatalogue.events(endOf: call).last)
            event.type = type
            let outcome = await transport.deliver(event)
            try await body(receiver, outcome)
            await transport.close()
        }
    }

    @Test func `a chat gets the end without any markup`() async throws {
        try await deliver(answer: { _ in .init(body: #"{"ok":true,"result":{}}"#) }) { receiver, outcome async throws in
            #expect(outcome == .delivered)
            let message = try await receiver.next()
            #expect(message.method == "POST" && message.path == "/bot\(Self.token)/sendMessage")
            #expect(message.headers["content-type"] == "application/json")
            #expect(message.json["chat_id"] == "-100" && message.json["parse_mode"] == nil)
            let text = try #require(message.json["text"]?.string)
            #expect(text.contains("Duration: 0:34") && text.contains("Ended: caller hangup"))
            #expect(text.hasSuffix("Agent: Hello *there*_\nCaller: Bye [now]("))
        }
    }

    @Test(arguments: [
        (429, #"{"ok":false,"error_code":429,"parameters":{"retry_after":5}}"#, true),
        (429, #"{"ok":false}"#, false), (502, "Bad gateway", false), (200, #"{"ok":false}"#, false),
    ])
    func `a failure that may pass is tried again`(status: Int, body: String, asks: Bool) async throws {
        try await deliver(answer: { _ in .init(status: status, body: body) }) { _, outcome async throws in
            #expect(
                outcome == .failed("Telegram answered with status \(status)", retryAfter: asks ? .seconds(5) : nil)
            )
        }
    }

    @Test(arguments: [400, 401, 403, 404])
    func `a permanent failure is not tried again and its error does not have the token`(status: Int) async throws {
        try await deliver(answer: { _ in .init(status: status) }) { _, outcome async throws in
            #expect(outcome == .refused("Telegram answered with status \(status)"))
            #expect(!"\(outcome)".contains(Self.token))
        }
    }

    @Test func `a chat gets the end only`() async throws {
        try await deliver("call.started", answer: { _ in .init(status: 500) }) { _, outcome async throws in
            #expect(outcome == .delivered)
        }
    }

    @Test func `the message of a long call fits the limit`() throws {
        let event = try #require(EventCatalogue.events(endOf: EndedCalls.call("one")).last)
        let turns = (0..<50).map { number in
            TranscriptEntry(speaker: .caller, text: String(repeating: "ö", count: 5000), milliseconds: number)
        }
        #expect(TelegramTransport.text(event, turns).count <= 4096)
    }
}
