-- A home timeline without Kafka and Redis: the newest 20 tweets of those whom a user follows, put
-- together when they are asked for.
\set reader random(:first, :first + :users - 1)
SELECT t.id, author_id, (SELECT handle FROM users WHERE users.id = author_id), text, delivery FROM follows f CROSS JOIN LATERAL (SELECT * FROM tweets WHERE author_id = f.followee_id ORDER BY id DESC LIMIT 20) t WHERE f.follower_id = :reader::bigint ORDER BY t.id DESC LIMIT 20;
