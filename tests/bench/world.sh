# The world that is measured: seeded, warmed up, waited for, and counted at the end.
# shellcheck shell=bash

USERS=1000

world_seed() {
    sql -v users="$USERS" -v schema="$SCHEMA" -f tests/bench/world.sql
    FIRST=$(ask "SELECT min(id) FROM users")
}

# wrk_posts SECONDS RUN -> its "bench" lines. What it counted as 201 is added to CREATED, and what was in
# flight when it ended may have been created too: at most one a connection.
wrk_posts() {
    wrk -t 2 -c "$CLIENTS" -d "$1s" --timeout 10s -s tests/bench/post.lua "$KPK_TWEET_SERVICE_URL" \
        -- "$FIRST" "$USERS" "$2" >"$scratch/posts"
    account "$scratch/posts" "posting ($2)"
    UNKNOWN=$((UNKNOWN + CLIENTS))
}

# account FILE WHAT: errors are wrong, whatever the rate
account() {
    CREATED=$((CREATED + $(value_of good <"$1")))
    no_errors "$1" "$2"
}

# Every tweet that was acknowledged is in the database, and each group has done its work once for each.
world_check() {
    local tweets
    tweets=$(ask "SELECT count(*) FROM tweets")
    ((tweets >= CREATED)) || wrong "lost: $CREATED tweets were answered 201, $tweets are in the database"
    ((tweets <= CREATED + UNKNOWN)) ||
        wrong "invented: $tweets tweets are in the database, $CREATED were answered 201, at most $UNKNOWN were not answered"
    same "tweets in the search index" "$tweets" "$(ask "SELECT count(*) FROM search_index")"
    same "facts in the warehouse" "$tweets" "$(ask "SELECT count(*) FROM warehouse.tweet_facts")"
    same "tweets counted for their hashtags" "$(ask "SELECT count(*) FROM tweets WHERE text LIKE '%#%'")" \
        "$(ask "SELECT count(*) FROM trending.counted_tweets")"
    world_timelines >"$scratch/timelines"
    [[ ! -s $scratch/timelines ]] ||
        wrong "$(wc -l <"$scratch/timelines") timelines do not hold their newest tweets up to 800; the first: user, length: $(grep -m 1 '^[<>]' "$scratch/timelines" | cut -c 3-)"
}

# What differs between the lengths of the timelines in Redis and what they must be.
world_timelines() {
    sql -F ' ' -c "
        SELECT u.id, least(800, count(t.id)) FROM users u JOIN follows f ON f.follower_id = u.id
        LEFT JOIN tweets t ON t.author_id = f.followee_id GROUP BY u.id ORDER BY u.id" >"$scratch/must"
    cut -d ' ' -f 1 "$scratch/must" | sed 's/.*/ZCARD timeline:&/' | redis-cli -u "$KPK_REDIS_URL" |
        paste -d ' ' <(cut -d ' ' -f 1 "$scratch/must") - >"$scratch/is"
    diff "$scratch/must" "$scratch/is" || true
}
