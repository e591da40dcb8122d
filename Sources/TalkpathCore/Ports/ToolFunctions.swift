public import TalkpathWire

/// Carries out the functions that an agent calls.
public protocol ToolHandler: Sendable {
    /// Must return when its task is cancelled: the call has ended then, or the model wants no answer any more, and the
    /// answer is dropped.
    ///
    /// - Returns: the result for the model, text or JSON.
    func call(_ tool: AgentToolCall, on call: CallID) async -> String
}

/// Carries out those functions that are HTTP requests. Contract: as ``ToolHandler``, and bounded by the endpoint's own
/// time and size.
public protocol ToolEndpointCaller: Sendable {
    func call(_ tool: AgentToolCall, at endpoint: ToolEndpoint, on call: CallID) async -> String
}

/// Swift functions that agents can call.
///
/// ```swift
/// let functions = ToolFunctions()
///     .adding(AgentTool(name: "opening_hours", description: "When the shop is open.")) { _ in
///         "Monday to Friday, 9 to 17"
///     }
/// ```
///
/// Give ``tools`` to the agent, and the functions themselves to the bridge. A function that throws tells the model so,
/// without the error's text. It is cancelled when the call ends.
public struct ToolFunctions: ToolHandler {
    public typealias Body = @Sendable (Invocation) async throws -> String

    /// One call of a function.
    public struct Invocation: Sendable {
        public var callID: CallID
        /// The model's name of this invocation.
        public var id: String
        /// A JSON object. A function whose arguments are none is not called: the model is told.
        public var arguments: JSONValue
    }

    private var functions: [String: Body] = [:]
    /// The descriptions for the agent, in the order in which they were added.
    public private(set) var tools: [AgentTool] = []

    public init() {}

    /// The same and one more; one of the same name is replaced.
    public func adding(_ tool: AgentTool, _ body: @escaping Body) -> ToolFunctions {
        var more = self
        more.tools.removeAll { $0.name == tool.name }
        more.tools.append(tool)
        more.functions[tool.name] = body
        return more
    }

    public func call(_ tool: AgentToolCall, on call: CallID) async -> String {
        guard let function = functions[tool.name] else { return ToolOutput.error("no such function") }
        guard let arguments = tool.readableArguments else { return ToolOutput.brokenArguments }
        do {
            return try await function(Invocation(callID: call, id: tool.id, arguments: arguments))
        } catch {
            return ToolOutput.error("the function failed")
        }
    }
}

/// The answers to models about functions that failed.
public enum ToolOutput {
    public static func error(_ message: String) -> String {
        (["error": .string(message)] as JSONValue).serializedText()
    }

    public static let done = #"{"ok":true}"#

    public static let brokenArguments = error(
        "the function was not called: its arguments are not a JSON object; call it again with arguments that are"
    )
}
