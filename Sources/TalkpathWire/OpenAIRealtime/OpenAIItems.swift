/// The provider's items in the order of their first appearance.
///
/// Keeps only the latest: an hour's conversation has thousands, and nothing refers far back.
struct OpenAIItems: Sendable {
    struct Record: Sendable {
        var name: String
        var bytes: [UInt8]
        /// The index of the item's audio part, which a truncation must name.
        var contentIndex = 0
    }

    static let remembered = 256

    /// The latest items, oldest first.
    private var records: [Record] = []
    /// The index of the oldest item that is kept.
    private var first = 0

    subscript(item: AgentItem) -> Record? {
        records.indices.contains(item.index - first) ? records[item.index - first] : nil
    }

    /// The item with that name; a new name gets the next number.
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

    /// Finds the item whose name is at this range, among the latest eight, without making a string.
    ///
    /// - Returns: `nil` if it is not among them, or if its audio is another part of it than before.
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
