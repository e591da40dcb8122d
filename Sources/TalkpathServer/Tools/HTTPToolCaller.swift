import AsyncHTTPClient
import NIOCore
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// Calls an agent's functions as HTTP requests.
///
/// ```
/// POST https://shop.example/tools/stock
/// content-type: application/json
///
/// {"call_id":"…","tool_call_id":"…","name":"stock","arguments":{"item":"blue lamp"}}
/// ```
///
/// The model gets the body of a 2xx answer unchanged; it must be UTF-8. For any other answer the model gets a short
/// error, without addresses, headers or the text of an intermediary. Redirects are not followed, because they would
/// bypass the check of the address. Cancelling the task closes the connection.
///
/// Connections are reused for a while. Each goes to an address that was checked when the name was resolved, so a name
/// that leads elsewhere a moment later is not followed. Must be closed.
struct HTTPToolCaller: ToolEndpointCaller {
    /// The policy for addresses of functions.
    let policy: OutboundAddressPolicy
    private let clients: OutboundClients

    init(policy: OutboundAddressPolicy) {
        self.policy = policy
        clients = OutboundClients(policy: policy)
    }

    /// The limits that an endpoint's own limits cannot exceed.
    static let longestTimeout = Duration.seconds(55)
    static let mostBytes = 1 << 20

    func call(_ tool: AgentToolCall, at endpoint: ToolEndpoint, on call: CallID) async -> String {
        guard let arguments = tool.readableArguments else { return ToolOutput.brokenArguments }
        do {
            let url = try policy.parse(endpoint.url)
            let answer = try await clients.withClient(for: url) { client in
                try await Self.send(tool, arguments, endpoint, call, to: url, over: client)
            }
            return Self.output(answer)
        } catch is OutboundAddressError {
            return ToolOutput.error("the function's address must not be asked")
        } catch let error as HTTPClientError where [.deadlineExceeded, .readTimeout, .connectTimeout].contains(error) {
            return ToolOutput.error("the function took too long")
        } catch is NIOTooManyBytesError {
            return ToolOutput.error("the function's answer is too long")
        } catch {
            let failure = OutboundHTTP.failureOfTLS(error).map { ": \($0)" } ?? ""
            return ToolOutput.error("the function could not be reached\(failure)")
        }
    }

    func close() async { await clients.close() }

    private static func send(
        _ tool: AgentToolCall,
        _ arguments: JSONValue,
        _ endpoint: ToolEndpoint,
        _ call: CallID,
        to url: OutboundURL,
        over client: OutboundClient
    ) async throws -> OutboundClient.Answer {
        let body: JSONValue = [
            "call_id": .string(call.text), "tool_call_id": .string(tool.id), "name": .string(tool.name),
            "arguments": arguments,
        ]
        let own = endpoint.headers.filter { $0.key.lowercased() != "content-type" }
        return try await client.post(
            body.serialized(),
            to: url,
            headers: own.map { (name: $0.key, value: $0.value) } + [(name: "content-type", value: "application/json")],
            timeout: min(endpoint.timeout, longestTimeout),
            upTo: min(endpoint.maximumBytes, mostBytes)
        )
    }

    private static func output(_ answer: OutboundClient.Answer) -> String {
        guard (200..<300).contains(answer.status) else {
            return ToolOutput.error("the function answered with status \(answer.status)")
        }
        guard let text = String(validating: answer.body, as: UTF8.self) else {
            return ToolOutput.error("the function's answer is not UTF-8")
        }
        return text
    }
}
