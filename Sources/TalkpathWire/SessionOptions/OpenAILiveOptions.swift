/// The options of a GPT-Live session, beyond those that all providers share. `nil` keeps the provider's default.
public struct OpenAILiveOptions: Equatable, Sendable {
    /// The part that carries out the work that the model does not do by speaking: functions and tasks.
    public enum Delegation: Equatable, Sendable {
        /// A model of OpenAI's Responses interface, which calls the agent's functions.
        case responses(Responses)
        /// The agent's function of this name. It gets the caller's latest words and the conversation.
        case client(tool: String)
    }

    public struct Responses: Equatable, Sendable {
        /// `nil` for ``OpenAILiveOptions/defaultBackend``.
        public var model: String?
        /// Instructions for this model only.
        public var instructions: String?
        public var reasoningEffort: OpenAIOptions.ReasoningEffort?
        public var maxOutputTokens: Int?
        public var parallelToolCalls: Bool?

        public init(model: String? = nil, instructions: String? = nil) {
            self.model = model
            self.instructions = instructions
        }
    }

    /// The model that calls functions if the agent names none.
    public static let defaultBackend = "gpt-5.4-mini"

    /// `nil` for ``Delegation/responses(_:)`` if the agent has functions.
    public var delegation: Delegation?
    /// The time before the model says that it works on a task. From 0 to 60,000.
    public var acknowledgementDelayMilliseconds: Int?
    /// True if the provider keeps the session, with its recording.
    public var store: Bool?

    public init() {}
}
