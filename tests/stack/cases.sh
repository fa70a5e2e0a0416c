# What `make up` promises, on one small stack: it refuses what is wrong before it starts anything,
# it can be repeated, what is killed comes back with its data, and `make down` leaves nothing.
# shellcheck shell=bash

BACK_SECONDS=60

stack_cases() {
    refusals
    if ! test_stack_up BROKERS=1 SCALE=small; then
        not_pass "a stack comes up" "$scratch/up"
        test_stack_down
        return
    fi
    pass "a stack comes up"
    export BROKERS=1 SCALE=small
    check "status says that all is ready" "$STACK" status
    check "doctor finds nothing wrong with it" doctor_clean stack
    check "doctor finds nothing wrong with servers of the user's own" doctor_of_own_servers
    check "doctor names a service that is stopped, and the command" doctor_names_stopped
    check "doctor names a redis that hangs, and soon" doctor_names_hanging
    check "up again changes nothing" up_again_changes_nothing
    check "three brokers are refused for the data of one" refuses_brokers
    check "a running stack is not moved to other ports" refuses_move
    check "a state folder is not wiped while it runs" refuses "make down" "$STACK" clean-data
    check "a service whose program is newer is started anew" newer_program
    check "killed with -9: redis is back, with its data" redis_comes_back
    check "killed with -9: postgres is back, with its data" postgres_comes_back
    check "killed with -9: broker-1 is back, with its data" broker_comes_back
    check "killed with -9: a service is back" killed tweet-service
    check "up finds its stack again when the supervisor was killed" supervisor_killed
    check "down leaves nothing running, and no port taken" down_leaves_nothing
    check "down leaves nothing running when the supervisor was killed" down_after_supervisor
    check "a taken port is refused, its owner named, nothing started" refuses_taken_port
    check "clean-data removes the state folder" clean_data
    unset BROKERS SCALE
    test_stack_down
}

# Nothing of this needs a stack, and none may appear.
refusals() {
    local state=$scratch/refused
    check "BROKERS=2 is refused" refuses "1 or 3" env BROKERS=2 "KPK_STATE=$state" "$STACK" up
    check "SCALE=huge is refused" refuses "guide or small" env SCALE=huge "KPK_STATE=$state" "$STACK" up
    check "an unknown system is refused" refuses 'no system "x"' env "PROFILE=twitter x" "KPK_STATE=$state" "$STACK" up
    check "a wrong port offset is refused" refuses "number from 0" env KPK_PORT_OFFSET=-1 "KPK_STATE=$state" "$STACK" up
    check "a wrong namespace is refused" refuses "lower-case letter" env KPK_NAMESPACE=A-b "KPK_STATE=$state" "$STACK" up
    check "a relative state folder is refused" refuses "absolute path" env KPK_STATE=here "$STACK" up
    check "a folder with something else in it is refused" refuses "not a state folder" foreign_folder up
    check "a folder without the kit's mark is not wiped" refuses "not removed" foreign_folder clean-data
    check "a state folder that cannot be made is refused" refuses "cannot be made" env KPK_STATE=/proc/nowhere "$STACK" up
    check "a checkout path with a space is refused" refuses "Please move it" odd_checkout
    check "doctor needs no stack" doctor_without_stack env "KPK_STATE=$state"
    check "doctor needs nothing that Debian does not always have" doctor_without_stack bare_machine "$state"
    check "doctor says which setting is wrong" doctor_says 1 "BROKERS=2: it is 1 or 3" env BROKERS=2 "KPK_STATE=$state"
    check "none of these made a state folder" test ! -e "$state"
}

# refuses TEXT COMMAND...: it fails, and says why.
refuses() {
    local text=$1
    shift
    if "$@" >"$scratch/said" 2>&1; then
        echo "was not refused: $*"
        return 1
    fi
    cat "$scratch/said"
    grep -qF -- "$text" "$scratch/said"
}

foreign_folder() { # COMMAND
    mkdir -p "$scratch/foreign"
    echo precious >"$scratch/foreign/file"
    local status=0
    KPK_STATE=$scratch/foreign "$STACK" "$1" || status=$?
    [[ $(cat "$scratch/foreign/file") == precious ]] || status=0
    return "$status"
}

odd_checkout() {
    mkdir -p "$scratch/odd name"
    cp Makefile "$scratch/odd name/"
    make -C "$scratch/odd name" help
}

# doctor_says STATUS TEXT [COMMAND...]: so it ends, and says that; run by COMMAND.
doctor_says() {
    local text=$2 wanted=$1 status=0
    shift 2
    "$@" "$STACK" doctor >"$scratch/said" 2>&1 || status=$?
    cat "$scratch/said"
    ((status == wanted)) && grep -qF -- "$text" "$scratch/said"
}

# doctor_clean SECTION: all is ok from this section on; before it, the machine is as it is.
doctor_clean() {
    "$STACK" doctor >"$scratch/said" 2>&1 || true
    cat "$scratch/said"
    sed -n "/^$1\$/,\$p" "$scratch/said" >"$scratch/clean"
    grep -q '^  ok    redis ' "$scratch/clean"
    refute grep -E '^  (warn|bad) ' "$scratch/clean"
}

refute() { if "$@"; then return 1; fi; } # COMMAND...

# Whatever this machine lacks is a finding: it ends by summing up, and no command fails aloud.
doctor_without_stack() { # COMMAND...
    local status=0
    "$@" "$STACK" doctor >"$scratch/said" 2>&1 || status=$?
    cat "$scratch/said"
    grep -q 'it never ran' "$scratch/said"
    grep -qE '^(all is well|nothing is bad|[0-9]+ bad)' "$scratch/said"
    refute grep -E ' line [0-9]+: |not found' "$scratch/said"
    ((status == $(grep -cE '^  bad ' "$scratch/said" | sed 's/^[1-9].*/1/')))
}

