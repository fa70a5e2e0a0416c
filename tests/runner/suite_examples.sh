# The worked examples of patterns/, each both ways, and their crash matrices: exit 0 with the pattern,
# exit 3 without it, when the anomaly that it prevents was seen.
# shellcheck shell=bash

suite_examples() {
    shared_stack || return 0
    check "fanout: nobody's trouble but its own" ends_with 0 "PASS" fanout
    check "fanout --naive: half done, or half lost" ends_with 3 "ANOMALY" fanout --naive
    check "outbox: both or neither" ends_with 0 "PASS" outbox
    check "outbox --naive: lost, invented, overlooked" ends_with 3 "ANOMALY" outbox --naive
    check "retry-dlq: tried again, later, or a dead letter" ends_with 0 "PASS" retry-dlq
    check "retry-dlq --naive: lost, blocked, thrown out" ends_with 3 "ANOMALY" retry-dlq --naive
    check "fanout --matrix, short" ends_with 0 "PASS 8 cells" fanout --matrix --kinds exit,error
    check "fanout --matrix --naive is red where the commit came first" naive_matrix_is_red
    check "outbox --matrix, short" ends_with 0 "PASS 16 cells" outbox --matrix --kinds exit,error
    check "retry-dlq --matrix, short: exit" ends_with 0 "PASS 5 cells" retry-dlq --matrix --kinds exit
    check "retry-dlq --matrix, short: error" ends_with 0 "PASS 5 cells" retry-dlq --matrix --kinds error
    check "matrix-twitter, short: every point, exit" ends_with 0 "PASS 16 cells" matrix-twitter --kinds exit
    check "matrix-twitter, short: the writer, error" ends_with 0 "PASS 4 cells" matrix-twitter --kinds error --points tweet:
    check "they have left nothing behind" nothing_left
}

# The long form, for a person who wants to see all of it: make matrix
suite_matrix() {
    shared_stack || return 0
    shown "outbox --matrix" 0 outbox --matrix
    shown "fanout --matrix" 0 fanout --matrix
    shown "fanout --matrix --naive" 3 fanout --matrix --naive
    shown "retry-dlq --matrix" 0 retry-dlq --matrix
    shown "retry-dlq --matrix --naive" 3 retry-dlq --matrix --naive
    shown "matrix-twitter" 0 matrix-twitter
}

# ends_with STATUS WORDS PROGRAM...: its exit code, and its last line begins so.
ends_with() {
    local want=$1 words=$2 status=0
    shift 2
    "build/bin/$1" "${@:2}" >"$scratch/story" 2>&1 || status=$?
    cat "$scratch/story"
    ((status == want)) || { echo "exit status $status, not $want" && return 1; }
    [[ $(tail -n 1 "$scratch/story") == "verdict: $words"* ]]
}

# shown NAME STATUS PROGRAM...: the same, and what it prints is shown.
shown() {
    local name=$1 status=0
    build/bin/"$3" "${@:4}" | tee "$scratch/story" || status=${PIPESTATUS[0]}
    if ((status == $2)); then pass "$name"; else not_pass "$name" "$scratch/story"; fi
}

# Red where a process died, or its effect failed, after the commit; green before and behind that.
naive_matrix_is_red() {
    ends_with 3 "ANOMALY 2 of 4 cells" fanout --matrix --naive --kinds exit || return 1
    grep -qE '^ *naive:after-poll +ok' "$scratch/story"
    grep -qE '^ *naive:after-commit +LOST [0-9]+' "$scratch/story"
    grep -qE '^ *posts:half-done +LOST [0-9]+' "$scratch/story"
    grep -qE '^ *naive:after-effect +ok' "$scratch/story"
}

nothing_left() {
    psql -Atc "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'x\_%'" >"$scratch/left"
    kcat -b "$KPK_BOOTSTRAP_SERVERS" -L | sed -n 's/^ *topic "\(x_.*\)" with.*/\1/p' >>"$scratch/left"
    cat "$scratch/left"
    [[ ! -s $scratch/left ]]
}
