internal import TalkpathWire

/// Changes that the service refuses although each member is valid by itself.
enum OpenAICombinations {
    static func refusal(of changes: JSONValue, in session: JSONValue) -> JSONRule.Fault? {
        let model = changes["model"]?.string ?? session["model"]?.string ?? ""
        if let name = unknownToModel(changes, model) {
            return fault("'\(name)' is not supported with the model '\(model)'.", name)
        }
        return ofTranscription(changes["audio"]?["input"]?["transcription"])
            ?? ofTracing(changes["tracing"], session["tracing"]) ?? ofTools(changes, session)
    }

    private static func fault(_ message: String, _ name: String) -> JSONRule.Fault {
        JSONRule.Fault(code: "invalid_value", message: message, parameter: "session.\(name)")
    }

    /// The settings that models without reasoning refuse. Other models accept everything here, because nothing else is
    /// documented.
    private static func unknownToModel(_ changes: JSONValue, _ model: String) -> String? {
        let plain =
            ["gpt-realtime", "gpt-realtime-1.5", "gpt-realtime-mini"].contains(model)
            || model.hasPrefix("gpt-realtime-2025-") || model.hasPrefix("gpt-realtime-mini-")
        guard plain else { return nil }
        return ["reasoning", "parallel_tool_calls"].first { !(changes[$0] ?? .null).isNull }
    }

    private static func ofTranscription(_ transcription: JSONValue?) -> JSONRule.Fault? {
        guard let transcription, let model = transcription["model"]?.string else { return nil }
        let isOlder = model == "whisper-1" || model == "gpt-realtime-whisper" || model.hasPrefix("gpt-4o-")
        let refused = (isOlder ? ["keywords", "languages"] : []) + (model == "gpt-realtime-whisper" ? ["prompt"] : [])
        guard let name = refused.first(where: { !(transcription[$0] ?? .null).isNull }) else { return nil }
        return fault("'\(name)' is not supported with '\(model)'.", "audio.input.transcription.\(name)")
    }

    private static func ofTracing(_ wanted: JSONValue?, _ current: JSONValue?) -> JSONRule.Fault? {
        guard let wanted, let current, !current.isNull, wanted != current else { return nil }
        return fault("Tracing cannot be changed once it is enabled.", "tracing")
    }

    private static func ofTools(_ changes: JSONValue, _ session: JSONValue) -> JSONRule.Fault? {
        let tools = changes["tools"]?.array ?? session["tools"]?.array ?? []
        for (index, tool) in tools.enumerated() where tool["type"]?.string == "mcp" {
            let places = ["server_url", "connector_id", "tunnel_id"].filter { tool[$0]?.string != nil }
            guard places.count != 1 else { continue }
            return fault("One of 'server_url', 'connector_id' or 'tunnel_id' must be provided.", "tools[\(index)]")
        }
        guard let choice = changes["tool_choice"], let type = choice["type"]?.string else { return nil }
        let key = type == "mcp" ? "server_label" : "name"
        let isThere = tools.contains { $0["type"]?.string == type && $0[key]?.string == choice[key]?.string }
        return isThere ? nil : fault("Tool choice '\(choice[key]?.string ?? "")' not found in 'tools'.", "tool_choice")
    }
}
