# The outages among the integration tests at length: a minute each is longer than every time-out,
# session, lease and transaction.
# shellcheck shell=bash

suite_outages() {
    BINARY_SECONDS=1200
    shared_stack || return 0
    KPK_OUTAGE_SECONDS=60 run_binary build/release/tests/integration/test_twitter_outage
    test_stack_down
    if test_stack_up BROKERS=3 SCALE=small; then
        KPK_OUTAGE_SECONDS=60 run_binary build/release/tests/integration/test_broker_loss_min_isr
    else
        not_pass "a stack of 3 brokers comes up" "$scratch/up"
    fi
}
