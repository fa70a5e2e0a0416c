# Unit tests: no server; built with the address and undefined-behaviour sanitizers.
# shellcheck shell=bash

suite_unit() {
    local binary_path
    for binary_path in build/asan/tests/unit/test_*; do
        if [[ -x $binary_path && ! -d $binary_path && $binary_path != *.* ]]; then run_binary "$binary_path"; fi
    done
}
