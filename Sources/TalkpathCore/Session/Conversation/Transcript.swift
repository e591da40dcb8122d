import TalkpathWire

extension AgentTranscript {
    /// False for blanks, which a model writes down for a noise.
    fileprivate var hasWords: Bool { text.contains { !$0.isWhitespace } }
}

/// The words of both sides, in the order in which they were begun.
///
/// Pieces extend the turn they belong to; a final text replaces the pieces. The caller's words come late from the
/// model, often after its answer to them, and are placed where the caller began to speak: see ``CallerTurns``. The
/// agent's words may come late as well, after an interruption, and are placed where their audio began.
struct Transcript {
    private struct Key: Hashable {
        var speaker: TranscriptEntry.Speaker
        var item: AgentItem
    }

    /// The audio of an item of the agent's that the caller heard, and the length of all of it, in milliseconds.
    private struct Cut: Equatable {
        var heard: Int
        var produced: Int?
    }

    private var entries: [TranscriptEntry] = []
    private var positions: [Key: Int] = [:]
    private var finished: Set<Key> = []
    /// The cuts of items that were cut short before a word of them was known.
    private var cuts: [AgentItem: Cut] = [:]

    /// The beginnings of the audio of the agent's items, until a word of them is known.
    private var began: [AgentItem: Int] = [:]

    /// Items of which no word ever comes are forgotten with the rest.
    private static let rememberedCuts = 256

    /// Audio of this item of the agent's has begun to come.
    mutating func began(_ item: AgentItem, at milliseconds: Int) {
        guard began[item] == nil, positions[Key(speaker: .agent, item: item)] == nil else { return }
        if began.count >= Self.rememberedCuts { began.removeAll() }
        began[item] = milliseconds
    }

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
            guard piece.hasWords else { return nil }
            positions[key] = entries.count
            let audioBegan = speaker == .agent ? began.removeValue(forKey: piece.item) : nil
            let cut = speaker == .agent ? cuts.removeValue(forKey: piece.item) : nil
            entries.append(
                TranscriptEntry(
                    speaker: speaker,
                    text: piece.text,
                    milliseconds: audioBegan ?? milliseconds,
                    heardMilliseconds: cut?.heard,
                    producedMilliseconds: cut?.produced,
                    number: entries.count + 1
                )
            )
            return piece.isFinal ? entries[entries.count - 1] : nil
        }
        if !piece.isFinal {
            entries[position].text += piece.text
        } else if piece.hasWords {
            entries[position].text = piece.text
        }
        return piece.isFinal ? entries[position] : nil
    }

    /// The agent was cut short in this item, whose words may be known, or come later.
    ///
    /// - Parameters:
    ///   - heard: the milliseconds of its audio that the caller heard.
    ///   - produced: the length of its audio so far; `nil` if it is not known.
    /// - Returns: the turn, if it was final: its published form has to be corrected.
    mutating func cut(_ item: AgentItem, heard: Int, of produced: Int?) -> TranscriptEntry? {
        let key = Key(speaker: .agent, item: item)
        guard let position = positions[key] else {
            if cuts.count >= Self.rememberedCuts { cuts.removeAll() }
            cuts[item] = Cut(heard: heard, produced: produced)
            return nil
        }
        guard entries[position].heardMilliseconds != heard else { return nil }
        entries[position].heardMilliseconds = heard
        entries[position].producedMilliseconds = produced
        return finished.contains(key) ? entries[position] : nil
    }

    /// All turns so far, by the time they began.
    var turns: [TranscriptEntry] {
        // Stable: turns that began in the same millisecond keep their order.
        entries.enumerated()
            .sorted { ($0.element.milliseconds, $0.offset) < ($1.element.milliseconds, $1.offset) }
            .map(\.element)
    }
}
