# A stack of the tests' own: a new state folder, and ports that nobody uses.
# shellcheck shell=bash

STACK=$PWD/deploy/native/stack
LANE=0 # see lanes.sh
STACK_PROFILE=

# test_stack_up SETTING=VALUE...: exports what the tests need to find it.
test_stack_up() {
    local slot status
    KPK_STATE=$(mktemp -d "${TMPDIR:-/tmp}/kpk-test.XXXXXX")
    chmod 755 "$KPK_STATE" # PostgreSQL may run as another user
    export KPK_STATE KPK_TEST_STACK=$STACK
    # All ports stay below 32768, where the kernel takes ports for outgoing connections from. Two runs, or
    # lanes, that begin at the same moment would both find the same ports free, so each begins to look elsewhere.
    for slot in {0..30}; do
        export KPK_PORT_OFFSET=$((4000 + ($$ + 15 * LANE + slot) % 31 * 300))
        status=0
        env "$@" "$STACK" up >"$scratch/up" 2>&1 || status=$?
        ((status == EXIT_PORT_TAKEN)) || break
    done
    ((status == 0)) || return 1
    set -a
    eval "$("$STACK" env)"
    set +a
}

# The stack of one broker that most suites use, with the systems that they need: started by the first of them, it
# stays for the next that needs the same.
shared_stack() { # [SYSTEM...]
    local profile="${*:-twitter}"
    if [[ -n ${KPK_STATE:-} ]]; then
        [[ $STACK_PROFILE != "$profile" ]] || return 0
        test_stack_down
    fi
    STACK_PROFILE=$profile
    if ! test_stack_up BROKERS=1 SCALE=small PROFILE="$profile"; then
        not_pass "a stack of 1 broker comes up" "$scratch/up"
        test_stack_down
        return 1
    fi
    pass "a stack of 1 broker comes up"
}

# The tests kill services and the supervisor starts them again, so that a crash would pass for a kill: but no test
# sends one of these signals.
no_service_crashed() {
    if grep -shE 'terminated by SIG(SEGV|ABRT|BUS|ILL|FPE)' "$KPK_STATE/logs/supervisord.log"* >"$scratch/crashes"; then
        not_pass "no service of the stack crashed" "$scratch/crashes"
    fi
}

test_stack_down() {
    [[ -n ${KPK_STATE:-} ]] || return 0
    "$STACK" down >"$scratch/down" 2>&1 || cat "$scratch/down"
    no_service_crashed
    if ((failed)); then cp -r "$KPK_STATE/logs" "$LOGS/stack-$(basename "$KPK_STATE")" 2>/dev/null || true; fi
    "$STACK" clean-data >/dev/null 2>&1 || true
    unset "${!KPK_@}" "${!PG@}"
}

EXIT_PORT_TAKEN=3 # as deploy/native/ports.sh has it
