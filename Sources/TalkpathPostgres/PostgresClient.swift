import Dispatch
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A PostgreSQL database. One connection runs the transactions one after another; a few more serve reads beside it.
///
/// The client reopens a lost connection, and repeats the work that was under way if it is certain that nothing of it
/// was kept. If a COMMIT gets no answer, the client does not repeat the transaction. It asks the server for the
/// transaction's outcome until it gets an answer, and writes nothing else before.
package final class PostgresClient: Sendable {
    private let writing: PostgresLanes
    private let reading: PostgresLanes
    private let writer: PostgresLane

    /// The oldest major version of PostgreSQL that supports our statements.
    package static let oldestVersion = 15

    /// - Parameters:
    ///   - readers: the number of connections for reads.
    ///   - patience: the time limit for an answer, and for a request's wait in the queue.
    ///   - prepare: runs on each new writing connection before it is used.
    package init(
        _ address: PostgresAddress,
        readers: Int = 4,
        patience: Duration = .seconds(10),
        prepare: @escaping @Sendable (PostgresConnection) throws -> Void = { _ in }
    ) {
        let contact = PostgresContact()
        writer = PostgresLane("writer", address, patience: patience, contact: contact) { connection in
            try Self.examine(connection)
            try prepare(connection)
        }
        writing = PostgresLanes([writer], patience: patience)
        reading = PostgresLanes(
            (1...max(1, readers)).map { number in
                PostgresLane("reader-\(number)", address, patience: patience, contact: contact) { connection in
                    try Self.examine(connection)
                    try connection.run("SET default_transaction_read_only = on")
                }
            },
            patience: patience
        )
    }

    private static func examine(_ connection: PostgresConnection) throws {
        guard connection.serverVersion >= oldestVersion * 10_000 else {
            let major = connection.serverVersion / 10_000
            throw PostgresError(
                .unfit,
                "the server is PostgreSQL \(major): talkpath needs \(oldestVersion) or later"
            )
        }
        guard try connection.value("SHOW server_encoding") == .text("UTF8") else {
            throw PostgresError(.unfit, "the database's encoding is not UTF8: create it with ENCODING 'UTF8'")
        }
    }

    /// Runs `work` on the writing connection, before any other use. Blocks the calling thread.
    @discardableResult
    package func setUp<Value>(_ work: (PostgresConnection) throws -> Value) throws -> Value {
        try writer.queue.sync { try work(writer.connected()) }
    }

    /// Finishes the requested work, then closes the connections. Blocks the calling thread.
    package func close() {
        writing.close()
        reading.close()
    }

    // MARK: Reading

    package func read<Value: Sendable>(
        _ query: @escaping @Sendable (PostgresConnection) throws -> Value,
        onEnd: @escaping @Sendable (Result<Value, any Error>) -> Void
    ) {
        let job = PostgresLanes.Job { lane in
            onEnd(Result { try Self.read(lane, query) })
        } fail: {
            onEnd(.failure($0))
        }
        reading.submit(job)
    }

    private static func read<Value>(
        _ lane: PostgresLane,
        _ query: (PostgresConnection) throws -> Value
    ) throws -> Value {
        var isFirst = true
        while true {
            let connection = try lane.connected()
            do {
                return try query(connection)
            } catch let error as PostgresError {
                if error.costsConnection { lane.drop() }
                guard isFirst, error.isWorthRepeating else { throw error }
                isFirst = false
            }
        }
    }

    // MARK: Writing

    /// The result of a transaction.
    package struct Commit<Value: Sendable>: Sendable {
        package var value: Value
        package var hasChanged: Bool
    }

    /// Runs one transaction, even if the task that asked for it has been cancelled.
    ///
    /// - Parameters:
    ///   - updates: runs again if nothing of the first run was kept and the fault was not its own.
    ///   - onEnd: receives the result, before the next transaction begins.
    package func write<Value: Sendable>(
        _ updates: @escaping @Sendable (PostgresConnection) throws -> Value,
        onEnd: @escaping @Sendable (Result<Commit<Value>, any Error>) -> Void
    ) {
        let job = PostgresLanes.Job { [writing] lane in
            onEnd(Result { try Self.transact(lane, writing, updates) })
        } fail: {
            onEnd(.failure($0))
        }
        writing.submit(job)
    }

    private static func transact<Value: Sendable>(
        _ lane: PostgresLane,
        _ lanes: PostgresLanes,
        _ updates: (PostgresConnection) throws -> Value
    ) throws -> Commit<Value> {
        var runs = 0
        while true {
            runs += 1
            let connection = try lane.connected()
            do {
                try connection.run("BEGIN")
                let value = try updates(connection)
                let number = try connection.value("SELECT pg_current_xact_id_if_assigned()::text")
                guard case .text(let number)? = number else {
                    // Nothing was written, so a lost connection does no harm here.
                    try connection.run("ROLLBACK")
                    return Commit(value: value, hasChanged: false)
                }
                if try commit(number, connection, lane, lanes) { return Commit(value: value, hasChanged: true) }
                throw PostgresError(.unreachable, "the connection was lost before the transaction was committed")
            } catch {
                guard let error = error as? PostgresError else {
                    try leave(connection, lane)
                    throw error
                }
                if error.costsConnection { lane.drop() } else { try leave(connection, lane) }
                guard runs < 3, error.isWorthRepeating else { throw error }
            }
        }
    }

    private static func leave(_ connection: PostgresConnection, _ lane: PostgresLane) throws {
        do {
            try connection.run("ROLLBACK")
        } catch {
            lane.drop()
        }
    }

    /// - Returns: `false` if the connection was lost and nothing was committed.
    private static func commit(
        _ number: String,
        _ connection: PostgresConnection,
        _ lane: PostgresLane,
        _ lanes: PostgresLanes
    ) throws -> Bool {
        do throws(PostgresError) {
            guard try connection.run("COMMIT") == "COMMIT" else {
                throw PostgresError(.refused("25P02"), "the transaction was rolled back")
            }
            return true
        } catch {
            guard error.costsConnection else { throw error }
            lane.drop()
            return try isCommitted(number, lane, lanes, after: error)
        }
    }

    /// Asks the server for the outcome of a transaction whose COMMIT got no answer, until it answers.
    private static func isCommitted(
        _ number: String,
        _ lane: PostgresLane,
        _ lanes: PostgresLanes,
        after loss: PostgresError
    ) throws -> Bool {
        while !lanes.isClosed {
            do {
                let status = try lane.connected().value("SELECT pg_xact_status(CAST(? AS xid8))", [.text(number)])
                switch status {
                case .text("aborted")?: return false
                case .text("in progress")?: break
                // Committed, or so old that the server has forgotten it. To repeat a committed transaction would be
                // worse than to lose one.
                default: return true
                }
            } catch {
                if let error = error as? PostgresError, !error.costsConnection {
                    // This server has not assigned the number yet, so it is not the server that ran the transaction.
                    return false
                }
                lane.drop()
                lanes.failWaiting(error)
            }
            usleep(50_000)
        }
        throw PostgresError(loss.kind, "the connection was lost while a transaction was being committed")
    }
}
