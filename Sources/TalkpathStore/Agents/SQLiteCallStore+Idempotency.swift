package import TalkpathCore
package import TalkpathWire

/// What is known of a request by its `Idempotency-Key`.
package enum IdempotencyClaim: Equatable, Sendable {
    /// Nobody has come with this key before: it is the asker's now.
    case first
    /// It is being worked on, or was when the process died; the call that it was to place.
    case running(CallID)
    /// The call that came of it, and what was said of it beside.
    case answered(CallID, JSONValue)
    /// The key came with another body.
    case conflict
}

extension SQLiteCallStore {
    /// Takes the key, if it is free.
    ///
    /// - Parameter call: what will be placed if it is.
    package func claimIdempotencyKey(
        _ key: String,
        tenant: String,
        digest: [UInt8],
        call: CallID,
        at now: WallTime
    ) async throws -> IdempotencyClaim {
        try await write { db in
            let take = """
                INSERT INTO idempotency (tenant, key, digest, call_id, created_at) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO NOTHING
                """
            let find = "SELECT digest, answer, call_id FROM idempotency WHERE tenant = ? AND key = ?"
            var row: StoreRow?
            // Servers that share a database may come with one key at the same moment: the first that writes has it, and may
            // have let go of it before the other has looked.
            while row == nil {
                let isFirst = try db.execute(
                    take,
                    [tenant, key, Self.hexadecimal(digest), call.text, now.milliseconds]
                )
                if isFirst > 0 { return .first }
                row = try db.row(find, [tenant, key])
            }
            guard let row else { return .first }
            guard row["digest"] == Self.hexadecimal(digest) else { return .conflict }
            let known = CallID(row["call_id"] as String? ?? "")
            guard let answer = row["answer"] as String? else { return .running(known) }
            // An answer that cannot be read still says that there was one: nothing is placed again.
            return .answered(known, (try? JSONValue(parsing: answer)) ?? [:])
        }
    }

    /// Keeps the answer for whoever comes with the key again.
    package func answerIdempotencyKey(_ key: String, tenant: String, _ answer: JSONValue) async throws {
        let text = answer.serializedText()
        try await write { db in
            try db.execute(
                "UPDATE idempotency SET answer = ? WHERE tenant = ? AND key = ?",
                [text, tenant, key]
            )
        }
    }

    /// The request had no effect: whoever comes next tries again.
    package func releaseIdempotencyKey(_ key: String, tenant: String) async throws {
        try await write { db in
            try db.execute(
                "DELETE FROM idempotency WHERE tenant = ? AND key = ? AND answer IS NULL",
                [tenant, key]
            )
        }
    }

    package func forgetIdempotencyKeys(before time: WallTime) async throws {
        try await write { db in
            try db.execute("DELETE FROM idempotency WHERE created_at < ?", [time.milliseconds])
        }
    }

    /// The call is about to be forgotten: whoever comes with its key again is not to have another one placed.
    static func keepKeys(of call: String, _ db: any StoreSession) throws {
        try db.execute(
            "UPDATE idempotency SET answer = '{}' WHERE call_id = ? AND answer IS NULL",
            [call]
        )
    }

    private static func hexadecimal(_ digest: [UInt8]) -> String { TalkpathCrypto.hexadecimal(digest) }
}
