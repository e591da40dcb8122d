import TalkpathCore
import TalkpathTesting
import TalkpathWire

/// A store in memory that keeps the contract but for one mistake.
actor FlawedStore: CallStore {
    struct Failure: Error {}

    let flaw: StoreFlaw?
    private var calls: [CallID: CallSnapshot]
    /// Of the ended ones, in the order of their ends.
    private var order: [CallID]

    init(flaw: StoreFlaw?, calls: [CallSnapshot] = []) {
        self.flaw = flaw
        self.calls = Dictionary(uniqueKeysWithValues: calls.map { ($0.id, $0) })
        order = calls.filter { $0.endedAt != nil }.map(\.id)
    }

    /// The calls that a process finds that starts later.
    var kept: [CallSnapshot] {
        switch flaw {
        case .losesTheJournal: calls.values.filter { $0.endedAt != nil }
        case .losesRecords: calls.values.filter { $0.endedAt == nil }
        default: Array(calls.values)
        }
    }

    func journal(_ call: CallSnapshot) async throws {
        await hangIfFlawed()
        guard let known = calls[call.id] else {
            calls[call.id] = kept(call)
            return
        }
        guard known.endedAt == nil || flaw == .forgetsTheEnd else {
            if flaw != .ignoresALateName { calls[call.id]?.carrierCallID = known.carrierCallID ?? call.carrierCallID }
            return
        }
        calls[call.id] = kept(call)
        if known.endedAt != nil { order.removeAll { $0 == call.id } }
        if flaw != .forgetsTheName { calls[call.id]?.carrierCallID = call.carrierCallID ?? known.carrierCallID }
    }

    func save(_ call: CallSnapshot) async throws {
        await hangIfFlawed()
        if flaw == .losesCallsInACrowd, order.count == 40 { return }
        let isNew = calls.updateValue(kept(call), forKey: call.id)?.endedAt == nil
        if isNew || flaw == .savesTwice { order.append(call.id) }
    }

    func update(_ call: CallSnapshot) async throws {
        guard flaw != .ignoresUpdates, calls[call.id]?.endedAt != nil || flaw == .makesRecordsByUpdates else { return }
        calls[call.id] = kept(call)
    }

    func find(_ id: CallID) async throws -> CallSnapshot? {
        if flaw == .failsForUnknownCalls, calls[id] == nil { throw Failure() }
        return calls[id]
    }

    func calls(matching query: CallQuery) async throws -> CallPage {
        let read = read(query)
        var page = read.page(of: candidates(query))
        if flaw == .listsOneWayOnly { page.calls.sort { $0.startedAt > $1.startedAt } }
        if flaw == .listsByName { page.calls.sort { $0.id.text < $1.id.text } }
        if flaw == .listsTranscripts { page.calls = page.calls.map { calls[$0.id] ?? $0 } }
        if flaw == .repeatsCallsOnPages, query.cursor != nil, let first = page.calls.first {
            page.calls[page.calls.count - 1] = first
        }
        if flaw == .losesCallsBetweenPages, let next = page.next {
            page.next?.startedAt = WallTime(milliseconds: next.startedAt.milliseconds - 1000)
        }
        if flaw == .endsWithACursor, page.next == nil, query.cursor != nil {
            page.next = page.calls.last.map { CallCursor(startedAt: $0.startedAt, id: $0.id) }
        }
        if flaw == .listsLiveCalls { page.calls += calls.values.filter { $0.endedAt == nil } }
        return page
    }

    func count(matching query: CallQuery) async throws -> Int {
        let read = read(query)
        if flaw == .countsPages { return read.page(of: candidates(query)).calls.count }
        return read.count(of: candidates(query))
    }

    private func candidates(_ query: CallQuery) -> [CallSnapshot] {
        let ended = order.compactMap { calls[$0] }
        guard let search = query.search else { return ended }
        switch flaw {
        case .searchesByCase: return ended.filter { $0.metadata["customer"]?["name"]?.string == search }
        case .searchesByPattern where search == "fx100": return ended.filter { $0.tenant == "acme" }
        default: return ended
        }
    }

    /// The query as the mistake reads it.
    private func read(_ query: CallQuery) -> CallQuery {
        var query = query
        switch flaw {
        case .ignores(.tenant): query.tenant = nil
        case .ignores(.agentID): query.agentID = nil
        case .ignores(.statuses): query.statuses = []
        case .ignores(.direction): query.direction = nil
        case .ignores(.from): query.from = nil
        case .ignores(.to): query.to = nil
        case .ignores(.since): query.since = nil
        case .ignores(.until): query.until = nil
        case .ignores(.search): query.search = nil
        case .searchesByPattern where query.search == "fx100": query.search = nil
        case .ignoresOffsets: query.offset = min(query.offset, 0)
        case .givesAllForOddLimits: if query.limit < 0 { query.limit = 100 }
        case .givesNothingForOddOffsets: if query.offset < 0 { query.limit = 0 }
        default: break
        }
        return query
    }

    private func kept(_ call: CallSnapshot) -> CallSnapshot {
        var kept = call.asKept
        switch flaw {
        case .keepsTheKey: kept.agent.apiKey = call.agent.apiKey
        case .losesTheTranscript: kept.transcript = []
        case .losesTheInstructions: kept.agent.instructions = ""
        case .losesTheNumbersOfLiveCalls: if call.endedAt == nil { kept.from = "" }
        default: break
        }
        return kept
    }

    /// Does not see that its task is cancelled.
    private func hangIfFlawed() async {
        if flaw == .doesNotReturn, Task.isCancelled { await Unending.wait() }
    }
}

struct FlawedStoreStage: CallStoreStage {
    var flaw: StoreFlaw?
    var outlivesItsProcess = true

    func emptyStore() async throws -> any CallStore { FlawedStore(flaw: flaw) }

    func reopened(_ store: any CallStore) async throws -> (any CallStore)? {
        guard outlivesItsProcess, let store = store as? FlawedStore else { return nil }
        return FlawedStore(flaw: flaw, calls: await store.kept)
    }
}
