/// The latest words of both sides, for the function that carries out the model's tasks: the provider tells of a task
/// only that it exists.
struct OpenAILiveConversation: Sendable {
    private var turns: [AgentCommand.Turn] = []

    private static let mostTurns = 32
    private static let longestTurn = 2048

    mutating func add(_ text: String, by role: AgentCommand.MessageRole) {
        guard !text.isEmpty else { return }
        if let last = turns.indices.last, turns[last].role == role {
            guard turns[last].text.utf8.count < Self.longestTurn else { return }
            turns[last].text = PeerWords.cut(turns[last].text + text, to: Self.longestTurn)
            return
        }
        if turns.count == Self.mostTurns { turns.removeFirst() }
        turns.append(AgentCommand.Turn(role, PeerWords.cut(text, to: Self.longestTurn)))
    }

    /// The arguments of the function: the caller's latest words, and the earlier conversation.
    var arguments: JSONValue {
        let request = turns.last { $0.role == .user }?.text ?? ""
        return [
            "request": .string(Self.trimmed(request)),
            "conversation": .array(
                turns.map { ["role": .string($0.role.rawValue), "text": .string(Self.trimmed($0.text))] }
            ),
        ]
    }

    private static func trimmed(_ text: String) -> String {
        let start = text.drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
