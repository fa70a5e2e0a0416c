# The soaks: everything is killed and hangs while users post. Long, so they are no part of `make test`,
# which has the short form among the integration tests: make soak-twitter [TWEETS=10000]
# shellcheck shell=bash

SOAK=build/release/tests/integration/test_twitter_soak
SOAK_TWEETS=${TWEETS:-10000}

suite_soak() {
    soak "with the guarantees" KPK_BIN="$PWD/build/bin" KPK_SOAK_NAIVE=0
    soak "with the commit before the effect, and dual writes" KPK_BIN="$PWD/build/naive/bin" KPK_SOAK_NAIVE=1
}

soak() { # NAME BIN NAIVE
    local status=0
    say "  -- $1"
    export "$2" "$3"
    if test_stack_up BROKERS=3 SCALE=small; then
        pass "a stack of 3 brokers comes up"
        KPK_SOAK_TWEETS=$SOAK_TWEETS "$SOAK" 2>&1 | tee "$scratch/soak" | grep -v '^\[' || true
        grep -q '\[  PASSED  \]' "$scratch/soak" || status=1
        if ((status == 0)); then pass "soak $1"; else not_pass "soak $1" "$scratch/soak"; fi
    else
        not_pass "a stack of 3 brokers comes up" "$scratch/up"
    fi
    test_stack_down
}
