/// The agent's responses and the turns of the transcripts, by the agent's names.
///
/// Keeps only the latest names: nothing refers far back.
struct AgentSocketResponses: Sendable {
    static let remembered = 256

    /// The response that the agent has begun and not ended.
    private(set) var open: AgentItem?
    /// Its name, which is kept however many names have come since.
    private var openName: String?
    /// True if the agent was asked to break that response off.
    private(set) var isCancelled = false
    /// The latest names, oldest first. A caller's turn without a name has none.
    private var names: [String?] = []
    /// The number of the oldest name that is kept.
    private var first = 0
    /// The latest response that has begun.
    private(set) var latest: AgentItem?
    /// The numbers of responses that have begun, among those that are kept.
    private var begun: Set<Int> = []
    /// The caller's turn that the agent writes down, while it has no name.
    private var callerTurn: AgentItem?

    func name(of item: AgentItem) -> String? {
        if item == open { return openName }
        return names.indices.contains(item.index - first) ? names[item.index - first] : nil
    }

    /// The item with that name; a new name gets the next number.
    mutating func item(named name: String) -> AgentItem {
        if let open, openName == name { return open }
        if let place = names.lastIndex(of: name) { return AgentItem(index: first + place) }
        return add(name)
    }

    private mutating func add(_ name: String?) -> AgentItem {
        if names.count == 2 * Self.remembered {
            names.removeFirst(Self.remembered)
            first += Self.remembered
            begun = begun.filter { $0 >= first }
        }
        names.append(name)
        return AgentItem(index: first + names.count - 1)
    }

    func isOpen(_ name: String) -> Bool { openName == name }

    /// - Returns: `nil` if a response of that name has begun before.
    mutating func begin(_ name: String) -> AgentItem? {
        let item = item(named: name)
        guard begun.insert(item.index).inserted else { return nil }
        open = item
        openName = name
        latest = item
        isCancelled = false
        return item
    }

    /// Ends the open response.
    mutating func end() -> AgentItem? {
        defer {
            open = nil
            openName = nil
            isCancelled = false
        }
        return open
    }

    mutating func cancel() { isCancelled = open != nil }

    /// The caller's turn of a transcript.
    mutating func callerTurn(named name: String?, isFinal: Bool) -> AgentItem {
        // Apart from the responses, whose names are the agent's too.
        guard name == nil else { return item(named: "caller/" + (name ?? "")) }
        let item = callerTurn ?? add(nil)
        callerTurn = isFinal ? nil : item
        return item
    }
}
