/// Work at points of virtual time, in milliseconds. What is due at the same time is done in the order in which it was
/// entered.
struct Agenda {
    private struct Entry {
        var at: Int64
        var number: Int
        var body: () -> Void

        static func < (left: Entry, right: Entry) -> Bool { (left.at, left.number) < (right.at, right.number) }
    }

    /// A heap: no entry is due before its parent.
    private var entries: [Entry] = []
    private var number = 0

    mutating func enter(at time: Int64, _ body: @escaping () -> Void) {
        number += 1
        entries.append(Entry(at: time, number: number, body: body))
        var child = entries.count - 1
        while child > 0, entries[child] < entries[(child - 1) / 2] {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Removes the entry that is due next.
    mutating func next() -> (at: Int64, body: () -> Void)? {
        guard let first = entries.first else { return nil }
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child] < entries[least] { least = child }
            }
            guard least != parent else { return (first.at, first.body) }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
