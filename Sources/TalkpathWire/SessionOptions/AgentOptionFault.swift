/// Why an agent cannot be set up as it is: found out before a call is placed.
public struct AgentOptionFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// By the names of the control API: `openai.reasoning.effort`.
    public var field: String
    /// Goes on from the field: "is not for …".
    public var message: String

    public init(_ field: String, _ message: String) {
        self.field = field
        self.message = message
    }

    public var description: String { "'\(field)' \(message)" }
}

/// What an agent asks for, as far as its parts have to fit together.
package struct AgentOptionCheck {
    package var provider: AgentProvider
    package var model: String
    package var openAI: OpenAIOptions
    package var gemini: GeminiOptions
    package var raw: JSONValue?
    /// The agent's own.
    package var tools: [AgentTool]
    /// With those that the bridge offers.
    package var toolNames: [String]
    package var service = RealtimeService.openai
    /// Something of ours speaks to a caller who is silent.
    package var promptsIdleCaller = false
    /// Somebody decides about the calls of MCP servers' tools.
    package var canApprove = true

    package init(provider: AgentProvider, model: String, configuration: AgentSessionConfiguration) {
        self.provider = provider
        self.model = model
        openAI = configuration.openAI
        gemini = configuration.gemini
        raw = configuration.raw
        tools = configuration.tools
        toolNames = configuration.tools.map(\.name)
    }

    package func run() throws(AgentOptionFault) {
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

    /// What the bridge itself depends on.
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
            }
        for path in kept where Self.member(path, of: raw) != nil {
            throw AgentOptionFault(
                "raw." + path.joined(separator: "."),
                "belongs to the bridge, which needs it as it sets it"
            )
        }
        // A parent that is no object would take all of it away.
        for path in kept where path.count > 1 {
            for length in 1..<path.count {
                guard let parent = Self.member(Array(path.prefix(length)), of: raw), parent.object == nil else {
                    continue
                }
                throw AgentOptionFault("raw." + path.prefix(length).joined(separator: "."), "must be an object")
            }
        }
    }

    /// Gemini takes names in both spellings.
    private static func member(_ path: [String], of json: JSONValue) -> JSONValue? {
        path.reduce(json as JSONValue?) { json, name in json?[name] ?? json?[snakeCased(name)] }
    }

    private static func snakeCased(_ name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }
}
