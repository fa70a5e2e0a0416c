-- How often each hashtag was used, by the minute of the tweets. A minute follows from a tweet's id, a
-- UUIDv7. Both tables hold the longest window and an hour: 25 hours.

-- The tweets that are counted already, so that none counts twice.
CREATE TABLE IF NOT EXISTS counted_tweets (
    minute   timestamptz NOT NULL,
    tweet_id uuid NOT NULL,
    PRIMARY KEY (minute, tweet_id)
);

CREATE TABLE IF NOT EXISTS tag_counts (
    minute timestamptz NOT NULL,
    tag    text COLLATE "C" NOT NULL, -- its bytes: the order of ties is the same everywhere
    tweets bigint NOT NULL,
    PRIMARY KEY (minute, tag)
);
