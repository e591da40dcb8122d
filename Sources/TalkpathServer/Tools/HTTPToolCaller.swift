import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// Carries out an agent's functions as HTTP requests.
///
/// ```
/// POST https://shop.example/tools/stock
/// content-type: application/json
///
/// {"call_id":"…","tool_call_id":"…","name":"stock","arguments":{"item":"blue lamp"}}
/// ```
///
/// The body of a 2xx answer is what the model is told, as it stands; it must be UTF-8. Everything else is an error the
/// model is told of in a few words: it never learns addresses, headers or what an intermediary wrote. Redirects are not
/// followed, for they would lead around the check of the address. Cancelling the task closes the connection.
struct HTTPToolCaller: ToolEndpointCaller {
    /// Says why an address must not be asked; nil if it may. Asked before every request.
    typealias AddressCheck = @Sendable (_ url: String) async -> String?

    private let client: HTTPClient
    private let check: AddressCheck

    /// However generous an endpoint's own bounds are.
    static let longestTimeout = Duration.seconds(55)
    static let mostBytes = 1 << 20

    init(client: HTTPClient, check: @escaping AddressCheck) {
        self.client = client
        self.check = check
    }

    /// What holds for everything that a tenant names: outside development, https to public addresses only.
    static func check(_ policy: OutboundAddressPolicy) -> AddressCheck {
        { url in
            do {
                _ = try await policy.addresses(of: policy.parse(url))
                return nil
            } catch {
                return "the function's address must not be asked"
            }
        }
    }

    func call(_ tool: AgentToolCall, at endpoint: ToolEndpoint, on call: CallID) async -> String {
        if let refusal = await check(endpoint.url) { return ToolOutput.error(refusal) }
        let timeout = min(endpoint.timeout, Self.longestTimeout)
        do {
            let deadline = NIODeadline.now() + .nanoseconds(timeout.wholeNanoseconds)
            return try await send(Self.request(tool, endpoint, call), endpoint, until: deadline)
        } catch let error as HTTPClientError where [.deadlineExceeded, .readTimeout, .connectTimeout].contains(error) {
            return ToolOutput.error("the function took too long")
        } catch is NIOTooManyBytesError {
            return ToolOutput.error("the function's answer is too long")
        } catch {
            return ToolOutput.error("the function could not be reached")
        }
    }

    private func send(
        _ request: HTTPClientRequest,
        _ endpoint: ToolEndpoint,
        until deadline: NIODeadline
    ) async throws -> String {
        let response = try await client.execute(request, deadline: deadline)
        let body = try await response.body.collect(upTo: min(endpoint.maximumBytes, Self.mostBytes))
        guard (200..<300).contains(response.status.code) else {
            return ToolOutput.error("the function answered with status \(response.status.code)")
        }
        guard let text = String(validating: body.readableBytesView, as: UTF8.self) else {
            return ToolOutput.error("the function's answer is not UTF-8")
        }
        return text
    }

    private static func request(_ tool: AgentToolCall, _ endpoint: ToolEndpoint, _ call: CallID) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: endpoint.url)
        request.method = .POST
        for (name, value) in endpoint.headers { request.headers.replaceOrAdd(name: name, value: value) }
        request.headers.replaceOrAdd(name: "content-type", value: "application/json")
        let arguments = (try? JSONValue(parsing: tool.arguments)).flatMap { $0.object == nil ? nil : $0 } ?? [:]
        let body: JSONValue = [
            "call_id": .string(call.text), "tool_call_id": .string(tool.id), "name": .string(tool.name),
            "arguments": arguments,
        ]
        request.body = .bytes(ByteBuffer(bytes: body.serialized()))
        return request
    }
}
