# The soaks: everything is killed and hangs while users post, or are told things. Long, so they are no part of
# `make test`, which has the short forms among the integration tests: make soak-twitter [TWEETS=10000],
# make soak-notification [NOTIFICATIONS=10000]. Each is run once more on programs that lack a guarantee
# (tests/naive/), and must then show what is lost.
# shellcheck shell=bash

suite_soak_twitter() {
    local settings="KPK_SOAK_TWEETS=${TWEETS:-10000}"
    soak twitter "with the guarantees" build/bin "$settings"
    soak twitter "with the commit before the effect, and dual writes" build/naive/bin "$settings" KPK_SOAK_NAIVE=1
}

suite_soak_notification() {
    local settings=("KPK_SOAK_NOTIFICATIONS=${NOTIFICATIONS:-10000}" KPK_SOAK_SERVERS=1)
    soak notification "with retries and dead letters" build/bin "${settings[@]}"
    soak notification "without patterns/retry-dlq" build/naive/bin "${settings[@]}" KPK_SOAK_NAIVE=1
}

soak() { # SYSTEM NAME BIN SETTING...
    local status=0 name="soak of $1, $2"
    rm -f "$scratch/soak.status"
    say "  -- $name"
    export KPK_BIN=$PWD/$3
    if test_stack_up BROKERS=3 SCALE=small PROFILE="$1"; then
        pass "a stack of 3 brokers comes up"
        # Its own exit decides, not the word of the filter behind it.
        {
            env "${@:4}" "build/release/tests/integration/test_$1_soak" 2>&1 || echo $? >"$scratch/soak.status"
        } | tee "$scratch/soak" | grep --line-buffered -v -e '^\[' -e ' ERROR librdkafka ' || true
        [[ ! -e $scratch/soak.status ]] || status=1
        if ((status == 0)); then pass "$name"; else not_pass "$name" "$scratch/soak"; fi
    else
        not_pass "a stack of 3 brokers comes up" "$scratch/up"
    fi
    test_stack_down
}
