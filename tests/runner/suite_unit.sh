# Unit tests: no server; built with the address and undefined-behaviour sanitizers.
# shellcheck shell=bash

suite_unit() {
    local source name
    for source in tests/unit/test_*.c; do run_binary "build/fuzz/${source%.c}"; done
    for source in tests/fuzz/fuzz_*.c; do
        name=$(basename "$source" .c)
        check "$name: every input of its corpus" "build/fuzz/${source%.c}" "tests/fuzz/corpus/$name"/*
    done
}
