# The outages among the integration tests at length: a minute each is longer than every time-out,
# session, lease and transaction.
# shellcheck shell=bash

suite_outages() {
    BINARY_SECONDS=1200
    export KPK_OUTAGE_SECONDS=60
    integration_with 1 test_twitter_outage ''
    export KPK_OUTAGE_SECONDS=60 # the stack's end took it
    integration_with 3 test_broker_loss_min_isr ''
}
