internal import TalkpathAudio
internal import TalkpathWire

/// Tools on other servers (MCP), which the service itself calls. The fake calls nothing: the script names the tools,
/// and every call succeeds.
extension OpenAIRealtimeModel {
    /// A call that waits for approval or for its execution.
    struct MCPCall: Sendable {
        var server: JSONValue
        var call: AgentScript.ToolCall
        /// The approval request; `nil` if none was needed.
        var approvalRequest: String?
    }

    enum MCPStep: Sendable {
        /// The server has listed its tools.
        case listed(item: String, server: JSONValue)
        /// The client has approved a call.
        case run(MCPCall)
    }

    private static let time = Duration.milliseconds(50)

    /// Lists the tools of servers that are new.
    mutating func listTools(at now: MonotonicInstant) {
        for server in session["tools"]?.array ?? [] where server["type"]?.string == "mcp" {
            guard let label = server["server_label"]?.string, listedServers.insert(label).inserted else { continue }
            let item = core.identifier("item")
            addToConversation(item, spoken: nil, item: listing(item, server, tools: []))
            send("mcp_list_tools.in_progress", ["item_id": .string(item)])
            timed.append((now + Self.time, .mcp(.listed(item: item, server: server))))
        }
    }

    mutating func take(_ step: MCPStep, at now: MonotonicInstant) {
        switch step {
        case .listed(let item, let server):
            send("mcp_list_tools.completed", ["item_id": .string(item)])
            sendDone(item, item: listing(item, server, tools: tools(of: server)))
        case .run(let call): runAllowed(call, at: now)
        }
    }

    private func listing(_ id: String, _ server: JSONValue, tools: [String]) -> JSONValue {
        let tools = tools.map { name -> JSONValue in
            ["name": .string(name), "input_schema": ["type": "object", "properties": [:]]]
        }
        return [
            "id": .string(id), "type": "mcp_list_tools", "server_label": server["server_label"] ?? "",
            "tools": .array(tools),
        ]
    }

    /// The names that the client allows. Without such a list, the script's calls that are not functions of the client.
    private func tools(of server: JSONValue) -> [String] {
        let allowed = server["allowed_tools"]
        if let names = allowed?.array ?? allowed?["tool_names"]?.array { return names.compactMap(\.string) }
        var names: [String] = []
        for call in core.script.turns.compactMap(\.toolCall) where !isFunction(call.name) && !names.contains(call.name)
        {
            names.append(call.name)
        }
        return names
    }

    private func isFunction(_ name: String) -> Bool {
        (session["tools"]?.array ?? []).contains { $0["type"]?.string == "function" && $0["name"]?.string == name }
    }

    /// The server that a call is meant for; `nil` if it is a function of the client.
    func server(of call: AgentScript.ToolCall) -> JSONValue? {
        guard !isFunction(call.name) else { return nil }
        return (session["tools"]?.array ?? []).first {
            $0["type"]?.string == "mcp" && tools(of: $0).contains(call.name)
        }
    }

    /// Calls a tool, or asks the client for approval.
    /// - Returns: the item of the call or of the approval request.
    mutating func callServer(
        _ server: JSONValue,
        _ call: AgentScript.ToolCall,
        response: String,
        index: Int,
        at now: MonotonicInstant
    ) -> JSONValue {
        core.report(.toolCalled(name: call.name))
        guard needsApproval(server, call.name) else {
            timed.append((now + core.script.thinkingTime, .startResponse(.init(trigger: .toolResult))))
            return run(MCPCall(server: server, call: call), response: response, index: index)
        }
        let id = core.identifier("mcpr")
        approvals[id] = MCPCall(server: server, call: call, approvalRequest: id)
        let request: JSONValue = [
            "id": .string(id), "type": "mcp_approval_request", "server_label": server["server_label"] ?? "",
            "name": .string(call.name), "arguments": .string(call.arguments),
        ]
        sendAdded(request, id, response: response, index: index, isBeside: false)
        sendDone(request, id, response: response, index: index, isBeside: false)
        return request
    }

    /// True if a call needs approval. By default, every call does.
    private func needsApproval(_ server: JSONValue, _ name: String) -> Bool {
        guard let rule = server["require_approval"], !rule.isNull else { return true }
        if let word = rule.string { return word != "never" }
        func names(_ kind: String) -> Bool {
            rule[kind]?["tool_names"]?.array?.contains { $0.string == name } == true
        }
        return names("always") || !names("never")
    }

    mutating func takeApproval(_ item: JSONValue, _ id: String?, at now: MonotonicInstant) -> Bool {
        let request = item["approval_request_id"]?.string ?? ""
        guard let call = approvals.removeValue(forKey: request) else {
            let message = "Approval request with id '\(request)' not found."
            sendError("invalid_value", message, "item.approval_request_id", id, at: now)
            return false
        }
        if item["approve"]?.bool == true {
            timed.append((now + Self.time, .mcp(.run(call))))
        } else {
            // The model learns of the refusal, and comments on it.
            timed.append((now + core.script.thinkingTime, .startResponse(.init(trigger: .toolResult))))
        }
        return true
    }

    private mutating func runAllowed(_ call: MCPCall, at now: MonotonicInstant) {
        let request = ResponseRequest(trigger: .toolResult)
        let id = core.identifier("resp")
        send("response.created", ["response": responseObject(id, "in_progress", output: [], request)])
        let item = run(call, response: id, index: 0)
        finish(id, .completed, [item], milliseconds: 0, request, playedAt: now)
        timed.append((now + core.script.thinkingTime, .startResponse(request)))
    }

    private mutating func run(_ call: MCPCall, response: String, index: Int) -> JSONValue {
        let id = core.identifier("mcp")
        func object(arguments: String, output: JSONValue) -> JSONValue {
            [
                "id": .string(id), "type": "mcp_call", "server_label": call.server["server_label"] ?? "",
                "name": .string(call.call.name), "arguments": .string(arguments), "output": output, "error": nil,
                "approval_request_id": call.approvalRequest.map { .string($0) } ?? nil,
            ]
        }
        let place = (index: JSONValue(index), item: JSONValue.string(id))
        sendAdded(object(arguments: "", output: nil), id, response: response, index: index, isBeside: false)
        let arguments = JSONValue.string(call.call.arguments)
        send(
            "response.mcp_call_arguments.delta",
            [
                "response_id": .string(response), "item_id": place.item, "output_index": place.index,
                "delta": arguments,
            ]
        )
        send(
            "response.mcp_call_arguments.done",
            [
                "response_id": .string(response), "item_id": place.item, "output_index": place.index,
                "arguments": arguments,
            ]
        )
        send("response.mcp_call.in_progress", ["item_id": place.item, "output_index": place.index])
        send("response.mcp_call.completed", ["item_id": place.item, "output_index": place.index])
        let whole = object(arguments: call.call.arguments, output: "{}")
        sendDone(whole, id, response: response, index: index, isBeside: false)
        return whole
    }
}
