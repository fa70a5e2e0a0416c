-- What PostgreSQL does for one POST /v1/tweets, by pgbench: the statements of tweet-service/tweets.c,
-- common/idempotency.c and patterns/outbox/outbox.c, in a schema that no relay looks into. Ids grow
-- with time, as UUIDv7 do.
--   pgbench -M prepared -D n=0 -D first=<user id> -D users=<count>
\set n :n + 1
\set author random(:first, :first + :users - 1)
BEGIN;
SELECT pg_try_advisory_xact_lock(hashtextextended('pgbench-' || :client_id::text || '-' || :n::text, 0)), kept.request_hash = md5(:n::text), kept.status, kept.response FROM (SELECT) AS one LEFT JOIN idempotency_keys AS kept ON kept.key = 'pgbench-' || :client_id::text || '-' || :n::text;
SELECT followers FROM users WHERE id = :author::bigint FOR NO KEY UPDATE;
INSERT INTO tweets (id, author_id, text, delivery, created_at) VALUES (('0190' || lpad(to_hex(:n::bigint), 8, '0') || '70008' || lpad(to_hex(:client_id::bigint), 15, '0'))::uuid, :author::bigint, 'Tweet ' || :n::text || ' of a steady load, word' || :author::text || ', as long as people write them #tag17 @bench_42', 'push', to_timestamp((1700000000000 + :n::bigint) / 1000.0));
INSERT INTO outbox (id, aggregatetype, aggregateid, type, subject, payload, headers) VALUES (('0191' || lpad(to_hex(:n::bigint), 8, '0') || '70008' || lpad(to_hex(:client_id::bigint), 15, '0'))::uuid, 'tweets', :author::text, 'tweet.created', '01900000-0000-7000-8000-000000000000', ('{"tweet_id":"01900000-0000-7000-8000-000000000000","author_id":"' || :author::text || '","text":"Tweet ' || :n::text || ' of a steady load, word' || :author::text || ', as long as people write them #tag17 @bench_42","created_at":1700000000000,"delivery":"push","followers":10}')::json, NULL);
INSERT INTO idempotency_keys (key, request_hash, status, response) VALUES ('pgbench-' || :client_id::text || '-' || :n::text, md5(:n::text), 201, '{"id":"01900000-0000-7000-8000-000000000000","author_id":"' || :author::text || '","text":"Tweet ' || :n::text || ' of a steady load, word' || :author::text || ', as long as people write them #tag17 @bench_42","created_at":1700000000000,"delivery":"push"}');
COMMIT;
SELECT pg_notify(current_schema() || '.outbox', '');
