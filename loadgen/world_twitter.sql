-- A world to tweet in: 10,000 users, 10 followers in the mean, as unequally as square roots are (the most
-- followed one has 500). As tweet-service would have written it, the counters included, but without events:
-- none of them has tweeted yet, so no timeline is to be filled.
BEGIN;
CREATE TEMPORARY TABLE world ON COMMIT DROP AS
SELECT n, round(100000 / sqrt(place) / sum(1 / sqrt(place)) OVER ())::integer AS followers
-- Who is followed most is not who tweets most (loadgen draws user 0 most often): 7919 is prime to 10,000.
FROM (SELECT n, (n * 7919 + 5000) % 10000 + 1 AS place FROM generate_series(0, 9999) AS n) AS numbered;
CREATE TEMPORARY TABLE edges ON COMMIT DROP AS
SELECT n AS followee, (n + step * 7919) % 10000 AS follower
FROM world CROSS JOIN LATERAL generate_series(1, followers) AS step;
-- What the planner knows of the tables is what it was told: without, it may join row by row, for minutes.
ANALYZE world, edges;
INSERT INTO users (handle, followers, following)
SELECT 'load_' || n, followers, coalesce(following, 0)
FROM world LEFT JOIN (SELECT follower AS n, count(*) AS following FROM edges GROUP BY follower) AS counted USING (n)
ORDER BY n;
CREATE TEMPORARY TABLE people ON COMMIT DROP AS
SELECT substr(handle, 6)::integer AS n, id FROM users WHERE handle ~ '^load_[0-9]+$';
ANALYZE people;
INSERT INTO follows (follower_id, followee_id)
SELECT follower.id, followee.id FROM edges
JOIN people followee ON followee.n = edges.followee
JOIN people follower ON follower.n = edges.follower;
COMMIT;
ANALYZE users, follows;
