import GRDB

/// The tables, and the migrations of older files. A released migration is never changed.
enum StoreSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(sql: calls)
            try db.execute(sql: outbox)
            try db.execute(sql: others)
        }
        migrator.registerMigration("2") { db in
            try db.execute(sql: callsOfKeys)
        }
        migrator.registerMigration("3") { db in
            try db.execute(sql: endpointsOfCalls)
        }
        migrator.registerMigration("4") { db in
            try db.execute(sql: delayedCalls)
        }
        migrator.registerMigration("5") { db in
            try db.execute(sql: talkOfDeletedCalls)
        }
        migrator.registerMigration("6") { db in
            try db.execute(sql: earlierSecrets)
        }
        migrator.registerMigration("7") { db in
            try db.execute(sql: setAside)
            try db.execute(sql: deliveriesInTheirOrder)
            try db.execute(sql: steadyTime)
        }
        return migrator
    }

    /// A call without `ended_at` belongs to the journal: it was live at the last write.
    ///
    /// `calls` holds the columns that searches use. `records` holds the complete record, apart, so that a search reads
    /// little. Times are milliseconds since 1970.
    private static let calls = """
        CREATE TABLE calls (
            id TEXT NOT NULL PRIMARY KEY,
            tenant TEXT NOT NULL,
            agent_id TEXT,
            direction TEXT NOT NULL,
            status TEXT NOT NULL,
            from_number TEXT NOT NULL,
            to_number TEXT NOT NULL,
            carrier_call_id TEXT,
            started_at INTEGER NOT NULL,
            answered_at INTEGER,
            ended_at INTEGER,
            needs_analysis INTEGER NOT NULL DEFAULT 0,
            search TEXT NOT NULL
        ) STRICT;
        CREATE INDEX calls_live ON calls (id) WHERE ended_at IS NULL;
        CREATE INDEX calls_ended ON calls (ended_at) WHERE ended_at IS NOT NULL;
        CREATE INDEX calls_to_analyse ON calls (ended_at) WHERE needs_analysis;
        CREATE INDEX calls_by_start ON calls (started_at, id);
        CREATE INDEX calls_by_tenant ON calls (tenant, started_at, id);
        CREATE INDEX calls_by_status ON calls (tenant, status, started_at, id);
        CREATE INDEX calls_by_agent ON calls (tenant, agent_id, started_at, id) WHERE agent_id IS NOT NULL;
        CREATE INDEX calls_by_from ON calls (tenant, from_number, started_at, id);
        CREATE INDEX calls_by_to ON calls (tenant, to_number, started_at, id);
        CREATE INDEX calls_by_carrier ON calls (carrier_call_id) WHERE carrier_call_id IS NOT NULL;
        CREATE TABLE records (
            call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
            record TEXT NOT NULL
        ) STRICT;
        CREATE TABLE transcripts (
            call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
            turns TEXT NOT NULL
        ) STRICT;
        CREATE TABLE timelines (
            call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
            marks TEXT NOT NULL
        ) STRICT;
        CREATE TABLE analyses (
            call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
            analysis TEXT NOT NULL
        ) STRICT;
        CREATE TABLE recordings (
            path TEXT NOT NULL PRIMARY KEY,
            call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
            written_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX recordings_by_call ON recordings (call_id);
        CREATE TABLE hang_ups (
            call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
            carrier_call_id TEXT,
            attempts INTEGER NOT NULL,
            due_at INTEGER NOT NULL,
            given_up_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX hang_ups_due ON hang_ups (due_at);
        CREATE TABLE life (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            alive_at INTEGER NOT NULL
        ) STRICT;
        """

    private static let outbox = """
        CREATE TABLE endpoints (
            id TEXT NOT NULL PRIMARY KEY,
            tenant TEXT,
            agent_id TEXT,
            kind TEXT NOT NULL,
            url TEXT NOT NULL,
            secret TEXT NOT NULL,
            types TEXT,
            is_configured INTEGER NOT NULL,
            stopped TEXT,
            created_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE events (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            call_id TEXT NOT NULL,
            tenant TEXT NOT NULL,
            type TEXT NOT NULL,
            at INTEGER NOT NULL,
            data TEXT NOT NULL
        ) STRICT;
        CREATE INDEX events_by_call ON events (call_id, number);
        CREATE UNIQUE INDEX events_ended_once ON events (call_id) WHERE type = 'call.ended';
        CREATE INDEX events_by_time ON events (at);
        CREATE TABLE deliveries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            event INTEGER NOT NULL REFERENCES events (number) ON DELETE CASCADE,
            endpoint_id TEXT NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
            attempts INTEGER NOT NULL DEFAULT 0,
            due_at INTEGER,
            died_at INTEGER,
            failure TEXT
        ) STRICT;
        CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_at) WHERE due_at IS NOT NULL;
        CREATE INDEX deliveries_dead ON deliveries (died_at) WHERE died_at IS NOT NULL;
        CREATE INDEX deliveries_by_event ON deliveries (event);
        """

    private static let others = """
        CREATE TABLE agents (
            tenant TEXT NOT NULL,
            id TEXT NOT NULL,
            profile TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            PRIMARY KEY (tenant, id)
        ) STRICT;
        CREATE TABLE idempotency (
            tenant TEXT NOT NULL,
            key TEXT NOT NULL,
            digest TEXT NOT NULL,
            answer TEXT,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (tenant, key)
        ) STRICT;
        CREATE INDEX idempotency_by_age ON idempotency (created_at);
        """

    /// A key names its call before that call is placed. If the process dies in between, the store still knows which
    /// call to look for.
    private static let callsOfKeys = """
        ALTER TABLE idempotency ADD COLUMN call_id TEXT;
        CREATE INDEX idempotency_by_call ON idempotency (call_id);
        """

    /// A bound endpoint gets the events of those calls that name it, and of no others. It is the webhook that the agent
    /// had when the call began.
    private static let endpointsOfCalls = """
        ALTER TABLE endpoints ADD COLUMN format TEXT NOT NULL DEFAULT 'standard';
        ALTER TABLE endpoints ADD COLUMN is_bound INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE calls ADD COLUMN endpoint_id TEXT;
        CREATE INDEX calls_by_endpoint ON calls (endpoint_id) WHERE endpoint_id IS NOT NULL;
        """

    /// Requests for calls that are placed later. The row is deleted when the call has a row of its own.
    private static let delayedCalls = """
        CREATE TABLE delayed_calls (
            call_id TEXT NOT NULL PRIMARY KEY,
            tenant TEXT NOT NULL,
            agent_id TEXT NOT NULL,
            call_order TEXT NOT NULL,
            due_at INTEGER NOT NULL
        ) STRICT;
        """

    /// The previous secret, and the time until which events are signed with it as well.
    private static let earlierSecrets = """
        ALTER TABLE endpoints ADD COLUMN earlier_secret TEXT;
        ALTER TABLE endpoints ADD COLUMN earlier_until INTEGER;
        """

    /// Records of live calls that could not be read after their process died, unchanged.
    private static let setAside = """
        CREATE TABLE set_aside (
            call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
            record TEXT NOT NULL,
            found_at INTEGER NOT NULL
        ) STRICT;
        """

    /// The index of due deliveries, in the order in which they are sent: an endpoint that is far behind needs no
    /// sorting. An untried delivery is due at 0, so that no step of the clock affects it.
    private static let deliveriesInTheirOrder = """
        UPDATE deliveries SET due_at = 0 WHERE due_at IS NOT NULL AND attempts = 0;
        DROP INDEX deliveries_due;
        CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_at, event) WHERE due_at IS NOT NULL;
        """

    /// The last sign of life by a steady clock, by which due times are counted.
    private static let steadyTime = "ALTER TABLE life ADD COLUMN steady_at INTEGER;"

    /// The talking time of a tenant's deleted calls, for each day on which they ended; `day` is its beginning. Deleting
    /// calls does not give their minutes back. The rows hold nothing else of the calls.
    private static let talkOfDeletedCalls = """
        CREATE TABLE talk_of_deleted_calls (
            tenant TEXT NOT NULL,
            day INTEGER NOT NULL,
            milliseconds INTEGER NOT NULL,
            PRIMARY KEY (tenant, day)
        ) STRICT, WITHOUT ROWID;
        """
}
