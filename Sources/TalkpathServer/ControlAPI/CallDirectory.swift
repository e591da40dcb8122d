import TalkpathCore

/// A tenant's calls, live and ended. Another's are as if they were not.
struct CallDirectory {
    let state: ServerState
    let tenant: String

    private var store: any CallStore { state.store.calls }

    // MARK: One

    /// - Parameter reference: our name of the call.
    func call(_ reference: String) async throws -> CallSnapshot {
        guard let call = try await state.manager.find(CallID(reference)), call.tenant == tenant else {
            throw Problem.callNotFound
        }
        return call
    }

    /// - Parameter reference: our name of the call, or the carrier's.
    func call(anyName reference: String) async throws -> CallSnapshot? {
        if let call = try await state.manager.find(CallID(reference)), call.tenant == tenant { return call }
        if let call = await state.liveCall(carrierCallID: reference) { return call.tenant == tenant ? call : nil }
        var query = CallQuery()
        query.tenant = tenant
        query.search = reference
        return try await store.calls(matching: query).calls.first { $0.carrierCallID == reference }
    }

    // MARK: Pages

    /// From the newest to the oldest, going on by a cursor. Ended calls come without their transcripts.
    func page(_ query: ListCallsQuery) async throws -> CallPage {
        var wanted = query.calls
        wanted.tenant = tenant
        var calls = query.state == .ended ? [] : await live(wanted)
        if let cursor = wanted.cursor { calls.removeAll { !Self.follows(CallCursor($0), cursor) } }
        var goesOn = false
        if query.state != .active {
            let page = try await store.calls(matching: wanted)
            let known = Set(calls.map(\.id))
            calls += page.calls.filter { !known.contains($0.id) }
            goesOn = page.next != nil
        }
        calls.sort { Self.follows(CallCursor($1), CallCursor($0)) }
        let page = calls.prefix(wanted.limit)
        let hasMore = goesOn || calls.count > page.count
        return CallPage(calls: Array(page), next: hasMore ? page.last.map(CallCursor.init) : nil)
    }

    /// A page by its number, and how many calls there are on all of them.
    ///
    /// - Parameters:
    ///   - offset: calls left out.
    ///   - isWhole: with the transcripts of ended calls.
    func page(
        _ query: CallQuery,
        offset: Int,
        size: Int,
        isWhole: Bool
    ) async throws -> (calls: [CallSnapshot], total: Int) {
        var query = query
        query.tenant = tenant
        let live = await live(query)
        // Each live call moves the ended ones behind it by one place: so many are fetched in addition, and what then
        // stands before the page belongs to an earlier one.
        query.offset = max(0, offset - live.count)
        query.limit = size + live.count
        let ended = try await store.calls(matching: query).calls
        var calls = (live + ended).sorted { left, right in
            let isNewer = Self.follows(CallCursor(right), CallCursor(left))
            return query.order == .newestFirst ? isNewer : !isNewer
        }
        calls = Array(calls.dropFirst(offset - query.offset).prefix(size))
        if isWhole { calls = try await whole(calls) }
        return (calls, live.count + (try await store.count(matching: query)))
    }

    /// The newest of them, for orders that the store has not.
    func newest(_ query: CallQuery, limit: Int) async throws -> [CallSnapshot] {
        try await page(query, offset: 0, size: limit, isWhole: false).calls
    }

    /// The same calls with their transcripts.
    func whole(_ calls: [CallSnapshot]) async throws -> [CallSnapshot] {
        var whole: [CallSnapshot] = []
        for call in calls { whole.append(try await state.manager.find(call.id) ?? call) }
        return whole
    }

    private func live(_ query: CallQuery) async -> [CallSnapshot] {
        await state.manager.active().filter { $0.tenant == tenant && query.matches($0) }
    }

    /// Tells whether `one` stands behind `other` in a list from the newest call to the oldest.
    private static func follows(_ one: CallCursor, _ other: CallCursor) -> Bool {
        (one.startedAt, one.id.text) < (other.startedAt, other.id.text)
    }
}

extension ServerState {
    /// A live call, whosever it is, by the carrier's name of it: also one of which the carrier has told nothing yet.
    func liveCall(carrierCallID: String) async -> CallSnapshot? {
        await manager.active().first { $0.carrierCallID == carrierCallID }
    }
}

extension CallCursor {
    init(_ call: CallSnapshot) {
        self.init(startedAt: call.startedAt, id: call.id)
    }
}
