/// The storage of calls: a journal of the live ones, and the records of those that have ended. Contract:
///
/// * `journal` is called when a call begins, before the carrier is asked for anything, and when the carrier has named
///   it; the calls may overtake one another. When it has returned, the call is found again by a process that starts
///   after this one was killed. It never takes back what is known: neither an end that was saved, nor the carrier's
///   name of the call. It bounds itself: a call is not placed before it has returned.
/// * `save` is called once for a call, at its end; when it has returned, the record is as durable as the store
///   promises. A call that is saved again has one record all the same.
/// * Operations that still run when the call has nothing left to wait for are cancelled, and must return then.
/// * `update` replaces the saved record of a call with facts that became known after its end.
/// * `find` returns the state saved last, or else the state journalled last.
/// * Of an agent, its definition and its instructions are kept. Its key is not, nor its limits, guards and the like,
///   which come back with the values of a call without a request.
///
/// ``CallSnapshot/storedForm`` is a call as JSON, and ``CallQuery/page(of:)`` answers a query where all calls can be gone
/// through. `CallStoreContract` (TalkpathTesting) checks a store by these rules.
public protocol CallStore: Sendable {
    func journal(_ call: CallSnapshot) async throws
    func save(_ call: CallSnapshot) async throws
    func update(_ call: CallSnapshot) async throws
    func find(_ id: CallID) async throws -> CallSnapshot?
    /// Ended calls, without their transcripts.
    func calls(matching query: CallQuery) async throws -> CallPage
    /// The number of calls on all pages together; the query's limit, offset and cursor do not count.
    func count(matching query: CallQuery) async throws -> Int
}

extension CallStore {
    /// Ended calls, newest first, without their transcripts.
    public func recent(limit: Int) async throws -> [CallSnapshot] {
        var query = CallQuery()
        query.limit = limit
        return try await calls(matching: query).calls
    }
}
