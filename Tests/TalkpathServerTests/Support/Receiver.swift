import HTTPTypes
import Hummingbird
import NIOCore
import TalkpathWire

/// An HTTP server that keeps its requests, and answers as the test says.
final class Receiver: Sendable {
    struct Message: Sendable {
        var method: String
        var path: String
        /// Headers by their names in lower case.
        var headers: [String: String]
        var body: [UInt8]

        var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
        /// The type of the event.
        var type: String? { json["type"]?.string }
    }

    struct Reply: Sendable {
        var status = 200
        var headers: [(String, String)] = []
        var body = "{}"
    }

    let port: Int
    private let messages: AsyncStream<Message>

    var url: String { "http://127.0.0.1:\(port)" }

    private init(port: Int, messages: AsyncStream<Message>) {
        self.port = port
        self.messages = messages
    }

    /// The next request.
    func next() async throws -> Message {
        for await message in messages { return message }
        throw CancellationError()
    }

    /// The next request that matches; skips the others before it.
    func next(where isWanted: (Message) -> Bool) async throws -> Message {
        while true {
            let message = try await next()
            if isWanted(message) { return message }
        }
    }

    static func run(
        answer: @escaping @Sendable (Message) async -> Reply = { _ in Reply() },
        _ body: (Receiver) async throws -> Void
    ) async throws {
        let (messages, queue) = AsyncStream.makeStream(of: Message.self)
        let (ports, bound) = AsyncStream.makeStream(of: Int.self)
        let app = Application(
            responder: CallbackResponder<BasicRequestContext> { request, _ in
                var request = request
                let content = try await request.collectBody(upTo: 1 << 20)
                var headers: [String: String] = [:]
                for field in request.headers { headers[field.name.canonicalName] = field.value }
                let message = Message(
                    method: request.method.rawValue,
                    path: request.uri.description,
                    headers: headers,
                    body: Array(content.readableBytesView)
                )
                queue.yield(message)
                let reply = await answer(message)
                var response = Response(
                    status: .init(code: reply.status),
                    body: ResponseBody(byteBuffer: ByteBuffer(string: reply.body))
                )
                for (name, value) in reply.headers { response.headers[HTTPField.Name(name)!] = value }
                return response
            },
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { bound.yield($0.localAddress?.port ?? 0) },
            logger: TestServer.silent
        )
        let running = Task {
            defer { bound.finish() }
            try await app.run()
        }
        guard let port = await ports.first(where: { _ in true }) else { return try await running.value }
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(Receiver(port: port, messages: messages)))
        } catch {
            result = .failure(error)
        }
        running.cancel()
        _ = await running.result
        try result.get()
    }
}
