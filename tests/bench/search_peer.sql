-- The query of search-service/search.c for one word, the first page of 20.
\set word random(0, 499)
SELECT tweet_id, author_id, (SELECT handle FROM users WHERE users.id = author_id), text, (extract(epoch FROM created_at) * 1000)::bigint, rank FROM (SELECT *, ts_rank_cd(document, query) AS rank FROM search_index, websearch_to_tsquery('simple', 'word' || :word::text) AS query WHERE document @@ query) AS found WHERE (rank, tweet_id) < ('Infinity'::real, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) ORDER BY rank DESC, tweet_id DESC LIMIT 20;
