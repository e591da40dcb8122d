/// The tables of PostgreSQL. They match ``StoreSchema``, whose comments apply here, too. Texts are compared byte by
/// byte, as SQLite does, regardless of the database's own collation.
enum PostgresTables {
    static let names = [
        "calls", "records", "transcripts", "timelines", "analyses", "recordings", "hang_ups", "life", "endpoints",
        "events", "deliveries", "agents", "idempotency", "delayed_calls", "set_aside", "talk_of_deleted_calls",
        "nodes", "call_places", "call_paces",
    ]

    static let first = [calls, outbox, others].joined().replacing(" TEXT", with: " TEXT COLLATE \"C\"")

    /// The time until which one of the servers that share the database works on a delivery or a hang-up, by the
    /// database's clock, in milliseconds since 1970.
    static let taken = """
        ALTER TABLE deliveries ADD COLUMN taken_until BIGINT;
        ALTER TABLE hang_ups ADD COLUMN taken_until BIGINT;
        CREATE INDEX deliveries_taken ON deliveries (endpoint_id, taken_until) WHERE taken_until IS NOT NULL;
        """

    /// The nodes that share the database, the owners of live calls, and the places of calls under limits of all nodes. A
    /// node's epoch is the owner. Times are by the database's clock.
    static let nodes = """
        CREATE TABLE nodes (
            epoch BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id TEXT NOT NULL,
            url TEXT NOT NULL,
            version TEXT NOT NULL,
            started_at BIGINT NOT NULL,
            beat_at BIGINT NOT NULL,
            lease_until BIGINT NOT NULL,
            over_at BIGINT,
            calls BIGINT NOT NULL,
            places BIGINT NOT NULL,
            lag BIGINT NOT NULL,
            is_draining BOOLEAN NOT NULL
        );
        CREATE INDEX nodes_present ON nodes (id) WHERE over_at IS NULL;
        ALTER TABLE calls ADD COLUMN owner BIGINT;
        CREATE INDEX calls_by_owner ON calls (owner) WHERE ended_at IS NULL;
        ALTER TABLE idempotency ADD COLUMN owner BIGINT;
        ALTER TABLE delayed_calls ADD COLUMN owner BIGINT;
        CREATE TABLE call_places (
            call_id TEXT NOT NULL PRIMARY KEY,
            tenant TEXT NOT NULL,
            owner BIGINT NOT NULL,
            reserved BIGINT NOT NULL,
            taken_at BIGINT NOT NULL
        );
        CREATE INDEX call_places_by_tenant ON call_places (tenant);
        CREATE INDEX call_places_by_owner ON call_places (owner);
        CREATE TABLE call_paces (
            tenant TEXT NOT NULL PRIMARY KEY,
            tokens BIGINT NOT NULL,
            filled_at BIGINT NOT NULL
        );
        """.replacing(" TEXT", with: " TEXT COLLATE \"C\"")

    /// The carrier's name of an inbound call, from its first announcement on, so that a second one finds its node.
    static let announced = """
        ALTER TABLE call_places ADD COLUMN carrier_call_id TEXT COLLATE "C";
        CREATE INDEX call_places_by_carrier ON call_places (carrier_call_id) WHERE carrier_call_id IS NOT NULL;
        """

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
            started_at BIGINT NOT NULL,
            answered_at BIGINT,
            ended_at BIGINT,
            needs_analysis BOOLEAN NOT NULL DEFAULT FALSE,
            search TEXT NOT NULL,
            endpoint_id TEXT
        );
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
        CREATE INDEX calls_by_endpoint ON calls (endpoint_id) WHERE endpoint_id IS NOT NULL;
        CREATE TABLE records (
            call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
            record TEXT NOT NULL
        );
        CREATE TABLE transcripts (
            call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
            turns TEXT NOT NULL
        );
        CREATE TABLE timelines (
            call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
            marks TEXT NOT NULL
        );
        CREATE TABLE analyses (
            call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
            analysis TEXT NOT NULL
        );
        CREATE TABLE set_aside (
            call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
            record TEXT NOT NULL,
            found_at BIGINT NOT NULL
        );
        CREATE TABLE recordings (
            path TEXT NOT NULL PRIMARY KEY,
            call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
            written_at BIGINT NOT NULL
        );
        CREATE INDEX recordings_by_call ON recordings (call_id);
        CREATE TABLE hang_ups (
            call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
            carrier_call_id TEXT,
            attempts BIGINT NOT NULL,
            due_at BIGINT NOT NULL,
            given_up_at BIGINT NOT NULL
        );
        CREATE INDEX hang_ups_due ON hang_ups (due_at);
        CREATE TABLE life (
            one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
            alive_at BIGINT NOT NULL,
            steady_at BIGINT
        );

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
            is_configured BOOLEAN NOT NULL,
            is_bound BOOLEAN NOT NULL DEFAULT FALSE,
            format TEXT NOT NULL DEFAULT 'standard',
            stopped TEXT,
            created_at BIGINT NOT NULL,
            earlier_secret TEXT,
            earlier_until BIGINT
        );
        CREATE TABLE events (
            number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            call_id TEXT NOT NULL,
            tenant TEXT NOT NULL,
            type TEXT NOT NULL,
            at BIGINT NOT NULL,
            data TEXT NOT NULL
        );
        CREATE INDEX events_by_call ON events (call_id, number);
        CREATE UNIQUE INDEX events_ended_once ON events (call_id) WHERE type = 'call.ended';
        CREATE INDEX events_by_time ON events (at);
        CREATE TABLE deliveries (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            event BIGINT NOT NULL REFERENCES events (number) ON DELETE CASCADE,
            endpoint_id TEXT NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
            attempts BIGINT NOT NULL DEFAULT 0,
            due_at BIGINT,
            died_at BIGINT,
            failure TEXT
        );
        CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_at, event) WHERE due_at IS NOT NULL;
        CREATE INDEX deliveries_dead ON deliveries (died_at) WHERE died_at IS NOT NULL;
        CREATE INDEX deliveries_by_event ON deliveries (event);

        """

    private static let others = """
        CREATE TABLE agents (
            tenant TEXT NOT NULL,
            id TEXT NOT NULL,
            profile TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL,
            PRIMARY KEY (tenant, id)
        );
        CREATE TABLE idempotency (
            tenant TEXT NOT NULL,
            key TEXT NOT NULL,
            digest TEXT NOT NULL,
            answer TEXT,
            call_id TEXT,
            created_at BIGINT NOT NULL,
            PRIMARY KEY (tenant, key)
        );
        CREATE INDEX idempotency_by_age ON idempotency (created_at);
        CREATE INDEX idempotency_by_call ON idempotency (call_id);
        CREATE TABLE delayed_calls (
            call_id TEXT NOT NULL PRIMARY KEY,
            tenant TEXT NOT NULL,
            agent_id TEXT NOT NULL,
            call_order TEXT NOT NULL,
            due_at BIGINT NOT NULL
        );
        CREATE TABLE talk_of_deleted_calls (
            tenant TEXT NOT NULL,
            day BIGINT NOT NULL,
            milliseconds BIGINT NOT NULL,
            PRIMARY KEY (tenant, day)
        );
        """
}
