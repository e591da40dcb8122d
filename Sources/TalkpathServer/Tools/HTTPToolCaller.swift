import AsyncHTTPClient
import NIOCore
import TalkpathAudio
import TalkpathCore
import TalkpathWire
import Tracing

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
    private let traces: CallTraces?

    init(policy: OutboundAddressPolicy, traces: CallTraces? = nil) {
        self.policy = policy
        self.traces = traces
        clients = OutboundClients(policy: policy)
    }

    /// The limits that an endpoint's own limits cannot exceed.
    static let longestTimeout = Duration.seconds(55)
    static let mostBytes = 1 << 20

    func call(_ tool: AgentToolCall, at endpoint: ToolEndpoint, on call: CallID) async -> String {
        guard let arguments = tool.readableArguments else { return ToolOutput.brokenArguments }
        let span = traces.map { FunctionSpan(tool, on: call, kind: .client, $0) }
        let (output, status, error) = await ask(tool, arguments, endpoint, call, span?.headers ?? [])
        span?.end(output, status: status, error: error)
        return output
    }

    /// - Returns: the result for the model, the status of an answer, and the reason for a missing one, in a word.
    private func ask(
        _ tool: AgentToolCall,
        _ arguments: JSONValue,
        _ endpoint: ToolEndpoint,
        _ call: CallID,
        _ trace: [(name: String, value: String)]
    ) async -> (output: String, status: Int?, error: String?) {
        do {
            let url = try policy.parse(endpoint.url)
            let answer = try await clients.withClient(for: url) { client in
                try await Self.send(tool, arguments, endpoint, call, trace, to: url, over: client)
            }
            let isGood = (200..<300).contains(answer.status)
            return (Self.output(answer), answer.status, isGood ? nil : String(answer.status))
        } catch is OutboundAddressError {
            return (ToolOutput.error("the function's address must not be asked"), nil, "address_refused")
        } catch let error as HTTPClientError where [.deadlineExceeded, .readTimeout, .connectTimeout].contains(error) {
            return (ToolOutput.error("the function took too long"), nil, "timeout")
        } catch is NIOTooManyBytesError {
            return (ToolOutput.error("the function's answer is too long"), nil, "too_long")
        } catch {
            let failure = OutboundHTTP.failureOfTLS(error).map { ": \($0)" } ?? ""
            return (ToolOutput.error("the function could not be reached\(failure)"), nil, "unreachable")
        }
    }

    func close() async { await clients.close() }

    private static func send(
        _ tool: AgentToolCall,
        _ arguments: JSONValue,
        _ endpoint: ToolEndpoint,
        _ call: CallID,
        _ trace: [(name: String, value: String)],
        to url: OutboundURL,
        over client: OutboundClient
    ) async throws -> OutboundClient.Answer {
        let body: JSONValue = [
            "call_id": .string(call.text), "tool_call_id": .string(tool.id), "name": .string(tool.name),
            "arguments": arguments,
        ]
        // The trace's headers are the server's own, as the type of the body is.
        let ours = ["content-type"] + trace.map(\.name)
        let own = endpoint.headers.filter { !ours.contains($0.key.lowercased()) }
        return try await client.post(
            body.serialized(),
            to: url,
            headers: own.map { (name: $0.key, value: $0.value) } + trace
                + [(name: "content-type", value: "application/json")],
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
