package import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
package import TalkpathWire

/// A client of the control API on loopback, for demos and benches.
package struct LoopbackClient: Sendable {
    private let client: HTTPClient
    private let origin: String

    package init(client: HTTPClient, origin: String) {
        self.client = client
        self.origin = origin
    }

    package struct Answer: Sendable {
        package var status: Int
        package var body: JSONValue
    }

    package func post(_ path: String, _ body: JSONValue) async throws -> Answer {
        var request = HTTPClientRequest(url: origin + path)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: body.serialized()))
        return try await send(request)
    }

    package func get(_ path: String) async throws -> Answer {
        try await send(HTTPClientRequest(url: origin + path))
    }

    private func send(_ request: HTTPClientRequest) async throws -> Answer {
        let response = try await client.execute(request, timeout: .seconds(15))
        var bytes = Array(try await response.body.collect(upTo: 1 << 22).readableBytesView)
        if bytes.isEmpty { bytes = Array("null".utf8) }
        return Answer(status: Int(response.status.code), body: try JSONValue(parsing: bytes.span.bytes))
    }

    /// A request that the server did not fulfil.
    package struct Refusal: Error, CustomStringConvertible {
        var answer: Answer

        package init(_ answer: Answer) {
            self.answer = answer
        }

        package var description: String {
            "the control API answered \(answer.status): \(answer.body.serializedText())"
        }
    }
}
