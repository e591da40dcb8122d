/// An option, or a combination of options, that cannot work. Found before a call is placed or a session is changed.
public struct AgentOptionFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// The field under its name in the control API: `openai.reasoning.effort`.
    public var field: String
    /// Continues a sentence that begins with the field: "is not for …".
    public var message: String

    public init(_ field: String, _ message: String) {
        self.field = field
        self.message = message
    }

    public var description: String { "'\(field)' \(message)" }
}

/// Checks an agent's options, including those that must fit together.
package struct AgentOptionCheck {
    package var provider: AgentProvider
    package var model: String
    package var openAI: OpenAIOptions
    package var gemini: GeminiOptions
    package var live: OpenAILiveOptions
    package var raw: JSONValue?
    /// The agent's own tools.
    package var tools: [AgentTool]
    /// The names of the agent's tools and of those that the bridge adds.
    package var toolNames: [String]
    package var service = RealtimeService.openai
    /// True if the bridge itself prompts a silent caller.
    package var promptsIdleCaller = false
    /// True if the agent has an endpoint or a handler that approves calls of MCP servers' tools.
    package var canApprove = true

    package init(provider: AgentProvider, model: String, configuration: AgentSessionConfiguration) {
        self.provider = provider
        self.model = model
        openAI = configuration.openAI
        gemini = configuration.gemini
        live = configuration.live
        raw = configuration.raw
        tools = configuration.tools
        toolNames = configuration.tools.map(\.name)
    }

    package func run() throws(AgentOptionFault) {
        if provider != .openaiLive, live != OpenAILiveOptions() {
            throw Self.otherProvider("openai_live", is: provider)
        }
        switch provider {
        case .openai:
            guard gemini.isEmpty else { throw Self.otherProvider("gemini", is: provider) }
            for tool in tools where tool.behavior != nil || tool.scheduling != nil {
                throw Self.otherProvider("tools[\(tool.name)].behavior", is: provider)
            }
            try checkTurns()
            try checkRanges()
            try checkThinking()
            try checkTranscription()
            try checkServers()
            try checkToolChoice()
        case .gemini:
            guard openAI.isEmpty else { throw Self.otherProvider("openai", is: provider) }
            try checkGemini()
            try checkBehaviors()
        case .openaiLive:
            guard openAI.isEmpty else { throw Self.otherProvider("openai", is: provider) }
            guard gemini.isEmpty else { throw Self.otherProvider("gemini", is: provider) }
            for tool in tools where tool.behavior != nil || tool.scheduling != nil {
                throw Self.otherProvider("tools[\(tool.name)].behavior", is: provider)
            }
            try checkLive()
        case .socket:
            guard openAI.isEmpty else { throw Self.otherProvider("openai", is: provider) }
            guard gemini.isEmpty else { throw Self.otherProvider("gemini", is: provider) }
            guard raw == nil else { throw Self.otherProvider("raw", is: provider) }
            for tool in tools where tool.behavior != nil || tool.scheduling != nil {
                throw Self.otherProvider("tools[\(tool.name)].behavior", is: provider)
            }
        }
        try checkRaw()
    }

    var traits: AgentModelTraits { AgentModelTraits(provider, model: model) }

    private static func otherProvider(_ field: String, is provider: AgentProvider) -> AgentOptionFault {
        AgentOptionFault(field, "is not for an agent of \(provider.rawValue): that provider knows nothing of it")
    }

    static func check(_ value: Double?, in range: ClosedRange<Double>, _ field: String) throws(AgentOptionFault) {
        guard let value, !range.contains(value) else { return }
        throw AgentOptionFault(field, "must be a number from \(range.lowerBound) to \(range.upperBound)")
    }

    static func check(_ value: Int?, in range: ClosedRange<Int>, _ field: String) throws(AgentOptionFault) {
        guard let value, !range.contains(value) else { return }
        throw AgentOptionFault(field, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }

    // MARK: The overlay

    /// Refuses members of `raw` that the bridge sets and depends on.
    private func checkRaw() throws(AgentOptionFault) {
        guard let raw else { return }
        guard raw.object != nil else { throw AgentOptionFault("raw", "must be an object") }
        let kept: [[String]] =
            switch provider {
            case .openai:
                [
                    ["type"], ["model"], ["output_modalities"], ["audio", "input", "format"],
                    ["audio", "output", "format"], ["audio", "input", "turn_detection", "interrupt_response"],
                    ["audio", "input", "turn_detection", "create_response"],
                ]
            case .gemini:
                [
                    ["model"], ["sessionResumption"], ["historyConfig"], ["generationConfig", "responseModalities"],
                    ["realtimeInputConfig", "automaticActivityDetection", "disabled"],
                ]
            case .openaiLive: [["model"], ["audio", "format"], ["input"], ["delegation", "type"]]
            case .socket: []
            }
        for path in kept where Self.member(path, of: raw) != nil {
            throw AgentOptionFault(
                "raw." + path.joined(separator: "."),
                "belongs to the bridge, which needs it as it sets it"
            )
        }
        // A parent that is not an object would remove all its members.
        for path in kept where path.count > 1 {
            for length in 1..<path.count {
                guard let parent = Self.member(Array(path.prefix(length)), of: raw), parent.object == nil else {
                    continue
                }
                throw AgentOptionFault("raw." + path.prefix(length).joined(separator: "."), "must be an object")
            }
        }
    }

    /// Gemini accepts names in both spellings.
    private static func member(_ path: [String], of json: JSONValue) -> JSONValue? {
        path.reduce(json as JSONValue?) { json, name in json?[name] ?? json?[snakeCased(name)] }
    }

    private static func snakeCased(_ name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }
}
