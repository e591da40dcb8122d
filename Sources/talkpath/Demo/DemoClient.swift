import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TalkpathWire

/// The control API, as any client would use it.
struct DemoClient {
    let client: HTTPClient
    let origin: String

    struct Answer {
        var status: Int
        var body: JSONValue
    }

    func post(_ path: String, _ body: JSONValue) async throws -> Answer {
        var request = HTTPClientRequest(url: origin + path)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: body.serialized()))
        return try await send(request)
    }

    func get(_ path: String) async throws -> Answer {
        try await send(HTTPClientRequest(url: origin + path))
    }

    private func send(_ request: HTTPClientRequest) async throws -> Answer {
        let response = try await client.execute(request, timeout: .seconds(15))
        var bytes = Array(try await response.body.collect(upTo: 1 << 22).readableBytesView)
        if bytes.isEmpty { bytes = Array("null".utf8) }
        return Answer(status: Int(response.status.code), body: try JSONValue(parsing: bytes.span.bytes))
    }
}
