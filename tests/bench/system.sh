# A system that is measured: its tables, what its groups have still to do, one of its workers alone. SCHEMA says
# which.
# shellcheck shell=bash

CATCH_UP_SECONDS=180

sql() { PGOPTIONS="-c client_min_messages=warning -c search_path=$SCHEMA" psql -X -q -v ON_ERROR_STOP=1 -At "$@"; }
ask() { sql -c "$1"; } # QUERY

# no_errors FILE WHAT: what wrk counted in FILE; errors are wrong, whatever the rate
no_errors() {
    local bad
    bad=$(value_of bad <"$1")
    ((bad == 0)) || wrong "$2: $bad requests of $((bad + $(value_of good <"$1"))) were not answered as they must be"
}

# Sum of the lag of all groups, or of one; the column is right-aligned below its name.
total_lag() { # [GROUP]
    build/bin/kpk lag ${1:+--group "$1"} | awk '
        NR == 1 { end = index($0, "LAG") + 2; next }
        /\(all\)/ { next }
        { count = split(substr($0, 1, end), field, " "); sum += field[count]; rows++ }
        END { if (!rows) exit 1; print sum + 0 }'
}

# Until the outbox is empty and no group is behind. Sets CAUGHT_UP_S.
wait_caught_up() { wait_for_groups ''; }

# The same for those named; '' is all of them.
wait_for_groups() { # GROUP...
    local began
    began=$(now_ms)
    until is_caught_up "$@"; do
        if (($(now_ms) - began > CATCH_UP_SECONDS * 1000)); then
            wrong "the groups are behind after $CATCH_UP_SECONDS s"
            build/bin/kpk lag
            return
        fi
        sleep 0.2
    done
    CAUGHT_UP_S=$(number "($(now_ms) - $began) / 1000" 1)
}

is_caught_up() { # GROUP...
    local group
    [[ $(ask "SELECT count(*) FROM outbox") == 0 ]] || return 1
    for group in "$@"; do
        [[ $(total_lag "$group") == 0 ]] || return 1
    done
}

# drain_one PORT EXPECTED BEGUN DONE PROGRAM [OPTION...]: a worker alone does what was left for it. DONE is the
# metric that it must bring to EXPECTED, BEGUN one that shows that it works (series are added up). Sets DRAIN_MS
# and DRAIN_RATE, of DONE a second; DRAIN_WORKER, its CPU in ms; DRAIN_CPU, what cpu_end says of the others. The
# time begins with the first work that is seen, so that joining the group is not in it.
drain_one() {
    local port=$1 expected=$2 begun=$3 done=$4 began=0 first=0 sum=0 deadline
    deadline=$(($(now_ms) + CATCH_UP_SECONDS * 1000))
    cpu_start
    KPK_HTTP_PORT=$port "${@:5}" >"$scratch/worker" 2>&1 &
    lone_worker=$!
    until ((began && sum >= expected)); do
        curl -s "http://127.0.0.1:$port/metrics" >"$scratch/metrics" || true
        sum=$(metric "$done")
        if ((began == 0 && $(metric "$begun") > 0)); then
            began=$(now_ms) first=$sum
        fi
        if (($(now_ms) > deadline)); then
            wrong "one worker did $sum of $expected in $CATCH_UP_SECONDS s"
            break
        fi
        sleep 0.02
    done
    DRAIN_MS=1
    if ((began)); then DRAIN_MS=$(($(now_ms) - began)); fi
    DRAIN_WORKER=$(cpu_ms "$lone_worker")
    DRAIN_CPU=$(cpu_end)
    DRAIN_RATE=$(number "($sum - $first) * 1000 / $DRAIN_MS")
    end_lone_worker
}

# metric NAME: its series whose text begins so, added up, in what was read last
metric() { awk -v name="$1" 'index($0, name) == 1 { sum += $NF } END { printf "%.0f", sum }' "$scratch/metrics"; }

end_lone_worker() {
    [[ -n ${lone_worker:-} ]] || return 0
    kill -TERM "$lone_worker" 2>/dev/null || true
    wait "$lone_worker" || true
    lone_worker=
}
