/// A service that speaks OpenAI's Realtime wire: its address, its way to authenticate, and its deviations.
public enum RealtimeService: String, Sendable, CaseIterable {
    case openai
    /// A deployment of Azure OpenAI: the model is the deployment's name.
    case azure
    /// xAI's voice agents.
    case xai

    /// The service at an address, by its host; OpenAI's own for any other.
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

    /// Where the service is, if it is the same for everybody.
    public var address: String? {
        switch self {
        case .openai: "wss://api.openai.com/v1/realtime"
        case .azure: nil
        case .xai: "wss://api.x.ai/v1/realtime"
        }
    }

    /// The model of those who name none; an Azure deployment has to be named.
    public var defaultModel: String? {
        switch self {
        case .openai: "gpt-realtime-2.1"
        case .azure: nil
        case .xai: "grok-voice-latest"
        }
    }

    /// The caller's turn can end by what they say, and not only by silence.
    public var hasSemanticTurns: Bool { self != .xai }

    /// Where a socket is opened.
    ///
    /// - Parameter address: nil for the service's own. One without a path gets the service's.
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

    /// An origin, as portals show it, becomes the address of the socket.
    private static func withPath(_ address: String, _ path: String) -> String {
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
