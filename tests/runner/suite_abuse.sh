# Abuse of Twitter's HTTP services; 10,000 requests are a short form of some 15 s:
# make abuse-twitter [KPK_ABUSE_REQUESTS=300000] [KPK_TEST_SEED=<of a run before>]
# shellcheck shell=bash

# Taken before tests/run forgets what the environment says of other stacks.
ABUSE_REQUESTS=${KPK_ABUSE_REQUESTS:-300000}
ABUSE_SEED=${KPK_TEST_SEED:-}

suite_abuse() {
    shared_stack || return 0
    KPK_ABUSE_REQUESTS=$ABUSE_REQUESTS KPK_TEST_SEED=$ABUSE_SEED \
        build/release/tests/integration/test_http_abuse 2>&1 | tee "$scratch/abuse" | grep -v '^\[' || true
    if grep -q '\[  PASSED  \]' "$scratch/abuse" && ! grep -q '\[  FAILED  \]' "$scratch/abuse"; then
        pass "abuse of the HTTP services"
    else
        not_pass "abuse of the HTTP services" "$scratch/abuse"
    fi
}
