import TalkpathWire

/// The words of one answer, by item, in the order of their first piece.
struct SpokenWords {
    private var items: [(item: AgentItem, text: String)] = []

    func has(_ item: AgentItem) -> Bool { items.contains { $0.item == item } }

    mutating func add(_ piece: AgentTranscript) {
        guard let index = items.firstIndex(where: { $0.item == piece.item }) else {
            items.append((piece.item, piece.text))
            return
        }
        if !piece.isFinal {
            items[index].text += piece.text
        } else if !piece.text.isEmpty {
            items[index].text = piece.text
        }
    }

    var text: String { items.map(\.text).filter { !$0.isEmpty }.joined(separator: " ") }
}
