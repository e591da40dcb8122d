import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

@testable import TalkpathServer

/// A running server, and the tests' requests to it.
struct TestServer: Sendable {
    static let key = "a key of sixteen or more"
    static let otherKey = "another key, of a tenant"
    static let origin = "https://voice.example.test"
    static let authToken = "0123456789abcdef0123456789abcdef"
    static let number = "+14155550101"

    let server: TalkpathServer
    let carrier: FakeCarrier
    let events: EventLog

    /// Outside development, as in production, except that it listens on loopback.
    static func configuration() -> ServerConfiguration {
        let agent = AgentProfile(
            provider: .openai,
            model: "test",
            apiKey: "model key",
            connectPolicy: .onAnswer,
            // No model listens there: calls without a model suffice for most tests.
            baseURL: "wss://127.0.0.1:9"
        )
        var configuration = ServerConfiguration(agent: agent)
        configuration.host = "127.0.0.1"
        configuration.port = 0
        configuration.publicURL = origin
        configuration.apiKeys = [.init(key), .init(otherKey, tenant: "other")]
        configuration.allowedDestinations = ["+1415"]
        configuration.callsPerSecond = 1000
        // A call without a model lasts as long as the test needs it.
        configuration.limits.agentRetryDelay = .seconds(60)
        // On a busy machine a test may be slow to connect the media.
        configuration.limits.mediaTimeout = .seconds(300)
        configuration.twilio = .init(accountSID: "AC1", authToken: authToken, fromNumber: "+14155550100")
        return configuration
    }

    static func run(
        carrier: FakeCarrier = FakeCarrier(),
        tenantCarriers: [String: FakeCarrier] = [:],
        configure: (inout ServerConfiguration) -> Void = { _ in },
        adjust: (inout TalkpathServer.Parts) -> Void = { _ in },
        logger: Logger = silent,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        var configuration = configuration()
        configure(&configuration)
        var parts = TalkpathServer.Parts()
        parts.carrier = carrier
        parts.tenantCarriers = tenantCarriers
        // Names resolve without a network; addresses are judged as they are written.
        parts.addressPolicy = OutboundAddressPolicy { host, port in
            [try SocketAddress(ipAddress: host.contains("test") ? "93.184.216.34" : host, port: port)]
        }
        let events = EventLog()
        parts.events = [events]
        adjust(&parts)
        let server = try await TalkpathServer.start(configuration, parts: parts, logger: logger)
        do {
            try await body(TestServer(server: server, carrier: carrier, events: events))
        } catch {
            await server.shutDown()
            throw error
        }
        await server.shutDown()
    }

    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    // MARK: HTTP

    struct Answer: Sendable, Equatable {
        var status: Int
        var headers: HTTPHeaders
        var text: String

        var json: JSONValue { (try? JSONValue(parsing: text)) ?? .null }
        subscript(name: String) -> JSONValue? { json[name] }
    }

