import Synchronization

/// What a store tells while it works, so that nothing it cannot do stays silent.
package enum StoreNews: Equatable, Sendable {
    /// Writes fail from now on. Told once, however many fail.
    case failing(StoreError)
    /// A write has gone through again.
    case recovered
    /// The file was damaged when it was opened.
    case repaired(StoreRepair)
    /// A row that cannot be read: damaged, or a newer version's. Told once for each row.
    ///
    /// - Parameters:
    ///   - part: what of it: `record`, `transcript`, `event`, …
    ///   - id: the name of the call, agent or event.
    ///   - reason: free of the row's content.
    case unreadable(part: String, id: String, reason: String)
}

/// Whether the store can write, and what in it cannot be read. Thread-safe.
final class StoreCondition: Sendable {
    private struct State {
        var failure: StoreError?
        var told: Set<String> = []
        var unreadable = 0
    }

    private let state = Mutex(State())
    private let tell: @Sendable (StoreNews) -> Void

    /// So many rows are told of; later ones are counted at each reading.
    private static let mostTold = 10_000

    init(_ tell: @escaping @Sendable (StoreNews) -> Void) {
        self.tell = tell
    }

    /// Why the last write failed; nil while writes go through.
    var failure: StoreError? { state.withLock { $0.failure } }

    /// Rows that could not be read.
    var unreadable: Int { state.withLock { $0.unreadable } }

    func writeFailed(_ error: StoreError) {
        guard error.code.isOfTheStore else { return }
        let isNew = state.withLock { state in
            defer { state.failure = error }
            return state.failure == nil
        }
        if isNew { tell(.failing(error)) }
    }

    /// - Parameter hasChanged: whether something was written. A transaction without a change proves nothing.
    func writeSucceeded(hasChanged: Bool) {
        guard hasChanged else { return }
        let hasRecovered = state.withLock { state in
            defer { state.failure = nil }
            return state.failure != nil
        }
        if hasRecovered { tell(.recovered) }
    }

    func unreadable(_ part: String, _ id: String, _ error: any Error) {
        let isNew = state.withLock { state in
            guard state.told.count < Self.mostTold else {
                state.unreadable += 1
                return false
            }
            guard state.told.insert("\(part)/\(id)").inserted else { return false }
            state.unreadable += 1
            return true
        }
        if isNew { tell(.unreadable(part: part, id: id, reason: StoreError.reading(error))) }
    }
}
