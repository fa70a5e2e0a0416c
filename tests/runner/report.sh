# Results: a line per test, counted; and how a test program is run.
# shellcheck shell=bash

pass() { # NAME
    passed=$((passed + 1))
    say "  ok    $1"
}

not_pass() { # NAME [FILE with what it said]
    failed=$((failed + 1))
    say "  FAIL  $1"
    if [[ -s ${2:-} ]]; then
        tail -n 200 "$2" | sed 's/^/        | /'
        cp "$2" "$LOGS/$(tr -c 'A-Za-z0-9_\n-' _ <<<"$1").log"
    fi
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
    local name=${1##*/} tap=$scratch/tap log=$scratch/log status=0
    CMOCKA_MESSAGE_OUTPUT=TAP setsid timeout -k 5 "$BINARY_SECONDS" "$1" >"$tap" 2>"$log" </dev/null &
    running=$!
    wait "$running" || status=$?
    end_binary
    count_tap "$name" "$tap"
    if ((status == 0 && tap_silent > 0)); then
        not_pass "$name: $tap_silent of its tests gave no result" "$tap"
    elif ((status != 0 && tap_failed == 0)); then
        cat "$tap" "$log" >"$scratch/all"
        not_pass "$name: $(describe_exit "$status")" "$scratch/all"
    elif ((tap_failed)); then
        cp "$log" "$LOGS/$name.log"
        tail -n 60 "$log" | sed 's/^/        | /'
    fi
}

# count_tap NAME FILE: "ok 1 - x", "not ok 2 - y" with "# reason" lines before it, and the plan.
count_tap() {
    local line plan=0 seen=0 notes=$scratch/notes
    tap_failed=0
    : >"$notes"
    while IFS= read -r line; do
        case $line in
        1..*) plan=${line#1..} ;;
        "ok "*)
            seen=$((seen + 1))
            pass "$1: ${line#ok * - }"
            : >"$notes"
            ;;
        "not ok "*)
            seen=$((seen + 1)) tap_failed=$((tap_failed + 1))
            not_pass "$1: ${line#not ok * - }" "$notes"
            : >"$notes"
            ;;
        *) printf '%s\n' "$line" >>"$notes" ;;
        esac
    done <"$2"
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
