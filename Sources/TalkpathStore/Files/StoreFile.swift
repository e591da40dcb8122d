import GRDB

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A store's file between two owners: looked over before it is used, made whole after it was.
enum StoreFile {
    /// Looks the file over, and mends it where it is damaged: an index is built anew; where that does not help, all rows
    /// that can be read go into a new file, and the damaged one is kept beside it.
    ///
    /// A log that was cut short by a crash or a full disk is read up to its last whole transaction, and folded in.
    ///
    /// - Returns: what was done; nil if there was nothing to do.
    /// - Throws: `StoreError` if the file is no store, or belongs to a newer version. It is left as it is then.
    static func lookOver(_ path: String, _ configuration: Configuration) throws -> StoreRepair? {
        let database = try DatabaseQueue(path: path, configuration: configuration)
        // The last one to close folds the log in.
        defer { try? database.close() }
        // Where not even this can be read, the fault is told below.
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

    /// - Returns: whether that was all. If not, nothing has changed.
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

    /// What of it is damaged, in SQLite's words; nil if nothing is.
    static func fault(in database: some DatabaseReader) -> String? {
        do {
            let answer = try database.read { db in try String.fetchOne(db, sql: "PRAGMA quick_check(1)") }
            return answer == "ok" ? nil : answer ?? "quick_check gave no answer"
        } catch {
            return StoreError.reason(of: error)
        }
    }

    /// Closes what is left of the log into the file, and removes the two files beside it. For the last one who has it.
    static func foldLogIn(_ path: String) throws {
        // A pool's last connection only reads, and cannot do it.
        let database = try DatabaseQueue(path: path)
        try database.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
        try database.close()
    }

    // MARK: Salvage

    /// Copies what can be read into a new store beside it.
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
            // A row whose call is lost is kept out at the end, whichever comes first.
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

    /// From the front to the damaged place, and from the end to it.
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
                        // A row that is none of this table's any more is left out.
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

/// What was damaged in a store's file, and what was done about it.
package struct StoreRepair: Equatable, Sendable {
    /// In SQLite's words.
    package var fault: String
    /// Where the damaged file lies now; nil where it could be mended in place.
    package var damagedFile: String?
    /// So many rows went into the new file.
    package var rows: Int
}
