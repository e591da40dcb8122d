import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TalkpathWire

/// A text model behind any service that speaks OpenAI's chat completions.
package struct TextModel: Sendable {
    package struct Message: Sendable {
        var role: String
        var content: String

        package init(_ role: String, _ content: String) {
            self.role = role
            self.content = content
        }
    }

    /// Why there is no answer.
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    private let url: String
    private let name: String
    private let key: String

    private static let patience = TimeAmount.seconds(60)

    /// - Throws: what is missing in the environment.
    package init(environment: [String: String]) throws(Failure) {
        guard let name = environment["TALKPATH_TEST_MODEL"], !name.isEmpty else {
            throw Failure(
                description: "TALKPATH_TEST_MODEL is not set: it names the text model that plays personas and judges"
            )
        }
        self.name = name
        url = environment["TALKPATH_TEST_MODEL_URL"] ?? "https://api.openai.com/v1"
        key = environment["TALKPATH_TEST_MODEL_KEY"] ?? environment["OPENAI_API_KEY"] ?? ""
    }

    package func answer(_ messages: [Message]) async throws(Failure) -> String {
        let body: JSONValue = [
            "model": .string(name),
            "messages": .array(messages.map { ["role": .string($0.role), "content": .string($0.content)] }),
        ]
        var request = HTTPClientRequest(url: url + "/chat/completions")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        if !key.isEmpty { request.headers.add(name: "authorization", value: "Bearer \(key)") }
        request.body = .bytes(ByteBuffer(bytes: body.serialized()))
        let status: UInt
        let bytes: [UInt8]
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: Self.patience)
            status = response.status.code
            bytes = Array(try await response.body.collect(upTo: 1 << 20).readableBytesView)
        } catch {
            throw Failure(description: "the text model at \(url) cannot be reached: \(error)")
        }
        let json = try? JSONValue(parsing: bytes)
        guard status == 200, let text = json?["choices"]?.array?.first?["message"]?["content"]?.string else {
            let detail = json?["error"]?["message"]?.string ?? "no text"
            throw Failure(description: "the text model at \(url) answered \(status): \(detail)")
        }
        return text
    }
}
