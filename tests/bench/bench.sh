# What each measurement begins and ends with: its options, a folder of its own, what was wrong, the table. The
# script that sources this has set BENCH, its path, whose lines 3 to 7 say how it is used; SECONDS_EACH, the default;
# and AT_END, functions that end what it left running.
# shellcheck shell=bash

json='' against=''
scratch=$(mktemp -d)
LOGS=build/bench-logs
failed=0              # as tests/runner/ counts

# shellcheck source=deploy/native/ui.sh
source deploy/native/ui.sh
source tests/runner/stack_under_test.sh
source tests/bench/figures.sh

finish() {
    local status=$? end
    trap - EXIT
    for end in "${AT_END[@]}"; do "$end"; done
    test_stack_down
    rm -rf "$scratch"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

wrong() { # WHAT: shown at once, counted to the end
    failed=$((failed + 1))
    if [[ -n ${STEP_NAME:-} ]]; then clear_line; fi
    printf '  WRONG       %s\n' "$1"
}

same() { [[ $2 == "$3" ]] || wrong "$1: $3, must be $2"; } # WHAT EXPECTED FOUND

options() {
    while (($#)); do
        case $1 in
        --seconds | --json | --against) (($# > 1)) || fail "$1 needs a value" ;;
        *) sed -n '3,7s/^# \{0,1\}//p' "$BENCH" >&2 && exit 2 ;;
        esac
        case $1 in
        --seconds) SECONDS_EACH=$2 ;;
        --json) json=$2 ;;
        --against) against=$2 ;;
        esac
        shift 2
    done
    [[ $SECONDS_EACH =~ ^[1-9][0-9]{0,2}$ ]] || fail "--seconds $SECONDS_EACH: it is a number from 1 to 999"
    [[ -z $against || -r $against ]] || fail "--against $against: there is no such file"
    [[ -z $json ]] || : >>"$json" || fail "--json $json: it cannot be written"
}

bench_begin() { # what the script was called with
    options "$@"
    mkdir -p "$LOGS"
    machine=$(describe_machine)
    unset "${!KPK_@}" "${!PG@}" BROKERS SCALE PROFILE
}

# bench_end GOOD: the figures, and what became of the ratios; false if something was wrong, else it says GOOD
bench_end() {
    say "" "Measured on $machine:" ""
    figures_table
    figures_json >"$scratch/now.json"
    if [[ -n $against ]]; then
        say "" "Each ratio, against $against:" ""
        figures_against "$against" "$scratch/now.json"
    fi
    [[ -z $json ]] || cp "$scratch/now.json" "$json"
    say "" "$( ((failed)) && echo "$failed things were wrong" || echo "$1")"
    ((failed == 0))
}
