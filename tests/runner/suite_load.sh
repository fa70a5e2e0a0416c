# The load generator, against the stack of one broker: short runs that are judged, and never by their speed.
# shellcheck shell=bash

suite_load() {
    shared_stack || return 0
    run_sources tests/integration/test_loadgen.c tests/integration/test_loadgen_services.c
}
