-- The notification system's tables. The outbox and the kept answers (Idempotency-Key) are beside them.

-- Whom there is to tell, and where. Users are made elsewhere (Twitter's ids are these); here stands what
-- is needed to reach them. An address that is NULL: not to be reached that way.
CREATE TABLE IF NOT EXISTS contacts (
    user_id    bigint PRIMARY KEY,
    email      text,
    phone      text,                                       -- E.164: +491701234567
    push_token text,
    platform   text CHECK (platform IN ('fcm', 'apns')),
    changed_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((push_token IS NULL) = (platform IS NULL))
);

-- What he allows, where it differs from the default of its category (preferences.h).
CREATE TABLE IF NOT EXISTS preferences (
    user_id  bigint NOT NULL REFERENCES contacts ON DELETE CASCADE,
    channel  text NOT NULL,
    category text NOT NULL,
    allowed  boolean NOT NULL,
    PRIMARY KEY (user_id, channel, category)
);

-- What was asked for over HTTP. What came as an event only (Twitter's mentions) has deliveries, no row here.
CREATE TABLE IF NOT EXISTS notifications (
    id           uuid PRIMARY KEY,
    recipient_id bigint NOT NULL REFERENCES contacts,
    category     text NOT NULL,
    template     text NOT NULL,
    priority     text NOT NULL,
    data         jsonb NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS notifications_by_age ON notifications USING brin (created_at);

-- One row per notification and channel: what makes a repeated event harmless.
--   sending    claimed by a worker, which sends it or died
--   waiting    the provider went down before it was sent: it is when that is back
--   retrying   a try failed: its event waits in a retry tier
--   rejected   it never will succeed as it is: its event is a dead letter. If that comes again, somebody
--              redrove it, and it is tried again
--   delivered, skipped   done: whatever comes again, nothing happens
CREATE TABLE IF NOT EXISTS deliveries (
    notification_id uuid NOT NULL,
    channel         text NOT NULL,
    recipient_id    bigint NOT NULL,
    status          text NOT NULL
        CHECK (status IN ('sending', 'waiting', 'retrying', 'delivered', 'skipped', 'rejected')),
    attempts        integer NOT NULL DEFAULT 0,
    reason          text,            -- why it was skipped, failed, or was rejected
    provider_id     text,            -- what the provider calls it
    created_at      timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (notification_id, channel)
);
-- Rows are pruned by age. An index of what never changes leaves updates cheap, and BRIN is nearly free.
CREATE INDEX IF NOT EXISTS deliveries_by_age ON deliveries USING brin (created_at);
