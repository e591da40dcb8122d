import TalkpathCore

/// What was told of calls whose row is not written yet: an event needs to know whose call it is.
///
/// Kept by call, so that it is looked at when its call's row comes, and not at every transaction in between: however far
/// the store is behind, an entry is handled twice at most. Used on the store's writing thread only.
struct EarlyEntries {
    private struct Waiting {
        var entries: [OutboxEntry]
        var since: ContinuousClock.Instant
    }

    private var waiting: [CallID: Waiting] = [:]
    /// In the order in which they came; those that have been taken since stand here still.
    private var order: [(call: CallID, since: ContinuousClock.Instant)] = []
    /// So many at the front of it have been looked at.
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

    /// Calls whose entries have come before a time: they are not waited for any more.
    func overdue(before time: ContinuousClock.Instant) -> [CallID] {
        order[head...].prefix { $0.since < time || waiting[$0.call]?.since != $0.since }
            .filter { waiting[$0.call]?.since == $0.since }.map(\.call)
    }
}
