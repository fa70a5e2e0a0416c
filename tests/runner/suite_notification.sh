# The notification system, and what it is for: retries and dead letters. Integration tests as the others, on a stack
# that runs this system alone.
# shellcheck shell=bash

suite_notification() {
    shared_stack notification || return 0
    # shellcheck disable=SC2046 # a list of words
    run_sources $(ls tests/integration/test_{kpk_dlq,kpk_tiers,notification,retry}*.c)
}
