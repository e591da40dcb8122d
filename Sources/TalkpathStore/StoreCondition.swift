import Synchronization

/// Reports of a store about its own work, so that no fault stays silent.
package enum StoreNews: Equatable, Sendable {
    /// Writes fail from now on. Reported once, however many fail.
    case failing(StoreError)
    /// A write has succeeded again.
    case recovered
    /// More writes wait than the store takes on: begin nothing that has to be kept.
    case behind(waiting: Int)
    /// The store has caught up.
    case caughtUp
    /// The spool takes no more records while the database is away: they wait in memory only. Reported once.
    case spoolFailed
    /// The file was damaged when it was opened, and was repaired.
    case repaired(StoreRepair)
    /// A row that is damaged or was written by a newer version. Reported once for each row.
    ///
    /// - Parameters:
    ///   - part: the kind of data: `record`, `transcript`, `event`, …
    ///   - id: the name of the call, agent or event.
    ///   - reason: why it cannot be read. Holds none of the row's content.
    case unreadable(part: String, id: String, reason: String)
}

/// Tells if the store can write, and which rows it could not read. Thread-safe.
final class StoreCondition: Sendable {
    private struct State {
        var failure: StoreError?
        var told: Set<String> = []
        var unreadable = 0
        var hasSpoolFailed = false
    }

    private let state = Mutex(State())
    private let tell: @Sendable (StoreNews) -> Void

    /// The number of rows that are reported and counted once each. Rows beyond it are counted at every reading.
    private static let mostTold = 10_000

    init(_ tell: @escaping @Sendable (StoreNews) -> Void) {
        self.tell = tell
    }

    /// The reason why the last write failed; `nil` while writes succeed.
    var failure: StoreError? { state.withLock { $0.failure } }

    /// The number of rows that could not be read.
    var unreadable: Int { state.withLock { $0.unreadable } }

    func writeFailed(_ error: StoreError) {
        guard error.code.isOfTheStore else { return }
        let isNew = state.withLock { state in
            defer { state.failure = error }
            return state.failure == nil
        }
        if isNew { tell(.failing(error)) }
    }

    func spoolFailed() {
        let isNew = state.withLock { state in
            defer { state.hasSpoolFailed = true }
            return !state.hasSpoolFailed
        }
        if isNew { tell(.spoolFailed) }
    }

    /// - Parameter hasChanged: true if the transaction changed any row. One without a change does not prove that writes
    ///   work.
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
