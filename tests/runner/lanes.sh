# Lanes of suites at the same time, each on stacks of its own: what needs a stack waits most of its time,
# for servers to start and for groups to find that a member died.
# shellcheck shell=bash

# in_lanes "SUITE SUITE" "SUITE"...: one after the other in each lane, the lanes beside each other.
in_lanes() {
    local lane
    for lane in "$@"; do
        LANE=${#lanes[@]}
        lane "$lane" &
        lanes+=("$!")
    done
    for lane in "${!lanes[@]}"; do
        # Without a count it was killed, or a script failed: its tests are not known to be well.
        wait "${lanes[lane]}" || true
        if read -r lane_passed lane_failed <"$scratch/lane$lane/count"; then
            passed=$((passed + lane_passed)) failed=$((failed + lane_failed))
        else
            not_pass "lane $((lane + 1)) ends"
        fi
    done
    lanes=()
}

lane() { # "SUITE SUITE"
    local suites=$1
    scratch=$scratch/lane$LANE
    mkdir "$scratch"
    lanes=() passed=0 failed=0
    trap finish EXIT
    trap 'exit 130' INT TERM HUP
    # shellcheck disable=SC2086 # a list of words
    run_suites $suites
    echo "$passed $failed" >"$scratch/count.new"
    mv "$scratch/count.new" "$scratch/count"
    exit 0
}

end_lanes() {
    if ((${#lanes[@]} == 0)); then return 0; fi
    kill "${lanes[@]}" 2>/dev/null || true
    wait "${lanes[@]}" || true
}
