import GRDB
import Synchronization
import TalkpathCore
import TalkpathWire

/// Records of calls that ended while the database was away, in an SQLite file of their own until they can be written.
///
/// The file exists only while records wait, so that a server whose database answers keeps nothing here. Thread-safe;
/// every method waits for the disk.
package final class RecordSpool: Sendable {
    private let path: String
    private let most: Int
    /// `nil` while there is no file.
    private let file: Mutex<DatabaseQueue?>

    /// More records than a server can end in an hour.
    package static let usualMost = 20_000

    /// Opens a file that an earlier process has left; makes none.
    /// - Parameter most: the number of records that the file takes.
    package init(at path: String, most: Int = usualMost) throws(StoreError) {
        self.path = path
        self.most = most
        do {
            file = Mutex(try PrivateFile.exists(at: path) ? Self.open(path) : nil)
        } catch {
            throw StoreError(.cannotOpen, "the spool \(path) cannot be read: \(StoreError.reason(of: error))")
        }
    }

    private static func make(_ path: String) throws -> DatabaseQueue {
        try DataFolder.make(String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)))
        return try open(path)
    }

    private static func open(_ path: String) throws -> DatabaseQueue {
        try PrivateFile.make(at: path)
        var configuration = Configuration()
        configuration.label = "talkpath.spool"
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA secure_delete = ON") }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.write { db in
            try db.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS records (
                        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, record TEXT NOT NULL,
                        turns TEXT NOT NULL
                    )
                    """
            )
        }
        return queue
    }

    /// Keeps a record until ``remove(_:)``.
    /// - Returns: `false` if the file is full, or the disk does not take it.
    func add(_ call: CallSnapshot) -> Bool {
        file.withLock { file in
            do {
                let queue = try file ?? Self.make(path)
                file = queue
                return try queue.write { db in
                    guard try Int.fetchOne(db, sql: "SELECT count(*) FROM records") ?? 0 < most else { return false }
                    try db.execute(
                        sql: "INSERT OR REPLACE INTO records (id, record, turns) VALUES (?, ?, ?)",
                        arguments: [
                            call.id.text, call.record.serializedText(), call.transcriptRecord.serializedText(),
                        ]
                    )
                    return true
                }
            } catch {
                return false
            }
        }
    }

    func remove(_ call: CallID) {
        file.withLock { file in
            guard let queue = file else { return }
            let left = try? queue.write { db in
                try db.execute(sql: "DELETE FROM records WHERE id = ?", arguments: [call.text])
                return try Int.fetchOne(db, sql: "SELECT count(*) FROM records") ?? 0
            }
            guard left == 0 else { return }
            try? queue.close()
            file = nil
            PrivateFile.remove(at: path)
        }
    }

    /// The records that wait, in the order of their ends, by their calls' names. A file that cannot be read is one
    /// record that cannot.
    func records() -> [(id: String, content: Result<CallSnapshot, any Error>)] {
        file.withLock { file in
            do {
                let rows = try file?.read { db in try Row.fetchAll(db, sql: "SELECT * FROM records ORDER BY number") }
                return (rows ?? []).map { row in (row["id"], Result { try Self.call(row) }) }
            } catch {
                return [(path, .failure(StoreError.unreadable("spool", error)))]
            }
        }
    }

    private static func call(_ row: Row) throws -> CallSnapshot {
        let (record, turns): (String, String) = (row["record"], row["turns"])
        var call = try CallSnapshot(record: JSONValue(parsing: record))
        // A call without its words is better than none.
        if let turns = try? JSONValue(parsing: turns) { try? call.readTranscript(record: turns) }
        return call
    }

    package func close() {
        file.withLock { file in
            try? file?.close()
            file = nil
        }
    }
}
