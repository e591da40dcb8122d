import AsyncHTTPClient
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import TalkpathCore
import TalkpathWire

/// Requests to other nodes. They go straight to the node, past every proxy. Must be closed.
struct NodeClient: Sendable {
    private let http: HTTPClient
    private let signature: NodeSignature
    private let clock: any CallClock

    /// The limit of HTTP for a sign of life, far behind that of ``SignPatience``.
    private static let longestSign = TimeAmount.seconds(10)
    /// The headers of a request that the node with the call needs.
    private static let passed: [HTTPField.Name] = [
        .accept, .contentType, .idempotencyKey, .traceparent, .twilioSignature, .twilioSignatureSettings,
        .init("Last-Event-ID")!, .range,
    ]
    /// The headers of an answer that belong to its connection.
    private static let dropped: Set<String> = ["connection", "keep-alive", "transfer-encoding", "date", "server"]

    init(signature: NodeSignature, clock: any CallClock) {
        self.signature = signature
        self.clock = clock
        var configuration = OutboundHTTP.configuration
        configuration.timeout.connect = .milliseconds(700)
        // A drained end may take minutes; a stream sends a sign of life every few seconds.
        configuration.timeout.read = .minutes(10)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 512
        // One node's answer may be its last: a connection that was closed meanwhile must not fail a request.
        configuration.connectionPool.idleTimeout = .seconds(5)
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func close() async { try? await http.shutdown() }

    struct Question: Sendable {
        var method: HTTPRequest.Method
        /// The path with its query.
        var target: String
        var headers: HTTPFields = [:]
        var body: [UInt8] = []
        var tenant = ""
    }

    /// True if a life of a node goes on, by its own word.
    func isAlive(_ epoch: Int64, at url: String, from own: Int64) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await answersAlive(epoch, at: url, from: own) }
            group.addTask {
                var patience = SignPatience(at: clock.now)
                repeat {
                    // Cancelled once there is an answer.
                    guard (try? await Task.sleep(for: SignPatience.tick)) != nil else { return false }
                } while !patience.isOver(at: clock.now)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    private func answersAlive(_ epoch: Int64, at url: String, from own: Int64) async -> Bool {
        let question = Question(method: .get, target: NodeRoutes.lifePath)
        let request = request(question, to: epoch, at: url, from: own)
        guard let response = try? await http.execute(request, timeout: Self.longestSign),
            response.status == .ok, let body = try? await response.body.collect(upTo: 4096),
            let json = try? JSONValue(parsing: Array(body.readableBytesView))
        else { return false }
        return json["epoch"]?.int.map(Int64.init) == epoch
    }

    /// The answer of the node that has a call, word for word; the body as it comes.
    func forward(_ question: Question, to epoch: Int64, at url: String, from own: Int64) async throws -> Response {
        let request = request(question, to: epoch, at: url, from: own)
        let answer = try await http.execute(request, deadline: .distantFuture)
        var headers: HTTPFields = [:]
        for (name, value) in answer.headers where !Self.dropped.contains(name.lowercased()) {
            guard let name = HTTPField.Name(name) else { continue }
            headers.append(HTTPField(name: name, value: value))
        }
        let length = headers[.contentLength].flatMap { Int($0) }
        headers[.contentLength] = nil
        let body = answer.body
        let write: @Sendable (inout any ResponseBodyWriter) async throws -> Void = { writer in
            for try await part in body { try await writer.write(part) }
            try await writer.finish(nil)
        }
        return Response(
            status: .init(code: Int(answer.status.code), reasonPhrase: answer.status.reasonPhrase),
            headers: headers,
            body: length.map { ResponseBody(contentLength: $0, write) } ?? ResponseBody(write)
        )
    }

    /// Headers by which another node knows this one.
    func headers(
        _ question: Question,
        to epoch: Int64,
        from own: Int64
    ) -> [(name: String, value: String)] {
        signature.headers(
            NodeSignature.Subject(
                from: own,
                to: epoch,
                tenant: question.tenant,
                time: clock.wallTime.milliseconds / 1000,
                method: question.method.rawValue,
                target: question.target,
                body: question.body
            )
        )
    }

    private func request(
        _ question: Question,
        to epoch: Int64,
        at url: String,
        from own: Int64
    ) -> HTTPClientRequest {
        var request = OutboundHTTP.request(
            HTTPMethod(rawValue: question.method.rawValue),
            url + question.target,
            headers: headers(question, to: epoch, from: own)
        )
        for name in Self.passed {
            for value in question.headers[values: name] { request.headers.add(name: name.rawName, value: value) }
        }
        if !question.body.isEmpty { request.body = .bytes(ByteBuffer(bytes: question.body)) }
        return request
    }
}
