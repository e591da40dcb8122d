/// Where ended calls are kept. Contract:
///
/// * `save` is called once for a call, at its end; when it has returned, the record is as durable as the store promises.
/// * Whatever is still running when the call has nothing left to wait for is cancelled, and must return then.
/// * `update` replaces the record of a call that was saved before, for what became known after its end.
/// * `find` returns what was saved last.
public protocol CallStore: Sendable {
    func save(_ call: CallSnapshot) async throws
    func update(_ call: CallSnapshot) async throws
    func find(_ id: CallID) async throws -> CallSnapshot?
    /// Newest first.
    func recent(limit: Int) async throws -> [CallSnapshot]
}
