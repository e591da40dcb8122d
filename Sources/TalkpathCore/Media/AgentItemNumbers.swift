import TalkpathWire

/// Numbers the model's items in a call: every socket's codec begins at 0, but the numbers must be unique in a call.
struct AgentItemNumbers {
    /// The number in the call of the present socket's first item.
    private var base = 0

    /// The distance between the numbers of two successive sockets.
    private static let itemsPerSocket = 1_000_000

    mutating func nextSocket() {
        base += Self.itemsPerSocket
    }

    /// The present socket's item, as the call knows it.
    func inCall(_ item: AgentItem) -> AgentItem { AgentItem(index: item.index + base) }

    /// A command as the present socket knows it; nil if it is about an item that this socket does not know.
    func onSocket(_ command: AgentCommand) -> AgentCommand? {
        switch command {
        case .truncate(let item, let milliseconds):
            onSocket(item).map { .truncate(item: $0, heardMilliseconds: milliseconds) }
        case .delete(let item):
            onSocket(item).map { .delete(item: $0) }
        case .configure, .change, .cancelResponse, .say, .respond, .addMessage, .history, .prompt, .toolResult,
            .callerVoice, .markPlayed, .key, .callerLeft, .fault, .ended:
            command
        }
    }

    private func onSocket(_ item: AgentItem) -> AgentItem? {
        item.index >= base ? AgentItem(index: item.index - base) : nil
    }
}
