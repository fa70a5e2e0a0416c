# Results: a line per test, counted; and how a test program is run.
# shellcheck shell=bash

pass() { # NAME
    passed=$((passed + 1))
    say "  ok    $1"
}

not_pass() { # NAME [FILE with what it said]
    failed=$((failed + 1))
    say "  FAIL  $1"
    printf '  FAIL  %s\n' "$1" >>"$FAILURES"
    if [[ -s ${2:-} ]]; then
        tail -n 200 "$2" | sed 's/^/        | /'
        tail -n 25 "$2" | cut -c 1-300 | sed 's/^/        | /' >>"$FAILURES"
        cp "$2" "$LOGS/$(tr -c 'A-Za-z0-9_\n-' _ <<<"$1").log"
    fi
}

# Once more at the end, as what failed may stand far above it.
repeat_failures() {
    [[ -s $FAILURES ]] || return 0
    say "== failed"
    cat "$FAILURES"
}

# check NAME COMMAND...: a test that is a command; it passes when that exits 0. It runs on its own
# and not as a condition, so that in a function the first command that fails ends it.
check() {
    local name=$1 status=0
    shift
    (set -e && "$@") >"$scratch/check" 2>&1 </dev/null &
    wait $! || status=$?
    if ((status == 0)); then pass "$name"; else not_pass "$name" "$scratch/check"; fi
}

# run_binary PATH: a cmocka program. Each of its tests is counted, and a crash, a time-out or a
# test it promised and never ran is a failure of its own.
run_binary() {
    local name=${1##*/} log=$scratch/log status=0
    CMOCKA_MESSAGE_OUTPUT=TAP setsid timeout -k 5 "$BINARY_SECONDS" "$1" >"$log" 2>&1 </dev/null &
    running=$!
    wait "$running" || status=$?
    end_binary
    count_tap "$name" "$log"
    if ((status == 0 && tap_silent > 0)); then
        not_pass "$name: $tap_silent of its tests gave no result" "$log"
    elif ((status != 0 && tap_failed == 0)); then
        not_pass "$name: $(describe_exit "$status")" "$log"
    fi
    if ((tap_failed)); then cp "$log" "$LOGS/$name.log"; fi
}

# count_tap NAME FILE: "1..2" is the plan, "ok 1 - x" and "not ok 2 - y" are results, "# reason" lines follow a
# failure, and what else a test said stands before its result. A child's line without an end may stand in front
# of a result in the same line.
count_tap() {
    local line plan=0 seen=0 notes=$scratch/notes failure=
    tap_failed=0
    : >"$notes"
    while IFS= read -r line || [[ -n $line ]]; do
        if [[ -n $failure && $line != "# "* ]]; then
            not_pass "$failure" "$notes"
            failure=
            : >"$notes"
        fi
        if [[ $plan == 0 && $line =~ ^1\.\.[0-9]+$ ]]; then
            plan=${line#1..}
        elif [[ $line == *"not ok $((seen + 1)) - "* ]]; then
            seen=$((seen + 1)) tap_failed=$((tap_failed + 1))
            failure="$1: ${line#*"not ok $seen - "}"
        elif [[ $line == *"ok $((seen + 1)) - "* ]]; then
            seen=$((seen + 1))
            pass "$1: ${line#*"ok $seen - "}"
            : >"$notes"
        else
            printf '%s\n' "$line" >>"$notes"
        fi
    done <"$2"
    if [[ -n $failure ]]; then not_pass "$failure" "$notes"; fi
    tap_silent=$((plan - seen))
    if ((seen < plan)); then say "        $((plan - seen)) of its $plan tests did not run"; fi
}

describe_exit() { # STATUS
    if (($1 == 124 || $1 == 137)); then
        echo "took longer than $BINARY_SECONDS s"
    elif (($1 > 128)); then
        echo "died of signal $(($1 - 128))"
    else
        echo "exit status $1"
    fi
}

# End the test program that runs, and whatever it started and left: they are one process group.
end_binary() {
    [[ -n ${running:-} ]] || return 0
    kill -KILL -- "-$running" 2>/dev/null || true
    running=
}
