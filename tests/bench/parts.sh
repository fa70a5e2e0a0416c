# The parts of the measurement. Each leaves the stack as it found it, caught up.
# shellcheck shell=bash

# 1 and 5: tweets a second, and what each process spends on one. Beside it: the same transaction by pgbench.
part_posts() {
    local rate tps before tweets cpu kind ms of_postgres=- peer_cpu
    step posts
    before=$(ask "SELECT count(*) FROM tweets")
    cpu_start
    wrk_posts "$SECONDS_EACH" load
    wait_caught_up
    cpu=$(cpu_end)
    rate=$(value_of rate <"$scratch/posts")
    tweets=$(($(ask "SELECT count(*) FROM tweets") - before))
    step_done "$rate tweets/s answered, all five groups running"
    step "its peer"
    pgbench_peer post_peer
    tps=$PEER_RATE
    peer_cpu=$(number "$PEER_POSTGRES_MS / ($tps * $SECONDS_EACH)" 3)
    step_done "pgbench, the same transaction: $tps a second"

    figure posts "POST /v1/tweets answered 201, $CLIENTS connections, all five groups running" "$rate" /s \
        "2,000" "$tps" "pgbench: the same statements alone, $CLIENTS clients"
    figure posts_p50 "its answer, p50" "$(value_of p50_ms <"$scratch/posts")" ms
    figure posts_p99 "its answer, p99" "$(value_of p99_ms <"$scratch/posts")" ms "< 100 ms"
    figure posts_behind "after $SECONDS_EACH s of that: until no group was behind" "$CAUGHT_UP_S" s
    while read -r kind ms; do
        of_postgres=-
        [[ $kind != postgres ]] || of_postgres=$peer_cpu
        figure "cpu_$kind" "CPU a tweet, $kind" "$(number "$ms / $tweets" 3)" ms - "$of_postgres" \
            "PostgreSQL under pgbench"
    done <<<"$cpu"
    figure cpu_all "CPU a tweet, all of it" "$(number "$(awk '{ s += $2 } END { print s }' <<<"$cpu") / $tweets" 3)" ms
}

# pgbench_peer SCRIPT: in a schema with the same tables and the same world, which no relay looks into.
# Sets PEER_RATE and PEER_POSTGRES_MS.
pgbench_peer() {
    local schema=$SCHEMA first
    if [[ $1 == post_peer ]]; then
        schema=bench_peer
        {
            echo "CREATE SCHEMA $schema; SET search_path = $schema;"
            cat services/twitter/schema.sql patterns/outbox/outbox.sql common/idempotency.sql
        } | sql
        sql -v users="$USERS" -v schema="$schema" -f tests/bench/world.sql
    fi
    first=$(sql -c "SELECT min(id) FROM $schema.users")
    cpu_start
    PGOPTIONS="-c search_path=$schema" pgbench -n -M prepared -c "$CLIENTS" -j 2 -T "$SECONDS_EACH" -D n=0 \
        -D first="$first" -D users="$USERS" -f "tests/bench/$1.sql" >"$scratch/pgbench" 2>&1 ||
        fail "pgbench could not run tests/bench/$1.sql:" "$(grep -m 3 -i error "$scratch/pgbench")"
    PEER_POSTGRES_MS=$(cpu_end | cpu_of postgres)
    PEER_RATE=$(awk '/^tps = / { printf "%.0f", $3 }' "$scratch/pgbench")
    [[ $schema == "$SCHEMA" ]] || sql -c "DROP SCHEMA $schema CASCADE"
}

# 2: from the answer to the timeline, at a steady rate.
part_freshness() {
    local status=0 title="at $RATE tweets/s, BROKERS=$1"
    step freshness
    build/release/tests/bench/freshness --rate "$RATE" --seconds "$SECONDS_EACH" --first "$FIRST" --users "$USERS" \
        --name "freshness-$1" >"$scratch/freshness" 2>"$scratch/why" || status=$?
    ((status == 0)) || wrong "freshness: $(tail -n 1 "$scratch/why")"
    CREATED=$((CREATED + $(value_of good <"$scratch/freshness")))
    wait_caught_up
    step_done "$(value_of timeline_p50_ms <"$scratch/freshness") ms from answer to timeline $title"
    figure "fresh_p50_$1" "from the answer to the follower's timeline, p50, $title" \
        "$(value_of timeline_p50_ms <"$scratch/freshness")" ms
    figure "fresh_p99_$1" "the same, p99" "$(value_of timeline_p99_ms <"$scratch/freshness")" ms
    figure "fresh_answer_p99_$1" "the answers of that run, p99, from when each was due" \
        "$(value_of answer_p99_ms <"$scratch/freshness")" ms
}

