import NIOCore
import NIOPosix
import TalkpathNIO
import TalkpathWire

/// A model over OpenAI's protocol that echoes the caller's audio at once, in the same format.
final class EchoingModel: WebSocketConsumer {
    private let log: Log
    private var connection: WebSocketConnection?
    private var responses = 0

    /// The types of the messages that models received, for tests to wait for.
    final class Log: Sendable {
        let messages: AsyncStream<String>
        private let queue: AsyncStream<String>.Continuation

        init() {
            (messages, queue) = AsyncStream.makeStream()
        }

        func add(_ type: String) { queue.yield(type) }

        func waitFor(_ type: String) async {
            for await message in messages where message == type { return }
        }
    }

    init(log: Log) {
        self.log = log
    }

    static func serve(on group: any EventLoopGroup, log: Log) async throws -> WebSocketServer {
        try await WebSocketServer.bind(
            group: group,
            routes: WebSocketRoutes { request in
                request.path == "/v1/realtime" ? .accept(.agent) { EchoingModel(log: log) } : .notAWebSocket
            }
        )
    }

    func opened(_ connection: WebSocketConnection) {
        self.connection = connection
        log.add("opened")
        send(["type": "session.created", "session": [:]])
    }

    func received(_ message: RawSpan, isText: Bool) {
        guard let json = try? JSONValue(parsing: message), let type = json["type"]?.string else { return }
        log.add(type)
        switch type {
        case "session.update":
            send(["type": "session.updated", "session": [:]])
            responses += 1
            send(["type": "response.created", "response": ["id": .string("resp_\(responses)")]])
        case "input_audio_buffer.append":
            send([
                "type": "response.output_audio.delta", "response_id": .string("resp_\(responses)"),
                "item_id": .string("item_\(responses)"), "output_index": 0, "content_index": 0,
                "delta": json["audio"] ?? "",
            ])
        default:
            break
        }
    }

    func closed(_ close: WebSocketClose) {
        log.add("closed")
        connection = nil
    }

    private func send(_ message: JSONValue) {
        _ = connection?.write(message.serialized().span.bytes)
        connection?.flush()
    }
}
