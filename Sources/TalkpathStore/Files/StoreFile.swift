import GRDB

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Care of a store's file that no process has open: a check before use, and a clean single file after use.
enum StoreFile {
    /// Checks the file and repairs it if it is damaged. Damaged indexes are rebuilt. If that is not enough, all
    /// readable rows are copied into a new file, and the damaged file is kept beside it.
    ///
    /// A log that a crash or a full disk cut short is read up to its last complete transaction, and moved into the
    /// file.
    ///
    /// - Returns: the repair; `nil` if the file was sound.
    /// - Throws: `StoreError` if the file is not a store, or belongs to a newer version. The file is left unchanged
    ///   then.
    static func lookOver(_ path: String, _ configuration: Configuration) throws -> StoreRepair? {
        let database = try DatabaseQueue(path: path, configuration: configuration)
        // Closing the last connection moves the log into the file.
        defer { try? database.close() }
        // A read that fails here is reported by the check below.
        if (try? database.read(StoreSchema.migrator.hasBeenSuperseded)) == true { throw StoreError.newerVersion }
        guard let fault = fault(in: database) else { return nil }
        if mendIndexes(database) { return StoreRepair(fault: fault, damagedFile: nil, rows: 0) }
        let (copy, rows) = try salvage(database, path, configuration)
        try database.close()
        let aside = try setAside(path)
        guard rename(copy, path) == 0 else {
            throw StoreError(.cannotOpen, "the repaired store cannot take its place: \(PrivateFile.reason())")
        }
        return StoreRepair(fault: fault, damagedFile: aside, rows: rows)
    }

    /// - Returns: true if this repaired everything. If not, the file is unchanged.
    private static func mendIndexes(_ database: DatabaseQueue) -> Bool {
        do {
            return try database.writeWithoutTransaction { db in
                var isMended = false
                try db.inTransaction {
                    try db.execute(sql: "REINDEX")
                    isMended = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") == "ok"
                    return isMended ? .commit : .rollback
                }
                return isMended
            }
        } catch {
            return false
        }
    }

    /// Returns the damage, in SQLite's words; `nil` if there is none.
    static func fault(in database: some DatabaseReader) -> String? {
        do {
            let answer = try database.read { db in try String.fetchOne(db, sql: "PRAGMA quick_check(1)") }
            return answer == "ok" ? nil : answer ?? "quick_check gave no answer"
        } catch {
            return StoreError.reason(of: error)
        }
    }

    /// Moves the rest of the log into the file, and removes the log's two files. Call this when no other connection is
    /// open.
    static func foldLogIn(_ path: String) throws {
        // Use a new connection: the last connection of a pool is read-only and cannot do this.
        let database = try DatabaseQueue(path: path)
        try database.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
        try database.close()
    }

    // MARK: Salvage

    /// Copies all readable rows into a new store beside the damaged one.
    private static func salvage(
        _ damaged: DatabaseQueue,
        _ path: String,
        _ configuration: Configuration
    ) throws -> (path: String, rows: Int) {
        let copy = path + ".repaired"
        for suffix in ["", "-wal", "-shm"] { unlink(copy + suffix) }
        try PrivateFile.make(at: copy)
        let whole = try DatabaseQueue(path: copy, configuration: configuration)
        try StoreSchema.migrator.migrate(whole)
        var rows = 0
        try whole.writeWithoutTransaction { db in
            // Allow rows to arrive before the calls that they refer to. Rows whose call is lost are removed at the end.
            try db.execute(sql: "PRAGMA foreign_keys = OFF")
            let tables = try String.fetchAll(
                db,
                sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                    + " AND name != 'grdb_migrations'"
            )
            try db.inTransaction {
                for table in tables { rows += try salvage(table, from: damaged, db) }
                for orphan in try Row.fetchAll(db, sql: "PRAGMA foreign_key_check") {
                    guard let row = orphan["rowid"] as Int64? else { continue }
                    try db.execute(sql: "DELETE FROM \(orphan["table"] as String) WHERE rowid = ?", arguments: [row])
                }
                return .commit
            }
        }
        try whole.close()
        return (copy, rows)
    }

    /// Reads a table from its beginning up to the damage, then from its end back to the damage.
    private static func salvage(_ table: String, from damaged: DatabaseQueue, _ db: Database) throws -> Int {
        var count = 0
        for order in ["", " ORDER BY rowid DESC"] {
            do {
                try damaged.read { old in
                    let rows = try Row.fetchCursor(old, sql: "SELECT * FROM \(table)\(order)")
                    while let row = try rows.next() {
                        let names = row.columnNames.joined(separator: ", ")
                        let places = row.columnNames.map { _ in "?" }.joined(separator: ", ")
                        let insert = "INSERT OR IGNORE INTO \(table) (\(names)) VALUES (\(places))"
                        // Skip a row that the new table refuses, such as one that damage has moved here from another
                        // table.
                        do {
                            try db.cachedStatement(sql: insert).execute(
                                arguments: StatementArguments(row.databaseValues)
                            )
                            count += db.changesCount
                        } catch {
                            continue
                        }
                    }
                }
                return count
            } catch {
                continue
            }
        }
        return count
    }

    private static func setAside(_ path: String) throws -> String {
        var aside = path + ".damaged"
        var number = 1
        while access(aside, F_OK) == 0 {
            number += 1
            aside = path + ".damaged-\(number)"
        }
        guard rename(path, aside) == 0 else {
            throw StoreError(.cannotOpen, "the damaged store cannot be set aside: \(PrivateFile.reason())")
        }
        for suffix in ["-wal", "-shm"] where access(path + suffix, F_OK) == 0 {
            guard rename(path + suffix, aside + suffix) == 0 else {
                throw StoreError(.cannotOpen, "the damaged store cannot be set aside: \(PrivateFile.reason())")
            }
        }
        return aside
    }
}

/// The damage in a store's file, and its repair.
package struct StoreRepair: Equatable, Sendable {
    /// The damage, in SQLite's words.
    package var fault: String
    /// The path of the damaged file; `nil` if it was repaired in place.
    package var damagedFile: String?
    /// The number of rows that were copied into the new file.
    package var rows: Int
}
