import CPostgres

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// One connection. It uses libpq without blocking and waits on its socket with `poll`, so that every answer has a
/// deadline.
///
/// `@unchecked Sendable`: a connection belongs to one lane, and is used on that lane's queue only.
package final class PostgresConnection: @unchecked Sendable {
    private var handle: OpaquePointer?
    /// The names of prepared statements, by their SQL and parameter types.
    private var prepared: [String: String] = [:]
    /// The time limit for an answer.
    private let patience: Duration
    /// The most statements that are kept prepared. The texts are few; some differ only by their number of arguments.
    private static let mostPrepared = 300
    /// The longest time, in milliseconds, between two statements of a transaction. A process that is paused, or cut off,
    /// in the middle of one holds locks on calls that other nodes have to take from it within seconds. A process that
    /// comes back repeats the transaction.
    private static let longestStandstill = 2000

    /// - Parameters:
    ///   - patience: the time limit for an answer.
    /// - Throws: `PostgresError`.
    init(_ address: PostgresAddress, patience: Duration) throws(PostgresError) {
        self.patience = patience
        // The address comes last, so that it overrides these defaults.
        let defaults = [
            ("fallback_application_name", "talkpath"), ("keepalives", "1"), ("keepalives_idle", "15"),
            ("keepalives_interval", "5"), ("keepalives_count", "3"), ("tcp_user_timeout", "20000"),
        ]
        let parameters = defaults + [("dbname", address.url), ("client_encoding", "UTF8")]
        var words = parameters.map { strdup($0.0) } + [nil] + parameters.map { strdup($0.1) } + [nil]
        defer { for word in words { free(word) } }
        handle = words.withUnsafeMutableBufferPointer { words in
            let pointers = UnsafeRawPointer(words.baseAddress!).assumingMemoryBound(to: UnsafePointer<CChar>?.self)
            return PQconnectStartParams(pointers, pointers + parameters.count + 1, 1)
        }
        guard let handle else { throw PostgresError(.unreachable, "libpq has no memory for a connection") }
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        let deadline = ContinuousClock.now + .seconds(address.patience)
        do throws(PostgresError) {
            try connect(handle, by: deadline)
            guard PQsetnonblocking(handle, 1) == 0 else { throw lost() }
            // The server gives up work at about the time at which this client does.
            let milliseconds = Int(patience / .milliseconds(1))
            try run(
                """
                SET statement_timeout = \(milliseconds); SET lock_timeout = \(milliseconds);
                SET idle_in_transaction_session_timeout = \(Self.longestStandstill);
                SET standard_conforming_strings = on
                """
            )
        } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    func close() {
        if let handle { PQfinish(handle) }
        handle = nil
    }

    /// The version as a number, such as `150004` for 15.4.
    package var serverVersion: Int { handle.map { Int(PQserverVersion($0)) } ?? 0 }

    // MARK: Statements

    /// Runs a statement, and keeps it prepared for the next time.
    ///
    /// - Parameters:
    ///   - sql: a constant, with `?` or `?1` as placeholders.
    ///   - body: called for each row; returns whether it wants another one.
    /// - Returns: the number of changed rows.
    @discardableResult
    package func execute(
        _ sql: String,
        _ values: [PostgresValue] = [],
        _ body: (PostgresRow) throws -> Bool = { _ in true }
    ) throws -> Int {
        let parameters = PostgresParameters(values)
        let result = try send(prepare(sql, parameters.types), parameters)
        defer { PQclear(result.handle) }
        for row in 0..<result.rows {
            guard try body(PostgresRow(result: result, row: row)) else { break }
        }
        return PQcmdTuples(result.handle).flatMap { Int(String(cString: $0)) } ?? 0
    }

    /// Runs one or more statements without arguments.
    /// - Returns: the server's command tag of the last one: `COMMIT`, …
    @discardableResult
    package func run(_ sql: String, patience: Duration? = nil) throws(PostgresError) -> String {
        guard let handle, PQsendQuery(handle, sql) == 1 else { throw lost() }
        let result = try answer(by: .now + (patience ?? self.patience))
        defer { PQclear(result.handle) }
        return PQcmdStatus(result.handle).map { String(cString: $0) } ?? ""
    }

    private func prepare(_ sql: String, _ types: [UInt32]) throws(PostgresError) -> String {
        let key = sql + types.map { " \($0)" }.joined()
        if let name = prepared[key] { return name }
        if prepared.count >= Self.mostPrepared {
            try run("DEALLOCATE ALL")
            prepared = [:]
        }
        let name = "talkpath_\(prepared.count)"
        guard let handle, PQsendPrepare(handle, name, PostgresPlaces.numbered(sql), Int32(types.count), types) == 1
        else { throw lost() }
        PQclear(try answer(by: .now + patience).handle)
        prepared[key] = name
        return name
    }

    private func send(_ name: String, _ parameters: PostgresParameters) throws(PostgresError) -> PostgresResult {
        let lengths = parameters.ranges.map { Int32($0?.count ?? 0) }
        let formats = parameters.ranges.map { _ in Int32(1) }
        let isSent = parameters.bytes.withUnsafeBytes { bytes in
            let values = parameters.ranges.map { range in
                range.flatMap { bytes.baseAddress?.advanced(by: $0.lowerBound).assumingMemoryBound(to: CChar.self) }
            }
            // libpq copies the values before this returns.
            return PQsendQueryPrepared(handle, name, Int32(values.count), values, lengths, formats, 0) == 1
        }
        guard isSent else { throw lost() }
        return try answer(by: .now + patience)
    }

    // MARK: Waiting

    private func connect(_ handle: OpaquePointer, by deadline: ContinuousClock.Instant) throws(PostgresError) {
        var state = PGRES_POLLING_WRITING
        while PQstatus(handle) != CONNECTION_BAD {
            switch state {
            case PGRES_POLLING_OK: return
            case PGRES_POLLING_READING: try wait(for: Int16(POLLIN), by: deadline, "to be connected")
            case PGRES_POLLING_WRITING: try wait(for: Int16(POLLOUT), by: deadline, "to be connected")
            default: throw lost()
            }
            state = PQconnectPoll(handle)
        }
        throw lost()
    }

    /// Sends the pending bytes, and waits for the complete answer.
    /// - Returns: the last result, which the caller must clear.
    private func answer(by deadline: ContinuousClock.Instant) throws(PostgresError) -> PostgresResult {
        guard let handle else { throw lost() }
        while true {
            let left = PQflush(handle)
            guard left >= 0 else { throw lost() }
            if left == 0 { break }
            try wait(for: Int16(POLLIN | POLLOUT), by: deadline, "for what was sent to be taken")
            guard PQconsumeInput(handle) == 1 else { throw lost() }
        }
        var last: OpaquePointer?
        while true {
            while PQisBusy(handle) == 1 {
                do throws(PostgresError) {
                    try wait(for: Int16(POLLIN), by: deadline, "for an answer")
                } catch {
                    PQclear(last)
                    throw error
                }
                guard PQconsumeInput(handle) == 1 else {
                    PQclear(last)
                    throw lost()
                }
            }
            guard let result = PQgetResult(handle) else { break }
            // Keep the first failure, which explains the later ones.
            if let known = last, Self.hasFailed(known) {
                PQclear(result)
            } else {
                PQclear(last)
                last = result
            }
        }
        guard let last else { throw lost() }
        guard Self.hasFailed(last) else { return PostgresResult(handle: last) }
        defer { PQclear(last) }
        guard let code = PQresultErrorField(last, 67).map({ String(cString: $0) }) else { throw lost() }
        let primary = PQresultErrorField(last, 77).map { String(cString: $0) } ?? ""
        throw PostgresError(refused: code, primary)
    }

    private static func hasFailed(_ result: OpaquePointer) -> Bool {
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: false
        default: true
        }
    }

    private func wait(
        for events: Int16,
        by deadline: ContinuousClock.Instant,
        _ purpose: String
    ) throws(PostgresError) {
        while true {
            let left = deadline - .now
            guard left > .zero else {
                throw PostgresError(.timedOut, "the database took too long \(purpose)")
            }
            var descriptor = pollfd(fd: PQsocket(handle), events: events, revents: 0)
            guard descriptor.fd >= 0 else { throw lost() }
            let milliseconds = Int32(min(60_000, left / .milliseconds(1) + 1))
            let count = poll(&descriptor, 1, milliseconds)
            if count > 0 { return }
            guard count == 0 || errno == EINTR else { throw lost() }
        }
    }

    private func lost() -> PostgresError {
        let words = handle.flatMap { PQerrorMessage($0) }.map { PostgresError.line(String(cString: $0)) } ?? ""
        return PostgresError(.unreachable, words.isEmpty ? "the connection is closed" : words)
    }
}