# bare_machine STATE COMMAND...: with the programs of Debian's essential packages alone.
bare_machine() {
    local bin=$scratch/bare program
    mkdir -p "$bin"
    dpkg -L bash coreutils diffutils dpkg grep mawk sed util-linux | grep -E '^(/usr)?/s?bin/.' |
        while read -r program; do ln -sf "$program" "$bin/"; done
    ln -sf mawk "$bin/awk"
    env -i "PATH=$bin" HOME=/nonexistent "KPK_STATE=$1" "${@:2}"
}

# The servers of the stack under test, to a stack that never ran: whether topics and groups are there
# is not asked then.
doctor_of_own_servers() (
    unset KPK_STACK_ENV
    export KPK_STATE=$scratch/own KPK_PORT_OFFSET=$((KPK_PORT_OFFSET + 100))
    doctor_clean cluster
    grep -q 'Kafka of your own, PostgreSQL of your own' "$scratch/said"
    [[ ! -e $KPK_STATE ]]
)

doctor_names_stopped() {
    local status=0
    "$STACK" stop tweet-service
    doctor_says 1 "tweet-service is stopped" || status=$?
    grep -qF -- "-> make restart S=tweet-service" "$scratch/said" || status=$?
    "$STACK" start tweet-service
    return "$status"
}

doctor_names_hanging() {
    local pid status=0 began=$SECONDS
    pid=$("$STACK" pid redis)
    kill -STOP "$pid"
    doctor_says 1 "redis, pid $pid, is held by a signal" || status=$?
    kill -CONT "$pid"
    grep -qF -- "-> kill -CONT $pid" "$scratch/said" && ((SECONDS - began < 30)) || status=1
    return "$status"
}

all_pids() { "$STACK" status | awk '$3 == "RUNNING" { print $1, $2 }'; }

up_again_changes_nothing() {
    local before
    before=$(all_pids)
    "$STACK" up
    [[ $before == "$(all_pids)" ]]
}

refuses_brokers() {
    "$STACK" down
    refuses "BROKERS=1 make up" env BROKERS=3 "$STACK" up
    "$STACK" up
}

refuses_move() { refuses "make down" env "KPK_PORT_OFFSET=$((KPK_PORT_OFFSET + 1))" "$STACK" up; }

# The time of a program is its version, as far as the stack can tell.
newer_program() {
    local before after
    before=$("$STACK" pid tweet-service)
    touch build/bin/tweet-service
    "$STACK" up
    after=$("$STACK" pid tweet-service)
    [[ $before != "$after" ]]
}

# killed NAME: -9, and it is back under another pid and ready.
killed() {
    local before deadline=$((SECONDS + BACK_SECONDS))
    before=$("$STACK" pid "$1")
    kill -KILL "$before"
    until [[ $("$STACK" status | awk -v name="$1" -v was="$before" '$1 == name && $2 != was { print $NF }') == yes ]]; do
        if ((SECONDS > deadline)); then
            "$STACK" status || return 1
        fi
        sleep 0.2
    done
}

redis_comes_back() {
    local redis=(redis-cli -u "$KPK_REDIS_URL")
    "${redis[@]}" set kept "$$"
    killed redis
    [[ $("${redis[@]}" get kept) == "$$" ]]
}

postgres_comes_back() {
    local sql=(psql -X -q -t -A -c)
    "${sql[@]}" "CREATE TABLE kept AS SELECT $$ AS value"
    killed postgres
    [[ $("${sql[@]}" "SELECT value FROM kept") == "$$" ]]
}

broker_comes_back() {
    local before
    before=$(build/bin/kpk topics list)
    killed broker-1
    diff <(echo "$before") <(build/bin/kpk topics list)
}

# Processes and listening ports of the stack under test.
remains() {
    grep -lszxF "KPK_STACK=$KPK_STATE" /proc/[0-9]*/environ || true
    ss -Hltn | awk -v redis=":$((16379 + KPK_PORT_OFFSET))$" -v pg=":$((15432 + KPK_PORT_OFFSET))$" \
        -v kafka=":$((19092 + KPK_PORT_OFFSET))$" '$4 ~ redis || $4 ~ pg || $4 ~ kafka'
}

kill_supervisor() { kill -KILL "$(cat "$KPK_STATE/run/supervisord.pid")"; }

supervisor_killed() {
    kill_supervisor
    "$STACK" up
    "$STACK" status
}

down_leaves_nothing() {
    "$STACK" down
    remains
    [[ -z $(remains) ]]
}

down_after_supervisor() {
    "$STACK" up
    kill_supervisor
    down_leaves_nothing
}

refuses_taken_port() {
    local holder status=0
    redis-server --port $((16379 + KPK_PORT_OFFSET)) --bind 127.0.0.1 --save '' >/dev/null &
    holder=$!
    until redis-cli -p $((16379 + KPK_PORT_OFFSET)) ping >/dev/null 2>&1; do sleep 0.1; done
    refuses "redis-server, pid $holder" "$STACK" up || status=$?
    doctor_says 1 "-> kill $holder ends redis-server" || status=$?
    kill "$holder"
    wait "$holder" || true
    [[ -z $(remains) ]] || status=1
    return "$status"
}

clean_data() {
    "$STACK" clean-data
    [[ ! -e $KPK_STATE ]]
}
