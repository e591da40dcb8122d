import TalkpathPostgres

/// A database on a PostgreSQL server.
final class PostgresEngine: StoreEngine {
    private let client: PostgresClient

    /// - Parameters:
    ///   - url: in the form that libpq reads.
    ///   - ownsDatabase: this server is the only one on the database. Another one is refused as long as this one runs.
    ///   - isNode: this server is one of several nodes on the database.
    /// - Throws: `StoreError`, in one line and without the password, if the database cannot be used.
    init(
        _ url: String,
        durability: SQLCallStore.Durability,
        ownsDatabase: Bool,
        isNode: Bool = false,
        patience: Duration = .seconds(10)
    ) throws(StoreError) {
        let address: PostgresAddress
        do {
            address = try PostgresAddress(url)
        } catch {
            throw StoreError(.cannotOpen, "the database's address cannot be used: \(error)")
        }
        client = PostgresClient(address, patience: patience) { connection in
            // A server setting may be weaker than the durability that was asked for.
            if durability == .power { try connection.run("SET synchronous_commit = on") }
            if ownsDatabase || isNode { try PostgresSchema.claim(connection, isShared: isNode) }
        }
        do {
            try client.setUp(PostgresSchema.bringUpToDate)
        } catch {
            client.close()
            throw StoreError(opening: address, error)
        }
    }

    var dialect: StoreDialect { .postgres }

    func write<Value: Sendable>(
        _ updates: @escaping @Sendable (any StoreSession) throws -> Value,
        onEnd: @escaping @Sendable (Result<StoreCommit<Value>, StoreError>) -> Void
    ) {
        client.write { connection in
            let session = PostgresSession(connection)
            return (try updates(session), session.afterwards)
        } onEnd: { result in
            switch result {
            case .success(let commit):
                for work in commit.value.1 { work() }
                onEnd(.success(StoreCommit(value: commit.value.0, hasChanged: commit.hasChanged)))
            case .failure(let error):
                onEnd(.failure(StoreError(of: error, "written")))
            }
        }
    }

    func read<Value: Sendable>(_ query: @escaping @Sendable (any StoreSession) throws -> Value) async throws -> Value {
        let reply = Reply<Value>()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                reply.expect(continuation)
                client.read { connection in
                    try query(PostgresSession(connection))
                } onEnd: { result in
                    reply.give(result.mapError { $0 is PostgresError ? StoreError(of: $0, "read") : $0 })
                }
            }
        } onCancel: {
            reply.give(.failure(CancellationError()))
        }
    }

    /// Does nothing: PostgreSQL's log belongs to the operator of its server.
    func emptyLog() async {}

    func close() throws { client.close() }
}

extension StoreError {
    /// - Parameter verb: the action that failed, such as "written".
    init(of error: any Error, _ verb: String) {
        switch error {
        case let error as StoreError: self = error
        case let error as PostgresError:
            self.init(Self.code(of: error), "the store could not be \(verb): PostgreSQL: \(error)")
        default: self.init(.failed, "the store could not be \(verb): \(type(of: error))")
        }
    }

    init(opening address: PostgresAddress, _ error: any Error) {
        switch error {
        case let error as StoreError: self = error
        case let error as PostgresError:
            self.init(.cannotOpen, "the database \(address) cannot be used: \(error)\(Self.advice(error))")
        default: self.init(.cannotOpen, "the database \(address) cannot be used: \(type(of: error))")
        }
    }

    private static func code(of error: PostgresError) -> Code {
        guard case .refused(let code) = error.kind else { return .unavailable }
        switch code.prefix(2) {
        case "53": return code == "53100" ? .full : .unavailable
        // A page of the data itself is damaged.
        case "XX": return code == "XX001" || code == "XX002" ? .damaged : .failed
        // Lost connections, revoked rights, dropped tables, locks, a standby, a stopping server, its disk.
        case "08", "25", "28", "3D", "3F", "40", "55", "57", "58": return .unavailable
        case "42": return code == "42501" || code == "42P01" ? .unavailable : .failed
        default: return .failed
        }
    }

    private static func advice(_ error: PostgresError) -> String {
        guard case .refused(let code) = error.kind else { return "" }
        return code == "42501"
            ? ": give the user the right to create tables in the schema, or let its owner start the server once" : ""
    }
}
