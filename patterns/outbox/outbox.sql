-- The outbox: event rows written in the transaction of the state change they tell of.
-- Columns are those of Debezium's outbox event router (id, aggregatetype, aggregateid, type,
-- payload), and our own.
CREATE TABLE IF NOT EXISTS outbox (
    -- Order within an aggregate: the writer holds a lock on the aggregate's row when it inserts, so
    -- its seq grows with its commits. Across aggregates seq says nothing: rows become visible out
    -- of order, which is why the relay never asks for "seq > last seen".
    seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            uuid NOT NULL,                      -- ce_id
    aggregatetype text NOT NULL,                      -- base name of the topic
    aggregateid   text NOT NULL,                      -- key of the record
    type          text NOT NULL,                      -- ce_type
    subject       text,                               -- ce_subject
    payload       json NOT NULL,
    headers       jsonb,                              -- traceparent
    created_at    timestamptz NOT NULL DEFAULT now(), -- ce_time
    parked        text                                -- why this row can never be published
) WITH (
    -- A queue: nearly every row is soon dead. Vacuum by count of dead rows, not by share of the table.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 10000
);

-- Who relays. A lease, not a lock: the lock of a relay that hangs lives as long as its connection.
CREATE TABLE IF NOT EXISTS outbox_lease (
    name       text PRIMARY KEY,
    owner      uuid NOT NULL,
    expires_at timestamptz NOT NULL
);
