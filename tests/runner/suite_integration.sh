# Integration tests: against a real stack. One broker and a tenth of the partitions for all of
# them, three brokers only for those that lose one (test_broker_loss*). What abuses the HTTP
# services, thousands of connections at once, is a suite of its own: suite_abuse.sh.
# shellcheck shell=bash

suite_integration() {
    if test_stack_up BROKERS=3 SCALE=small; then
        pass "a stack of 3 brokers comes up"
        run_sources tests/integration/test_broker_loss*.c
    else
        not_pass "a stack of 3 brokers comes up" "$scratch/up"
    fi
    test_stack_down
    shared_stack || return 0
    run_sources $(ls tests/integration/test_*.c | grep -v -e test_broker_loss -e test_http_abuse)
}

run_sources() { # SOURCE...
    local source
    for source in "$@"; do run_binary "build/release/${source%.c}"; done
}
