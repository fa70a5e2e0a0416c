-- A world to measure in: :users users, each followed by the next 10. As tweet-service would have written
-- it, the counters included, but without events: nobody has tweeted yet, so no timeline is to be filled.
BEGIN;
SET LOCAL search_path = :"schema";
CREATE TEMPORARY TABLE world ON COMMIT DROP AS SELECT generate_series(0, :users - 1) AS number;
INSERT INTO users (handle, followers, following)
SELECT 'bench_' || number, 10, 10 FROM world ORDER BY number;
INSERT INTO follows (follower_id, followee_id)
SELECT follower.id, followee.id
FROM world CROSS JOIN generate_series(1, 10) AS step
JOIN users followee ON followee.handle = 'bench_' || number
JOIN users follower ON follower.handle = 'bench_' || (number + step) % :users;
COMMIT;
ANALYZE :"schema".users, :"schema".follows;
