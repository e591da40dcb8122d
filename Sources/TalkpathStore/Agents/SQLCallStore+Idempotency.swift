package import TalkpathCore
package import TalkpathWire

/// The state of a request that carries an `Idempotency-Key`.
package enum IdempotencyClaim: Equatable, Sendable {
    /// No request has used this key before. The key now belongs to the request that asked.
    case first
    /// An earlier request with this key is in progress, or was when its process died. Carries the call that it was to
    /// place.
    case running(CallID)
    /// Another node is working on an earlier request with this key.
    case elsewhere(CallID)
    /// The earlier request was answered. Carries the call that it placed, and its answer.
    case answered(CallID, JSONValue)
    /// The key was used before, with another body.
    case conflict
}

extension SQLCallStore {
    /// Claims the key if it is free.
    ///
    /// - Parameter call: the call that will be placed if the claim succeeds.
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
            let find = "SELECT * FROM idempotency WHERE tenant = ? AND key = ?"
            var row: StoreRow?
            // Two servers that share a database may claim one key at the same moment. The first writer gets it, and may
            // have released it before the second one reads the row: then the second tries again.
            while row == nil {
                let isFirst = try db.execute(
                    take,
                    [tenant, key, Self.hexadecimal(digest), call.text, now.milliseconds]
                )
                if isFirst > 0 {
                    try self.ownIdempotencyKey(key, tenant, insteadOf: nil, db)
                    return .first
                }
                row = try db.row(find, [tenant, key])
            }
            guard let row else { return .first }
            guard row["digest"] == Self.hexadecimal(digest) else { return .conflict }
            let known = CallID(row["call_id"] as String? ?? "")
            guard let answer = row["answer"] as String? else {
                let isOwn = try self.ownIdempotencyKey(key, tenant, insteadOf: row["owner"] as Int64?, db)
                return isOwn ? .running(known) : .elsewhere(known)
            }
            // An answer that cannot be read still proves that the request was answered, so no second call is placed.
            return .answered(known, (try? JSONValue(parsing: answer)) ?? [:])
        }
    }

    /// Notes that this node works on the request, unless another node that lives does.
    @discardableResult
    private func ownIdempotencyKey(
        _ key: String,
        _ tenant: String,
        insteadOf owner: Int64?,
        _ db: any StoreSession
    ) throws -> Bool {
        guard let epoch, owner != epoch else { return true }
        return try db.execute(
            """
            UPDATE idempotency SET owner = ? WHERE tenant = ? AND key = ? AND answer IS NULL
                AND (owner IS NULL OR owner NOT IN (SELECT epoch FROM nodes WHERE over_at IS NULL))
            """,
            [epoch, tenant, key]
        ) > 0
    }

    /// Stores the answer for later requests with the same key.
    package func answerIdempotencyKey(_ key: String, tenant: String, _ answer: JSONValue) async throws {
        let text = answer.serializedText()
        try await write { db in
            try db.execute(
                "UPDATE idempotency SET answer = ? WHERE tenant = ? AND key = ?",
                [text, tenant, key]
            )
        }
    }

    /// Releases the key of a request that had no effect, so that the next request with it may try again. A key that has
    /// an answer stays.
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

    /// Keeps the keys of a call that is about to be deleted, so that a later request with such a key does not place a
    /// second call.
    static func keepKeys(of call: String, _ db: any StoreSession) throws {
        try db.execute(
            "UPDATE idempotency SET answer = '{}' WHERE call_id = ? AND answer IS NULL",
            [call]
        )
    }

    private static func hexadecimal(_ digest: [UInt8]) -> String { TalkpathCrypto.hexadecimal(digest) }
}
