import TalkpathWire

/// What was said, in the order in which it was begun.
///
/// Pieces extend the turn they belong to; a final text replaces the pieces. The caller's words come late from the
/// model, often after its answer to them, and are put where the caller began to speak.
struct Transcript {
    private struct Key: Hashable {
        var speaker: TranscriptEntry.Speaker
        var item: AgentItem
    }

    private var entries: [TranscriptEntry] = []
    private var positions: [Key: Int] = [:]
    private var finished: Set<Key> = []

    /// - Parameter milliseconds: since the call started; counts for a turn's first piece.
    /// - Returns: the turn, once it is final.
    mutating func add(
        _ piece: AgentTranscript,
        by speaker: TranscriptEntry.Speaker,
        at milliseconds: Int
    ) -> TranscriptEntry? {
        let key = Key(speaker: speaker, item: piece.item)
        guard !finished.contains(key) else { return nil }
        if piece.isFinal { finished.insert(key) }
        guard let position = positions[key] else {
            guard !piece.text.isEmpty else { return nil }
            positions[key] = entries.count
            entries.append(TranscriptEntry(speaker: speaker, text: piece.text, milliseconds: milliseconds))
            return piece.isFinal ? entries[entries.count - 1] : nil
        }
        if !piece.isFinal {
            entries[position].text += piece.text
        } else if !piece.text.isEmpty {
            entries[position].text = piece.text
        }
        return piece.isFinal ? entries[position] : nil
    }

    /// The agent was cut short in this item.
    mutating func cut(_ item: AgentItem, heardMilliseconds: Int) {
        guard let position = positions[Key(speaker: .agent, item: item)] else { return }
        entries[position].heardMilliseconds = heardMilliseconds
    }

    /// All turns so far, by the time they began.
    var turns: [TranscriptEntry] {
        // Stable: turns that began in the same millisecond keep their order.
        entries.enumerated()
            .sorted { ($0.element.milliseconds, $0.offset) < ($1.element.milliseconds, $1.offset) }
            .map(\.element)
    }
}
