extension SQLCallStore {
    /// True if a call with this name at the carrier has ended. Carriers use a name once.
    package func hasEnded(carrierCallID: String) async throws -> Bool {
        try await read { db in
            let sql = "SELECT 1 FROM calls WHERE carrier_call_id = ? AND ended_at IS NOT NULL LIMIT 1"
            return try db.row(sql, [carrierCallID]) != nil
        }
    }

    /// Tells whether any call, live or ended, of this server or another, has that name at the carrier.
    package func isKnown(carrierCallID: String) async throws -> Bool {
        try await read { db in
            try db.row("SELECT 1 FROM calls WHERE carrier_call_id = ? LIMIT 1", [carrierCallID]) != nil
        }
    }
}
