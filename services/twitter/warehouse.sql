-- What happened, to be asked about later (the guide's data warehouse). Facts come from events alone:
-- reading topic tweets again from its beginning into an empty warehouse makes the same rows.

-- A tweet, in the partition of its day (UTC), which analytics-worker makes when it needs it. The day
-- follows from the id, a UUIDv7: the key knows a tweet again whatever event tells of it.
-- A day is given up whole: DROP TABLE tweet_facts_2026_01_31 (pg_dump -t keeps it elsewhere).
CREATE TABLE IF NOT EXISTS tweet_facts (
    day        date NOT NULL,
    tweet_id   uuid NOT NULL,
    author_id  bigint NOT NULL,
    created_at timestamptz NOT NULL,
    delivery   text NOT NULL,
    followers  integer, -- of the author, when it was posted; NULL: its event does not tell
    text       text NOT NULL,
    PRIMARY KEY (day, tweet_id)
) PARTITION BY RANGE (day);

CREATE OR REPLACE VIEW tweets_per_hour AS
SELECT day, date_part('hour', created_at AT TIME ZONE 'UTC')::integer AS hour,
       count(*) AS tweets, count(DISTINCT author_id) AS authors
FROM tweet_facts GROUP BY 1, 2;

-- deliveries: the followers that each tweet reached, added up over the tweets.
CREATE OR REPLACE VIEW authors_per_day AS
SELECT day, author_id, count(*) AS tweets, coalesce(sum(followers), 0) AS deliveries
FROM tweet_facts GROUP BY 1, 2;
