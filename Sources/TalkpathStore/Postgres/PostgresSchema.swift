import TalkpathPostgres

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The tables in PostgreSQL, and the migrations of older databases. The tables are in the first schema of the
/// connection's search path (`public` by default). A released migration is never changed.
enum PostgresSchema {
    private static let migrations = [
        PostgresTables.first, PostgresTables.taken, PostgresTables.nodes, PostgresTables.announced,
    ]

    /// The first halves of the advisory locks' keys. The second half is a hash of the schema's name.
    private static let migrationLock = 0x74616C6B
    private static let serverLock = 0x74616C6C

    private static func version(_ connection: PostgresConnection) throws -> Int64 {
        // From the catalogue itself: a name that was looked up in vain stays unknown to the connection until it locks a
        // table again, and another server may have made this one meanwhile.
        let isThere = """
            SELECT EXISTS (
                SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = 'talkpath_schema'
            )
            """
        guard try connection.boolean(isThere) else { return 0 }
        guard case .integer(let version)? = try connection.value("SELECT max(version) FROM talkpath_schema")
        else { return 0 }
        return version
    }

    /// Creates the tables, or applies the migrations that are missing. Runs once, even if several servers start at the
    /// same moment.
    /// - Throws: `StoreError` or `PostgresError`. The database is unchanged then.
    static func bringUpToDate(_ connection: PostgresConnection) throws {
        guard case .text? = try connection.value("SELECT current_schema()::text") else {
            throw StoreError(
                .cannotOpen,
                "the database has no schema that the connection names: create one, or set search_path for its user"
            )
        }
        if try version(connection) != migrations.count { try migrate(connection) }
        try checkRights(connection)
    }

    private static func migrate(_ connection: PostgresConnection) throws {
        let patience = Duration.seconds(120)
        try connection.run("BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'")
        do {
            let lock = "SELECT pg_advisory_xact_lock(\(migrationLock), hashtext(current_schema()))"
            try connection.run(lock, patience: patience)
            // Another server may have migrated while this one waited for the lock.
            let version = try version(connection)
            guard version <= migrations.count else { throw newerVersion(version) }
            if version == 0 {
                try refuseForeignTables(connection)
                try connection.run(
                    """
                    CREATE TABLE talkpath_schema (
                        version INTEGER NOT NULL PRIMARY KEY, applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
                    )
                    """
                )
            }
            for number in Int(version)..<migrations.count {
                try connection.run(migrations[number], patience: patience)
                try connection.run("INSERT INTO talkpath_schema (version) VALUES (\(number + 1))")
            }
            try connection.run("COMMIT", patience: patience)
        } catch {
            _ = try? connection.run("ROLLBACK")
            throw error
        }
    }

    private static func newerVersion(_ version: Int64) -> StoreError {
        StoreError(
            .newerVersion,
            "the database was written by a newer version of this program (its schema is \(version), this one's"
                + " \(migrations.count)): start that one, or name another database"
        )
    }

    private static func refuseForeignTables(_ connection: PostgresConnection) throws {
        for table in PostgresTables.names {
            let isThere = "SELECT to_regclass(current_schema() || '.' || ?) IS NOT NULL"
            guard try connection.boolean(isThere, [.text(table)]) else { continue }
            throw StoreError(
                .cannotOpen,
                "the database holds a table named \(table) that another program has made: name a database of talkpath's"
                    + " own, or a schema of its own (?options=-csearch_path%3Dtalkpath)"
            )
        }
    }

    private static func checkRights(_ connection: PostgresConnection) throws {
        for table in PostgresTables.names {
            let may = """
                SELECT bool_and(has_table_privilege(to_regclass(?1), right_of)) FROM
                    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS right_of
                """
            guard try connection.value(may, [.text(table)]) != .boolean(true) else { continue }
            throw StoreError(
                .cannotOpen,
                "the database's user may not read and write the table \(table): GRANT SELECT, INSERT, UPDATE, DELETE on"
                    + " all tables of the schema to it"
            )
        }
    }

    /// Claims the database for this server. Two servers on one database would take each other's live calls for lost
    /// ones. The lock ends with the connection, however the server dies. A server that died a moment ago may still hold
    /// it, so this waits up to three seconds.
    ///
    /// - Parameter isShared: this server is one of several nodes. They share the claim, and a server that wants the
    ///   database for itself is refused.
    static func claim(_ connection: PostgresConnection, isShared: Bool = false) throws {
        let lock =
            "SELECT pg_try_advisory_lock\(isShared ? "_shared" : "")(\(serverLock), hashtext(current_schema()))"
        let deadline = ContinuousClock.now + .seconds(3)
        while try !connection.boolean(lock) {
            guard .now < deadline else {
                throw StoreError(
                    .inUse,
                    isShared
                        ? "a server that is no node uses the database: set TALKPATH_NODE_URL there, too"
                        : "another server uses the database: servers that share one need TALKPATH_NODE_URL"
                )
            }
            usleep(100_000)
        }
    }
}
