/// The provider's items in the order of their first appearance.
///
/// Only the newest are remembered: an hour's conversation has thousands, and nothing refers far back.
struct OpenAIItems: Sendable {
    struct Record: Sendable {
        var name: String
        var bytes: [UInt8]
        /// Which part of the item is its audio; truncation must name it.
        var contentIndex = 0
    }

    static let remembered = 256

    /// The newest, oldest first.
    private var records: [Record] = []
    /// Index of the oldest that is remembered.
    private var first = 0

    subscript(item: AgentItem) -> Record? {
        records.indices.contains(item.index - first) ? records[item.index - first] : nil
    }

    /// The item of that name, which is numbered if it is new.
    mutating func item(named name: String) -> AgentItem {
        let bytes = Array(name.utf8)
        if let place = records.lastIndex(where: { $0.bytes == bytes }) { return AgentItem(index: first + place) }
        if records.count == 2 * Self.remembered {
            records.removeFirst(Self.remembered)
            first += Self.remembered
        }
        records.append(Record(name: name, bytes: bytes))
        return AgentItem(index: first + records.count - 1)
    }

    mutating func setContentIndex(_ index: Int, of item: AgentItem) {
        guard records.indices.contains(item.index - first) else { return }
        records[item.index - first].contentIndex = index
    }

    /// The newest item, or one of the few before it, that has the name at this range, without making a string of it.
    ///
    /// - Returns: nil if it is not among them, or if its audio is another part of it than before.
    func recent(_ scanner: JSONScanner, _ name: Range<Int>, contentIndex: Int) -> AgentItem? {
        var place = records.count - 1
        let oldest = max(0, records.count - 8)
        while place >= oldest {
            if scanner.equals(name, records[place].bytes) {
                return records[place].contentIndex == contentIndex ? AgentItem(index: first + place) : nil
            }
            place -= 1
        }
        return nil
    }
}
