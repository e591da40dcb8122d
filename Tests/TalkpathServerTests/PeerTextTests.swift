import Logging
import NIOCore
import NIOPosix
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Texts of peers in the log.
@Suite(.timeLimit(.minutes(5))) struct PeerTextTests {
    @Test func `a peer's text is one printable line of bounded length`() {
        #expect("rate_limit: try again in 2 s".asLogged == "rate_limit: try again in 2 s")
        #expect("a\r\n2026 critical: all is lost".asLogged == "a??2026 critical: all is lost")
        #expect("\u{1B}[2J\u{0}\u{7F}\u{9B}\u{2028}\u{202E}é\t".asLogged == "?[2J???????")
        #expect(String(repeating: "é", count: 100_000).asLogged.utf8.count == 200)
    }

    /// A model whose every text tries to begin a log line.
    private final class RudeModel: WebSocketConsumer {
        static let words = #"x\n2026-01-01 critical talkpath: all is lost\u001b[2J"#
        private var connection: WebSocketConnection?

        func opened(_ connection: WebSocketConnection) {
            self.connection = connection
            send(#"{"type":"session.created","session":{}}"#)
        }

        func received(_ message: RawSpan, isText: Bool) {
            guard let json = try? JSONValue(parsing: message), json["type"]?.string == "session.update" else { return }
            let words = Self.words
            send(#"{"type":"session.updated","session":{}}"#)
            send(#"{"type":"\#(words)","\#(words)":1}"#)
            send(#"{"type":"response.output_audio.delta","response_id":1,"item_id":"\#(words)","delta":"\#(words)"}"#)
            send(#"{"type":"error","error":{"type":"\#(words)","code":"\#(words)","message":"\#(words)"}}"#)
            send(
                #"{"type":"response.done","response":{"id":"r","status":"failed","status_details":{"type":"failed","#
                    + #""error":{"type":"\#(words)","code":"\#(words)"}}}}"#
            )
            connection?.beginClose(code: 4000, reason: "bye\n2026-01-01 critical talkpath: all is lost\u{1B}[2J")
        }

        func closed(_ close: WebSocketClose) { connection = nil }

        private func send(_ text: String) {
            _ = connection?.write(Array(text.utf8).span.bytes)
            connection?.flush()
        }
    }

    @Test func `no text of a model begins a line of the log`() async throws {
        let model = try await WebSocketServer.bind(
            group: MultiThreadedEventLoopGroup.singleton,
            routes: WebSocketRoutes { _ in .accept(.agent) { RudeModel() } }
        )
        let book = LogBook()
        try await TestServer.run(
            configure: {
                $0.isDevelopment = true
                $0.agent.baseURL = "ws://127.0.0.1:\(model.port)/v1/realtime"
            },
            logger: book.logger
        ) { test async throws in
            let socket = try await test.mediaSocket(token: nil)
            socket.start(call: "CA1", token: nil)
            for words in ["reported an error", "did not complete an answer", "session was lost"] {
                await book.wait(for: words)
            }
        }
        await model.close()
        let lines = book.all.map(\.text)
        #expect(
            lines.contains { $0.contains("all is lost") },
            "the log lacks the model's text, so the test proves nothing"
        )
        for line in lines {
            #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }, "\(line.debugDescription)")
        }
    }
}
