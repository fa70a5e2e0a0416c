# Integration tests: against a real stack. One broker and a tenth of the partitions for all of
# them, three brokers only for those that lose one (test_broker_loss*).
# shellcheck shell=bash

suite_integration() {
    integration_with 1 test_ test_broker_loss
    integration_with 3 test_broker_loss ''
}

# integration_with BROKERS PREFIX BUT_NOT
integration_with() {
    local path binaries=()
    for path in build/release/tests/integration/"$2"*; do
        [[ -x $path && $path != *.* ]] || continue
        [[ -n $3 && ${path##*/} == "$3"* ]] || binaries+=("$path")
    done
    ((${#binaries[@]})) || return 0
    if ! test_stack_up "BROKERS=$1" SCALE=small; then
        not_pass "a stack of $1 broker(s) comes up" "$scratch/up"
    else
        pass "a stack of $1 broker(s) comes up"
        for path in "${binaries[@]}"; do run_binary "$path"; done
    fi
    test_stack_down
}
