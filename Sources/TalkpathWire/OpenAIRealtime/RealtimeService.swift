/// A service that speaks OpenAI's Realtime protocol: its address, its authentication, and its differences.
public enum RealtimeService: String, Sendable, CaseIterable {
    case openai
    /// A deployment of Azure OpenAI. The deployment's name is the model.
    case azure
    /// xAI's voice agents.
    case xai

    /// Finds the service by the host of an address. An unknown host counts as OpenAI.
    public init(address: String) {
        let host = Self.host(of: address)
        self =
            if host == "api.x.ai" || host.hasSuffix(".x.ai") {
                .xai
            } else if [".openai.azure.com", ".cognitiveservices.azure.com"].contains(where: host.hasSuffix) {
                .azure
            } else {
                .openai
            }
    }

    /// The service's address; `nil` if every customer has another one.
    public var address: String? {
        switch self {
        case .openai: "wss://api.openai.com/v1/realtime"
        case .azure: nil
        case .xai: "wss://api.x.ai/v1/realtime"
        }
    }

    /// The model for agents that name none; `nil` if the agent must name one, as for an Azure deployment.
    public var defaultModel: String? {
        switch self {
        case .openai: "gpt-realtime-2.1"
        case .azure: nil
        case .xai: "grok-voice-latest"
        }
    }

    /// True if the service can end the caller's turn by the meaning of the words, and not only by silence.
    public var hasSemanticTurns: Bool { self != .xai }

    /// The address and headers of a socket.
    ///
    /// - Parameter address: `nil` for the service's own. An address without a path gets the service's path.
    public func target(address: String? = nil, model: String, apiKey: String) -> WebSocketTarget {
        let base = Self.withPath(address ?? self.address ?? "", path)
        var target = OpenAIRealtimeCodec.target(baseURL: base, model: model, apiKey: apiKey)
        if self == .azure { target.headers = [(name: "api-key", value: WebSocketTarget.trimmed(apiKey))] }
        return target
    }

    private var path: String {
        switch self {
        case .openai, .xai: "/v1/realtime"
        case .azure: "/openai/v1/realtime"
        }
    }

    /// Completes an origin, as web portals show it, to the address of the socket.
    static func withPath(_ address: String, _ path: String) -> String {
        var text = address
        for (shown, wanted) in [("https://", "wss://"), ("http://", "ws://")] where text.hasPrefix(shown) {
            text = wanted + text.dropFirst(shown.count)
        }
        guard let scheme = text.firstRange(of: "://") else { return text }
        let rest = text[scheme.upperBound...]
        guard let slash = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return text + path }
        return rest[slash...] == "/" ? text.dropLast() + path : text
    }

    private static func host(of address: String) -> String {
        let rest = address.firstRange(of: "://").map { address[$0.upperBound...] } ?? address[...]
        return rest.prefix { $0 != "/" && $0 != ":" && $0 != "?" }.lowercased()
    }
}
