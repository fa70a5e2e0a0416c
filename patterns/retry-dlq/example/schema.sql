-- The provider's own records: one row for each charge that it was asked for. The id is the idempotency key: money
-- moves once, however often it is asked.
CREATE SEQUENCE IF NOT EXISTS moves;
CREATE TABLE IF NOT EXISTS provider (
    charge_id   uuid PRIMARY KEY,
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(), -- for the first time
    calls       integer NOT NULL DEFAULT 1,
    moved       bigint,                                         -- the order in which money moved; NULL: not yet
    moved_at    timestamptz,
    again       integer NOT NULL DEFAULT 0                      -- calls after that
);
