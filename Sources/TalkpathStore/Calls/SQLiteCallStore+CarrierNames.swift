import GRDB

extension SQLiteCallStore {
    /// Whether a call that the carrier knows by this name has ended: carriers use a name once.
    package func hasEnded(carrierCallID: String) async throws -> Bool {
        try await read { db in
            let sql = "SELECT EXISTS (SELECT 1 FROM calls WHERE carrier_call_id = ? AND ended_at IS NOT NULL)"
            return try Bool.fetchOne(db, sql: sql, arguments: [carrierCallID]) ?? false
        }
    }
}