    func send(
        _ method: HTTPMethod,
        _ path: String,
        _ body: String? = nil,
        key: String? = TestServer.key,
        headers: [(String, String)] = []
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(server.port)\(path)")
        request.method = method
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 1 << 22)
        let answer = Answer(
            status: Int(response.status.code),
            headers: response.headers,
            text: String(buffer: bytes)
        )
        // Every answer that a test reads must match the document.
        let breach = Contract.breach(
            method.rawValue,
            path,
            status: answer.status,
            contentType: answer.headers["Content-Type"].first,
            body: answer.text
        )
        if let breach { Issue.record("\(breach)") }
        return answer
    }

    func place(_ fields: String = "", key: String = TestServer.key) async throws -> CallID {
        let answer = try await send(.POST, "/api/calls", #"{"to":"\#(Self.number)"\#(fields)}"#, key: key)
        try #require(answer.status == 201, "\(answer.text)")
        return CallID(try #require(answer["call_id"]?.string))
    }

    func end(_ call: CallID, _ body: String? = nil) async throws -> Answer {
        try await send(.POST, "/api/calls/\(call)/end", body)
    }

    /// A webhook as Twilio sends it.
    func webhook(
        _ path: String,
        _ form: FormParameters,
        origin: String = TestServer.origin,
        token: String? = TestServer.authToken
    ) async throws -> Answer {
        var headers = [("Content-Type", "application/x-www-form-urlencoded")]
        if let token {
            let signature = TwilioSignature.sign(url: origin + path, parameters: form, key: token)
            headers.append((TwilioSignature.header, signature))
        }
        return try await send(.POST, path, String(decoding: form.encoded(), as: UTF8.self), key: nil, headers: headers)
    }

    /// Twilio's report of the call.
    func progress(_ status: String, of call: CallID) async throws {
        let form: FormParameters = ["CallSid": FakeCarrier.name(call), "CallStatus": status]
        let answer = try await webhook("/twilio/status?call_id=\(call)", form)
        try #require(answer.status == 204, "\(answer.text)")
    }

    // MARK: Media

    /// A media socket, signed as Twilio signs it.
    func mediaSocket(
        _ path: String = "/twilio/media-stream",
        origin: String = "wss://voice.example.test",
        token: String? = TestServer.authToken,
        headers: [(String, String)] = []
    ) async throws -> MediaSocket {
        let signature = token.map { TwilioSignature.sign(url: origin + path, key: $0) }
        return try await MediaSocket.connect(
            url: "ws://127.0.0.1:\(server.port)\(path)",
            headers: (signature.map { [(TwilioSignature.header, $0)] } ?? []) + headers
        )
    }

    /// The token in the instructions for the call.
    func streamToken(of call: CallID) async throws -> String {
        let form: FormParameters = ["CallSid": FakeCarrier.name(call), "CallStatus": "in-progress"]
        let answer = try await webhook("/twilio/voice?call_id=\(call)", form)
        return try #require(MediaSocket.token(inTwiML: answer.text), "\(answer.text)")
    }
}

/// Twilio's end of a media stream.
final class MediaSocket: Sendable {
    let connection: WebSocketConnection
    private let closes: AsyncStream<WebSocketClose>

    private final class Consumer: WebSocketConsumer {
        private let queue: AsyncStream<WebSocketClose>.Continuation
        init(_ queue: AsyncStream<WebSocketClose>.Continuation) { self.queue = queue }
        func opened(_ connection: WebSocketConnection) {}
        func received(_ message: RawSpan, isText: Bool) {}
        func closed(_ close: WebSocketClose) {
            queue.yield(close)
            queue.finish()
        }
    }

    private init(connection: WebSocketConnection, closes: AsyncStream<WebSocketClose>) {
        self.connection = connection
        self.closes = closes
    }

    static func connect(url: String, headers: [(String, String)]) async throws -> MediaSocket {
        let (closes, queue) = AsyncStream.makeStream(of: WebSocketClose.self)
        let connection = try await WebSocketClient.connect(
            url: url,
            headers: headers,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next()
        ) { Consumer(queue) }
        return MediaSocket(connection: connection, closes: closes)
    }

    static func token(inTwiML text: String) -> String? {
        guard let start = text.firstRange(of: #"name="token" value=""#)?.upperBound else { return nil }
        return String(text[start...].prefix { $0 != "\"" })
    }

    func start(call: String, token: String?) {
        let parameters = token.map { #","customParameters":{"token":"\#($0)"}"# } ?? ""
        send(#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)
        send(
            #"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"accountSid":"AC1","streamSid":"MZ1","#
                + #""callSid":"\#(call)","tracks":["inbound"],"#
                + #""mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}\#(parameters)}}"#
        )
    }

    func send(_ text: String) {
        connection.eventLoop.execute {
            _ = self.connection.write(Array(text.utf8).span.bytes)
            self.connection.flush()
        }
    }

    func waitForClose() async -> WebSocketClose? {
        for await close in closes { return close }
        return nil
    }
}
