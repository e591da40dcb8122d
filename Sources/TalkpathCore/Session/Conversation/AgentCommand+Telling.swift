import TalkpathWire

/// The commands by which the speech queue tells the model something.
extension AgentCommand {
    var isResult: Bool { if case .toolResult = self { true } else { false } }

    var message: String? {
        switch self {
        case .prompt(let text), .addMessage(_, let text): text
        default: nil
        }
    }

    /// By a model that answers by itself.
    var isAnswered: Bool {
        switch self {
        case .toolResult, .prompt: true
        default: false
        }
    }
}
