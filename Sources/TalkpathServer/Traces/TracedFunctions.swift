import TalkpathCore
import TalkpathWire
import Tracing

/// A span around a function that an agent calls.
struct FunctionSpan: Sendable {
    private let span: (any Tracing.Span)?
    private let traces: CallTraces
    private let call: CallID

    init(_ tool: AgentToolCall, on call: CallID, kind: SpanKind, _ traces: CallTraces) {
        self.traces = traces
        self.call = call
        var attributes: SpanAttributes = [
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": .string(tool.name),
            "gen_ai.tool.call.id": .string(tool.id), "gen_ai.tool.type": "function",
            "gen_ai.conversation.id": .string(call.text),
        ]
        if traces.holdsContent { attributes["gen_ai.tool.call.arguments"] = tool.arguments }
        span = traces.startSpan("execute_tool \(tool.name)", in: call, ofKind: kind, attributes: attributes)
    }

    /// For what the function does.
    var context: ServiceContext? { span?.context ?? traces.context(of: call) }

    var headers: [(name: String, value: String)] { traces.headers(context) }

    /// - Parameter error: why the function gave no answer, in a word.
    func end(_ output: String, status: Int? = nil, error: String? = nil) {
        guard let span else { return }
        if traces.holdsContent { span.attributes["gen_ai.tool.call.result"] = output }
        if let status { span.attributes["http.response.status_code"] = Int64(status) }
        if let error {
            span.attributes["error.type"] = error
            span.setStatus(SpanStatus(code: .error))
        }
        span.end(at: traces.now)
    }
}

/// Functions in Swift, each within a span that is the current one of its task.
struct TracedFunctions: ToolHandler {
    let inner: any ToolHandler
    let traces: CallTraces

    func call(_ tool: AgentToolCall, on call: CallID) async -> String {
        let span = FunctionSpan(tool, on: call, kind: .internal, traces)
        let output = await ServiceContext.withValue(span.context) { await inner.call(tool, on: call) }
        span.end(output)
        return output
    }
}
