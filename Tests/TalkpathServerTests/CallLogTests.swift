import Logging
import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// The log of calls and of the server, at `info`.
@Suite(.timeLimit(.minutes(5))) struct CallLogTests {
    @Test func `the log has the life of a call and of the server without numbers`() async throws {
        let book = LogBook()
        try await TestServer.run(logger: book.logger) { test async throws in
            let call = try await test.place()
            _ = try await test.webhook(
                "/twilio/status?call_id=\(call)",
                ["CallSid": FakeCarrier.name(call), "CallStatus": "ringing"]
            )
            await book.wait(for: "The call is ringing")
            let socket = try await test.mediaSocket()
            socket.start(call: FakeCarrier.name(call), token: try await test.streamToken(of: call))
            await book.wait(for: "The call was answered")
            #expect(try await test.end(call).status == 200)
            await book.wait(for: "Call ended")
            for words in ["An outbound call was placed", "The call is ringing", "The call was answered"] {
                #expect(book.has(words + " call_id=\(call)"), "\(words)")
            }
            #expect(book.all.contains { $0.text.contains("reason=ended_by_api") && $0.level == .info })
        }
        await book.wait(for: "Stopped")
        #expect(book.has("Stopping: no new calls are taken"))
        #expect(!book.all.contains { $0.text.contains("+1415") })
    }

    @Test func `libraries do not log their internals at debug`() async throws {
        let book = LogBook()
        var logger = book.logger
        logger.logLevel = .debug
        try await TestServer.run(logger: logger) { test async throws in
            #expect(try await test.send(.GET, "/health").status == 200)
        }
        #expect(!book.all.contains { $0.text.contains("service=") || $0.text.contains("services=") })
    }
}
