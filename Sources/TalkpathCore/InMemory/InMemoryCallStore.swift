/// Keeps ended calls in memory: the newest ones, for the life of the process.
public actor InMemoryCallStore: CallStore {
    private var calls: [CallID: CallSnapshot] = [:]
    private var order: [CallID] = []
    private let capacity: Int

    public init(capacity: Int = 10_000) {
        self.capacity = max(1, capacity)
    }

    public func save(_ call: CallSnapshot) {
        if calls.updateValue(call, forKey: call.id) == nil { order.append(call.id) }
        while order.count > capacity { calls[order.removeFirst()] = nil }
    }

    public func update(_ call: CallSnapshot) {
        if calls[call.id] != nil { calls[call.id] = call }
    }

    public func find(_ id: CallID) -> CallSnapshot? {
        calls[id]
    }

    public func recent(limit: Int) -> [CallSnapshot] {
        order.suffix(max(0, limit)).reversed().compactMap { calls[$0] }
    }
}