/// An answer. The code that asked for it must clear it.
struct PostgresResult {
    let handle: OpaquePointer
    var rows: Int32 { PQntuples(handle) }
}

/// One row of an answer; valid until the answer is cleared.
package struct PostgresRow {
    let result: PostgresResult
    let row: Int32

    package var names: [String] {
        (0..<PQnfields(result.handle)).map { PQfname(result.handle, $0).map { String(cString: $0) } ?? "" }
    }

    package var values: [PostgresValue] {
        (0..<PQnfields(result.handle)).map { column in
            guard PQgetisnull(result.handle, row, column) == 0, let text = PQgetvalue(result.handle, row, column)
            else { return .null }
            let bytes = UnsafeRawBufferPointer(start: text, count: Int(PQgetlength(result.handle, row, column)))
            return PostgresValue(
                type: PQftype(result.handle, column),
                text: String(decoding: bytes, as: UTF8.self)
            )
        }
    }
}

extension PostgresConnection {
    /// Returns the first column of the first row.
    package func value(_ sql: String, _ values: [PostgresValue] = []) throws -> PostgresValue? {
        var first: PostgresValue?
        try execute(sql, values) { row in
            first = row.values.first
            return false
        }
        return first
    }

    package func boolean(_ sql: String, _ values: [PostgresValue] = []) throws -> Bool {
        try value(sql, values) == .boolean(true)
    }
}
