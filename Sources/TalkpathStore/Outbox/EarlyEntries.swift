import TalkpathCore

/// Entries of calls whose row is not written yet. An event cannot be written before that row, which names the tenant.
///
/// Entries are grouped by call, and looked at when their call's row arrives instead of at every transaction: however
/// far the store is behind, an entry is handled twice at most. Used on the store's writing thread only.
struct EarlyEntries {
    private struct Waiting {
        var entries: [OutboxEntry]
        var since: ContinuousClock.Instant
    }

    private var waiting: [CallID: Waiting] = [:]
    /// Calls in the order in which their entries arrived. Calls that were removed since are still in it.
    private var order: [(call: CallID, since: ContinuousClock.Instant)] = []
    /// The number of elements at the front of `order` that are done.
    private var head = 0

    var count: Int { waiting.values.reduce(0) { $0 + $1.entries.count } }

    func contains(_ call: CallID) -> Bool { waiting[call] != nil }

    func entries(of call: CallID) -> [OutboxEntry] { waiting[call]?.entries ?? [] }

    mutating func add(_ entry: OutboxEntry, at now: ContinuousClock.Instant) {
        let call = entry.callID
        if waiting[call] == nil {
            waiting[call] = Waiting(entries: [], since: now)
            order.append((call, now))
        }
        waiting[call]?.entries.append(entry)
    }

    mutating func remove(_ call: CallID) {
        waiting[call] = nil
        while head < order.count, waiting[order[head].call]?.since != order[head].since { head += 1 }
        if head * 2 > order.count {
            order.removeFirst(head)
            head = 0
        }
    }

    /// Returns the calls whose entries arrived before a time, and have waited long enough.
    func overdue(before time: ContinuousClock.Instant) -> [CallID] {
        order[head...].prefix { $0.since < time || waiting[$0.call]?.since != $0.since }
            .filter { waiting[$0.call]?.since == $0.since }.map(\.call)
    }
}