# 4: reads. Beside them what a timeline costs without Kafka and Redis, and what the index alone can do.
part_reads() {
    step reads
    reads home "$KPK_TIMELINE_SERVICE_URL" "$FIRST" "$USERS" /v1/users/ '/home_timeline?limit=20'
    figure home_reads "home timelines read, 20 tweets each, $CLIENTS connections" "$READS" /s - \
        "$PEER_RATE" "pgbench: put together from PostgreSQL when read"
    reads search "$KPK_SEARCH_SERVICE_URL" 0 500 '/v1/search?limit=20&q=word'
    figure search_reads "searches for one word, of $(ask "SELECT count(*) FROM search_index") tweets" "$READS" /s - \
        "$PEER_RATE" "pgbench: the same query"
    step_done "home timelines and searches"
}

reads() { # NAME URL and what read.lua takes: sets READS and PEER_RATE
    wrk -t 2 -c "$CLIENTS" -d "$((SECONDS_EACH / 2))s" --timeout 10s -s tests/bench/read.lua "$2" \
        -- "${@:3}" >"$scratch/reads"
    no_errors "$scratch/reads" "$1 reads"
    READS=$(value_of rate <"$scratch/reads")
    pgbench_peer "$1_peer"
}

# 3: one worker with one member drains what was posted while there was none. Beside it: the same Redis, the
# same commands, by redis-benchmark.
part_drain() {
    local name before expected
    step backlog
    for name in fanout-worker-1 fanout-worker-2; do "$STACK" stop "$name"; done
    before=$(ask "SELECT count(*) FROM tweets")
    wrk_posts "$SECONDS_EACH" backlog
    until [[ $(ask "SELECT count(*) FROM outbox") == 0 ]]; do sleep 0.2; done
    expected=$((($(ask "SELECT count(*) FROM tweets") - before) * 10))
    step_done "$expected timeline writes to be done"
    step drain
    drain_one "${KPK_FANOUT_WORKER_1_URL##*:}" "$expected" kpk_timeline_writes_total kpk_timeline_writes_total \
        build/bin/fanout-worker --consumers 1
    step_done "$DRAIN_RATE timeline writes/s by one member"
    redis_peer
    for name in fanout-worker-1 fanout-worker-2; do "$STACK" start "$name"; done
    wait_caught_up
    figure drain "timeline writes of one fanout worker with one member, a backlog" "$DRAIN_RATE" /s "ratio 0.8" \
        "$PEER_RATE" "redis-benchmark: ZADD and ZREMRANGEBYRANK, depth $DEPTH"
    figure drain_worker "while it drains: the worker's CPU, of one core" "$(drained "$DRAIN_WORKER")" %
    figure drain_redis "while it drains: Redis's CPU" "$(drained "$(cpu_of redis <<<"$DRAIN_CPU")")" %
    figure drain_postgres "while it drains: PostgreSQL's CPU" "$(drained "$(cpu_of postgres <<<"$DRAIN_CPU")")" %
}

drained() { number "$1 * 100 / $DRAIN_MS"; } # CPU-MS -> % of one core, while it drained

# Timelines of as many entries as ours have, in a database of their own. A write is both commands, so its
# time is the sum of theirs. Sets PEER_RATE.
redis_peer() {
    local zadd trim
    zadd=$(redis_rate ZADD timeline:__rand_int__ 0 01900000-0000-7000-8000-__rand_int__)
    trim=$(redis_rate ZREMRANGEBYRANK timeline:__rand_int__ 0 -801)
    PEER_RATE=$(number "1 / (1 / $zadd + 1 / $trim)")
    redis-cli -u "$KPK_REDIS_URL" -n 1 FLUSHDB >/dev/null
}

redis_rate() { # COMMAND... -> commands a second
    redis-benchmark -p "${KPK_REDIS_URL##*:}" --dbnum 1 -c 1 -P "$DEPTH" -n 400000 -r "$USERS" --csv "$@" |
        awk -F '","' 'NR == 2 { print $2 + 0 }'
}

# 6: what it costs when nothing happens.
part_idle() { # BROKERS
    local cpu kind ms memory
    step idle
    processes_look
    cpu_start
    sleep "$SECONDS_EACH"
    cpu=$(cpu_end)
    memory=$(awk '{ kind = $1; sub(/-[0-9]+$/, "", kind); sum[kind] += $3; sum["all"] += $3 }
        END { for (kind in sum) print kind, sum[kind] }' <<<"$PROCESSES_NOW")
    cpu+=$'\n'"all $(awk '{ s += $2 } END { print s }' <<<"$cpu")"
    while read -r kind ms; do
        figure "idle_cpu_${kind}_$1" "idle, BROKERS=$1, $kind: CPU, of one core" "$(number "$ms / ($SECONDS_EACH * 10)" 1)" % \
            "$([[ $kind != all ]] && echo - || echo "< 40 %")"
        figure "idle_memory_${kind}_$1" "idle, BROKERS=$1, $kind: memory" "$(cpu_of "$kind" <<<"$memory")" MB
    done <<<"$cpu"
    step_done "$(number "$(cpu_of all <<<"$cpu") / ($SECONDS_EACH * 10)" 1) % of one core, $(cpu_of all <<<"$memory") MB"
}
