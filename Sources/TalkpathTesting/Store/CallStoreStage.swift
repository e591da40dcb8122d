public import TalkpathCore

/// Makes stores for ``CallStoreContract``.
public protocol CallStoreStage: Sendable {
    /// A new and empty store: a file or a schema of its own, for each rule.
    func emptyStore() async throws -> any CallStore

    /// The store as a process finds it that starts after the one with `store` was killed. It may be closed before.
    ///
    /// - Returns: `nil` for a store that does not outlive its process. The rules about that are left unchecked.
    func reopened(_ store: any CallStore) async throws -> (any CallStore)?

    /// The store is needed no more.
    func discard(_ store: any CallStore) async
}

extension CallStoreStage {
    public func reopened(_ store: any CallStore) async throws -> (any CallStore)? { nil }

    public func discard(_ store: any CallStore) async {}
}
