# Unit tests: no server; built with the address and undefined-behaviour sanitizers.
# shellcheck shell=bash

suite_unit() {
    local source
    for source in tests/unit/test_*.c; do run_binary "build/asan/${source%.c}"; done
}
