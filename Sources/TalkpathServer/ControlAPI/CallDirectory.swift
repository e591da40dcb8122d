import TalkpathCore

/// A tenant's calls, live and ended. Calls of other tenants are reported as not found.
struct CallDirectory {
    let state: ServerState
    let tenant: String

    private var store: any CallStore { state.store.calls }

    // MARK: One call

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

    /// Returns a page of calls from the newest to the oldest, beginning at the query's cursor. Ended calls come without
    /// transcripts.
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

    /// Returns a page by its number, and the number of calls on all pages.
    ///
    /// - Parameters:
    ///   - offset: the number of calls to skip.
    ///   - isWhole: true if ended calls come with their transcripts.
    func page(
        _ query: CallQuery,
        offset: Int,
        size: Int,
        isWhole: Bool
    ) async throws -> (calls: [CallSnapshot], total: Int) {
        var query = query
        query.tenant = tenant
        let live = await live(query)
        // Each live call moves the ended calls behind it by one place. So fetch as many more, and drop those that
        // belong to an earlier page.
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

    /// Returns the newest calls, for sort orders that the store does not support.
    func newest(_ query: CallQuery, limit: Int) async throws -> [CallSnapshot] {
        try await page(query, offset: 0, size: limit, isWhole: false).calls
    }

    /// Returns the same calls with their transcripts.
    func whole(_ calls: [CallSnapshot]) async throws -> [CallSnapshot] {
        var whole: [CallSnapshot] = []
        for call in calls { whole.append(try await state.manager.find(call.id) ?? call) }
        return whole
    }

    private func live(_ query: CallQuery) async -> [CallSnapshot] {
        await state.liveCalls(tenant: tenant).filter { query.matches($0) }
    }

    /// True if `one` comes after `other` in a list from the newest call to the oldest.
    private static func follows(_ one: CallCursor, _ other: CallCursor) -> Bool {
        (one.startedAt, one.id.text) < (other.startedAt, other.id.text)
    }
}

extension ServerState {
    /// Finds a live call of any tenant by the carrier's name of it, even before the carrier has reported anything about
    /// it.
    func liveCall(carrierCallID: String) async -> CallSnapshot? {
        await manager.active().first { $0.carrierCallID == carrierCallID }
    }
}

extension CallCursor {
    init(_ call: CallSnapshot) {
        self.init(startedAt: call.startedAt, id: call.id)
    }
}
