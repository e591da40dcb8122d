/// The options of an OpenAI Realtime session, beyond those that all providers share. `nil` keeps the provider's
/// default.
public struct OpenAIOptions: Equatable, Sendable {
    /// The detection of the end of the caller's turn.
    public enum TurnDetection: Equatable, Sendable {
        /// By the level of the caller's voice.
        case serverVAD(ServerVAD)
        /// By the meaning of the caller's words.
        case semanticVAD(eagerness: Eagerness?)
    }

    public struct ServerVAD: Equatable, Sendable {
        /// From 0 to 1; higher for a loud line.
        public var threshold: Double?
        /// The length of the audio kept from before the caller's first word.
        public var prefixPaddingMilliseconds: Int?
        /// The silence that ends the caller's turn.
        public var silenceMilliseconds: Int?
        /// The silence after which the model speaks. From 5,000 to 30,000.
        public var idleTimeoutMilliseconds: Int?

        public init(
            threshold: Double? = nil,
            prefixPaddingMilliseconds: Int? = nil,
            silenceMilliseconds: Int? = nil,
            idleTimeoutMilliseconds: Int? = nil
        ) {
            self.threshold = threshold
            self.prefixPaddingMilliseconds = prefixPaddingMilliseconds
            self.silenceMilliseconds = silenceMilliseconds
            self.idleTimeoutMilliseconds = idleTimeoutMilliseconds
        }
    }

    /// The eagerness of the model to answer. It waits for at most 8, 4 or 2 seconds; `auto` means `medium`.
    public enum Eagerness: String, Sendable, CaseIterable {
        case low, medium, high, auto
    }

    public enum NoiseReduction: Equatable, Sendable {
        case off
        /// - Parameter strength: from 0 to 1; `nil` keeps the provider's default.
        case on(Microphone, strength: Double?)
    }

    public enum Microphone: String, Sendable, CaseIterable {
        case nearField = "near_field"
        case farField = "far_field"
    }

    public struct Transcription: Equatable, Sendable {
        /// `nil` uses the newest model that works in every session.
        public var model: String?
        /// By ISO 639-1: `de`. Models older than `gpt-transcribe` accept only one.
        public var languages: [String]
        public var prompt: String?
        /// Names and words to expect.
        public var keywords: [String]

        public init(model: String? = nil, languages: [String] = [], prompt: String? = nil, keywords: [String] = []) {
            self.model = model
            self.languages = languages
            self.prompt = prompt
            self.keywords = keywords
        }
    }

    public enum ReasoningEffort: String, Sendable, CaseIterable {
        case minimal, low, medium, high, xhigh
    }

    public enum ToolChoice: Equatable, Sendable {
        case auto, none, required
        case function(String)
        case mcp(server: String, tool: String?)
    }

    public enum TokenLimit: Equatable, Sendable {
        /// From 1 to 4096.
        case tokens(Int)
        case unlimited
    }

    /// The treatment of a conversation that is too long for the model.
    public enum Truncation: Equatable, Sendable {
        case auto, disabled
        /// Keeps this share of the conversation, from 0 to 1. `postInstructions` is the number of tokens from which on
        /// it is shortened.
        case retentionRatio(Double, postInstructions: Int?)
    }

    public enum Tracing: Equatable, Sendable {
        case auto
        /// - Parameter metadata: a JSON object.
        case named(workflow: String?, group: String?, metadata: JSONValue?)
    }

    public var turnDetection: TurnDetection?
    public var noiseReduction: NoiseReduction?
    public var transcription: Transcription?
    /// From 0.25 to 1.5.
    public var speed: Double?
    public var reasoningEffort: ReasoningEffort?
    public var parallelToolCalls: Bool?
    public var toolChoice: ToolChoice?
    public var maxOutputTokens: TokenLimit?
    public var truncation: Truncation?
    public var tracing: Tracing?
    /// Servers whose tools the provider calls itself.
    public var mcpServers: [MCPServer] = []

    public init() {}
}

/// A server of the Model Context Protocol whose tools the provider calls itself.
public struct MCPServer: Equatable, Sendable, CustomStringConvertible {
    /// The place at which the provider finds the server.
    public enum Place: Equatable, Sendable {
        case url(String)
        case connector(String)
        case tunnel(String)
    }

    public var label: String
    public var place: Place
    /// An access token. Never shown again.
    public var authorization: String?
    /// Headers of the provider's requests. Never shown again.
    public var headers: [(name: String, value: String)] = []
    public var about: String?
    /// `nil` for all tools.
    public var allowedTools: [String]?
    /// True if each call needs approval; see ``AgentToolCall/approvalName``.
    public var requiresApproval = false

    public init(label: String, place: Place) {
        self.label = label
        self.place = place
    }

    public static func == (left: MCPServer, right: MCPServer) -> Bool {
        left.json(hidingSecrets: false) == right.json(hidingSecrets: false)
    }

    /// Shows no addresses or headers, which may hold secrets.
    public var description: String { "MCP server \(label)" }
}
