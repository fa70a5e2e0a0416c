# The measurements, as `make bench-twitter`, `make bench-notification` and `make bench-peers` run them. Their figures
# depend on the machine, so they are no part of `make test`: they pass when nothing was lost, invented or refused.
# shellcheck shell=bash

suite_bench() {
    check "the whole system under load: nothing lost, invented or refused" tests/bench/twitter
    check "the notification system under load: each delivered once on each channel" tests/bench/notification
    check "the load generator beside its peers: nothing lost or refused" tests/bench/peers
}
