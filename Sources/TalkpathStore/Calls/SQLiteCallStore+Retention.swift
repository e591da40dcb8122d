import Synchronization
package import TalkpathCore
import TalkpathWire

/// Forgetting. What is forgotten is gone from every table at once, and its bytes are overwritten in the file; the log
/// beside it is emptied afterwards, so that no old page of it stays behind.
extension SQLiteCallStore {
    /// Forgets an ended call and everything that was kept of it.
    ///
    /// - Returns: the files of its recordings, for whoever deletes them; `nil` if there is no such call, if it has not
    ///   ended, or if it is still to be hung up.
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

    /// Forgets what was said on calls that ended before a time: transcripts, the events that carried them, and what a
    /// language model made of them.
    /// - Returns: how many calls had something to forget.
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
    /// - Returns: their files, for whoever deletes them.
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

    /// Forgets calls that ended before a time, altogether.
    /// - Returns: how many, and the files of their recordings, for whoever deletes them.
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

    /// Forgets events that were written before a time and that nobody waits for.
    package func forgetEvents(before time: WallTime) async throws -> Int {
        try await write { db in
            try db.execute(
                "DELETE FROM events WHERE at < ? AND number NOT IN (SELECT event FROM deliveries)",
                [time.milliseconds]
            )
        }
    }

    /// A file that has been written for a call: it goes when the call goes.
    /// - Parameter event: told if the file was not known before.
    /// - Returns: false if the call is not known any more: the file is the asker's to delete.
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

    /// Every file there is of any call.
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
            // Deliveries, dead or alive, go with the events; all else goes with the call.
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
            // What cannot be read may hold anything.
            try db.execute("DELETE FROM analyses WHERE call_id = ?", [id])
            return
        }
        analysis.summary = nil
        try db.execute(
            "UPDATE analyses SET analysis = ? WHERE call_id = ?",
            [analysis.record.serializedText(), id]
        )
    }

    /// Moves what the log holds into the file and empties it. Gives way to readers: then the next time does it.
    private func emptyLog() async {
        await engine.emptyLog()
    }
}
