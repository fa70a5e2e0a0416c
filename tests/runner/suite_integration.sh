# Integration tests: against a real stack of one broker and a tenth of the partitions, the same for all of
# them. Those that lose one of three brokers are in suite_brokers.sh; what abuses the HTTP services, thousands
# of connections at once, in suite_abuse.sh; the load generator in suite_load.sh; notifications, retries and
# dead letters in suite_notification.sh.
# shellcheck shell=bash

suite_integration() {
    shared_stack || return 0
    # shellcheck disable=SC2046 # a list of words
    run_sources $(ls tests/integration/test_*.c | grep -v -e test_broker_loss -e test_http_abuse -e test_loadgen \
        -e test_notification -e test_retry -e test_kpk_dlq -e test_kpk_tiers)
}

run_sources() { # SOURCE...
    local source
    for source in "$@"; do run_binary "build/release/${source%.c}"; done
}
