# Three brokers, of which one is lost.
# shellcheck shell=bash

suite_brokers() {
    if test_stack_up BROKERS=3 SCALE=small; then
        pass "a stack of 3 brokers comes up"
        run_sources tests/integration/test_broker_loss*.c
    else
        not_pass "a stack of 3 brokers comes up" "$scratch/up"
    fi
    test_stack_down
}
