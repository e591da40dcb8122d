import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import TalkpathServer
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

    /// The reason why there is no answer.
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    private let url: String
    private let name: String
    private let key: String

    private static let patience = TimeAmount.seconds(60)

    /// - Throws: the reason why this model cannot be asked, before any call is played.
    package init(environment: [String: String]) throws(Failure) {
        guard let name = environment["TALKPATH_TEST_MODEL"], !name.isEmpty else {
            throw Failure(
                description: "TALKPATH_TEST_MODEL is not set: it names the text model that plays personas and judges"
            )
        }
        let url = environment["TALKPATH_TEST_MODEL_URL"] ?? "https://api.openai.com/v1"
        guard (try? OutboundURL(url)) != nil else {
            throw Failure(description: "TALKPATH_TEST_MODEL_URL is no address of the form https://host/path: \(url)")
        }
        key = environment["TALKPATH_TEST_MODEL_KEY"] ?? environment["OPENAI_API_KEY"] ?? ""
        guard !key.isEmpty || environment["TALKPATH_TEST_MODEL_URL"] != nil else {
            throw Failure(description: "neither TALKPATH_TEST_MODEL_KEY nor OPENAI_API_KEY is set, for \(url)")
        }
        self.name = name
        self.url = url
    }

    package func answer(_ messages: [Message]) async throws(Failure) -> String {
        let body: JSONValue = [
            "model": .string(name),
            "messages": .array(messages.map { ["role": .string($0.role), "content": .string($0.content)] }),
        ]
        var headers = [(name: "Content-Type", value: "application/json")]
        if !key.isEmpty { headers.append((name: "Authorization", value: "Bearer \(key)")) }
        var request = OutboundHTTP.request(.POST, url + "/chat/completions", headers: headers)
        request.body = .bytes(ByteBuffer(bytes: body.serialized()))
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: OutboundHTTP.configuration(for: url)
        )
        let result: Result<(status: UInt, bytes: [UInt8]), any Error>
        do {
            let response = try await client.execute(request, timeout: Self.patience)
            result = .success(
                (response.status.code, Array(try await response.body.collect(upTo: 1 << 20).readableBytesView))
            )
        } catch {
            result = .failure(error)
        }
        try? await client.shutdown()
        switch result {
        case .success(let (status, bytes)): return try text(status, bytes)
        case .failure(let error):
            let reason = OutboundHTTP.failureOfTLS(error) ?? "\(error)"
            throw Failure(description: "the text model at \(url) cannot be reached: \(reason)")
        }
    }

    private func text(_ status: UInt, _ bytes: [UInt8]) throws(Failure) -> String {
        let json = try? JSONValue(parsing: bytes)
        guard status == 200, let text = json?["choices"]?.array?.first?["message"]?["content"]?.string else {
            let detail = json?["error"]?["message"]?.string ?? "no text"
            throw Failure(description: "the text model at \(url) answered \(status): \(detail)")
        }
        return text
    }
}
