import Synchronization
package import TalkpathCore
import TalkpathWire

/// Deletion. A deleted call disappears from every table in one transaction. SQLite overwrites its bytes in the file,
/// and the write-ahead log is emptied afterwards, so that no old page stays behind.
extension SQLCallStore {
    /// Deletes an ended call and all data of it.
    ///
    /// - Returns: the files of its recordings, which the caller of this method deletes; `nil` if there is no such call,
    ///   if it has not ended, or if its hang-up is not confirmed.
    package func delete(_ call: CallID, tenant: String) async throws -> [String]? {
        let paths: [String]? = try await write { db in
            let sql = """
                SELECT 1 FROM calls WHERE id = ? AND tenant = ? AND ended_at IS NOT NULL
                    AND id NOT IN (SELECT call_id FROM hang_ups)
                """
            guard try db.row(sql, [call.text, tenant]) != nil else { return nil }
            return try Self.delete([call.text], db)
        }
        if paths != nil { await emptyLog() }
        return paths
    }

    /// Deletes the words of calls that ended before a time: transcripts, the events that carried them, and the text
    /// that a language model derived from them.
    /// - Returns: the number of calls that had such words.
    package func forgetTranscripts(endedBefore time: WallTime, limit: Int = 500) async throws -> Int {
        let count = try await write { [self] db in
            let old = """
                SELECT id FROM calls WHERE ended_at < ? AND id IN (SELECT call_id FROM transcripts) LIMIT ?
                \(db.dialect.chosen(from: "calls"))
                """
            let ids = try db.values(String.self, old, [time.milliseconds, limit])
            for id in ids {
                try db.execute("DELETE FROM transcripts WHERE call_id = ?", [id])
                try db.execute(
                    "DELETE FROM events WHERE call_id = ? AND type IN ('call.transcript', 'call.analyzed')",
                    [id]
                )
                try forgetWords(ofAnalysis: id, db)
            }
            return ids.count
        }
        if count > 0 { await emptyLog() }
        return count
    }

    /// Forgets recordings of calls that ended before a time.
    /// - Returns: their files, which the caller of this method deletes.
    package func forgetRecordings(endedBefore time: WallTime, limit: Int = 500) async throws -> [String] {
        try await write { db in
            let sql = """
                SELECT path FROM recordings JOIN calls ON calls.id = call_id WHERE ended_at < ? LIMIT ?
                \(db.dialect.chosen(from: "recordings"))
                """
            let paths = try db.values(String.self, sql, [time.milliseconds, limit])
            for path in paths { try db.execute("DELETE FROM recordings WHERE path = ?", [path]) }
            return paths
        }
    }

    /// Deletes calls that ended before a time, with all data of them.
    /// - Returns: the number of calls, and the files of their recordings, which the caller of this method deletes.
    package func forgetCalls(
        endedBefore time: WallTime,
        limit: Int = 500
    ) async throws -> (count: Int, paths: [String]) {
        let gone = try await write { db in
            let sql = """
                SELECT id FROM calls WHERE ended_at < ? ORDER BY ended_at LIMIT ? \(db.dialect.chosen(from: "calls"))
                """
            let ids = try db.values(String.self, sql, [time.milliseconds, limit])
            return (ids.count, try Self.delete(ids, db))
        }
        if gone.0 > 0 { await emptyLog() }
        return gone
    }

    /// Deletes events that were written before a time and that no delivery needs.
    package func forgetEvents(before time: WallTime) async throws -> Int {
        try await write { db in
            try db.execute(
                "DELETE FROM events WHERE at < ? AND number NOT IN (SELECT event FROM deliveries)",
                [time.milliseconds]
            )
        }
    }

    /// Notes a file that was written for a call, so that it is deleted with the call.
    /// - Parameter event: written as well if the file was not known before.
    /// - Returns: `false` if the store does not know the call any more. The caller of this method then deletes the
    ///   file.
    package func addRecording(
        _ path: String,
        of call: CallID,
        at now: WallTime,
        telling event: OutboxEvent? = nil
    ) async throws -> Bool {
        let outcome = Mutex((isKnown: false, isNew: false))
        try await writeCalls { db, store in
            guard try Self.isJournalled(call, db) else { return }
            let isNew =
                try db.execute(
                    "INSERT INTO recordings (path, call_id, written_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    [path, call.text, now.milliseconds]
                ) > 0
            if isNew, let event { try store.put(event, db) }
            outcome.withLock { $0 = (true, isNew) }
        }
        let (isKnown, isNew) = outcome.withLock { $0 }
        if isNew, event != nil { outbox.written([call]) }
        return isKnown
    }

    /// Returns the recording files of all calls.
    package func recordings() async throws -> Set<String> {
        try await read { db in try Set(db.values(String.self, "SELECT path FROM recordings")) }
    }

    package func recordings(of call: CallID) async throws -> [String] {
        try await read { db in
            let sql = "SELECT path FROM recordings WHERE call_id = ? ORDER BY written_at, path"
            return try db.values(String.self, sql, [call.text])
        }
    }

    /// - Returns: the files of their recordings.
    private static func delete(_ ids: [String], _ db: any StoreSession) throws -> [String] {
        var paths: [String] = []
        for id in ids {
            paths += try db.values(String.self, "SELECT path FROM recordings WHERE call_id = ?", [id])
            // Deliveries, pending or given up, are deleted with their events. All other rows are deleted with the call.
            try db.execute("DELETE FROM events WHERE call_id = ?", [id])
            try Self.keepKeys(of: id, db)
            try Self.keepTalkingTime(of: id, db)
            try db.execute("DELETE FROM calls WHERE id = ?", [id])
        }
        return paths
    }

    private func forgetWords(ofAnalysis id: String, _ db: any StoreSession) throws {
        let sql = "SELECT analysis FROM analyses WHERE call_id = ?"
        guard let text = try db.value(String.self, sql, [id]) else { return }
        guard var analysis = try? CallAnalysis(record: JSONValue(parsing: text)) else {
            // An unreadable analysis may hold transcript text, so delete all of it.
            try db.execute("DELETE FROM analyses WHERE call_id = ?", [id])
            return
        }
        analysis.summary = nil
        try db.execute(
            "UPDATE analyses SET analysis = ? WHERE call_id = ?",
            [analysis.record.serializedText(), id]
        )
    }

    /// Moves the write-ahead log into the file and empties it. Readers go first: if one is active, a later call does
    /// it.
    private func emptyLog() async {
        await engine.emptyLog()
    }
}
