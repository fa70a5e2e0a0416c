-- Twitter's state (the guide's Cassandra and MySQL): users, who follows whom, tweets. Beside them stand
-- patterns/outbox/outbox.sql and common/idempotency.sql.
CREATE TABLE IF NOT EXISTS users (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handle     text NOT NULL UNIQUE,
    followers  integer NOT NULL DEFAULT 0,
    following  integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS follows (
    follower_id bigint NOT NULL REFERENCES users,
    followee_id bigint NOT NULL REFERENCES users,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (follower_id, followee_id)
);
CREATE INDEX IF NOT EXISTS follows_of_followee ON follows (followee_id, follower_id);

CREATE TABLE IF NOT EXISTS tweets (
    id         uuid PRIMARY KEY, -- UUIDv7: its order is the order of time, and of every timeline
    author_id  bigint NOT NULL REFERENCES users,
    text       text NOT NULL,
    -- How it reaches home timelines, decided when it was posted: written into each follower's
    -- (push), or merged in when one is read (pull: the author had too many followers).
    delivery   text NOT NULL CHECK (delivery IN ('push', 'pull')),
    created_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS tweets_of_author ON tweets (author_id, id);
CREATE INDEX IF NOT EXISTS tweets_pulled ON tweets (author_id, id) WHERE delivery = 'pull';

-- The full-text index (the guide's Elasticsearch): search-indexer fills it from the topic, search-service
-- asks it. It has its own copy of what it shows, and no reference to the tables above: to begin anew, empty
-- it and let the group read the topic again.
CREATE TABLE IF NOT EXISTS search_index (
    tweet_id   uuid PRIMARY KEY,
    author_id  bigint NOT NULL,
    text       text NOT NULL,
    created_at timestamptz NOT NULL,
    document   tsvector NOT NULL -- the words of 'text', as services/twitter/words.h has them
);
CREATE INDEX IF NOT EXISTS search_index_document ON search_index USING gin (document);
