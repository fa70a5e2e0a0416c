# Integration tests: against a real stack. One broker and a tenth of the partitions for all of
# them, three brokers only for those that lose one (test_broker_loss*).
# shellcheck shell=bash

suite_integration() {
    integration_with 1 test_ test_broker_loss
    integration_with 3 test_broker_loss ''
}

# integration_with BROKERS PREFIX BUT_NOT
integration_with() {
    local source binary binaries=()
    for source in tests/integration/"$2"*.c; do
        [[ -e $source ]] || continue
        [[ -n $3 && ${source##*/} == "$3"* ]] || binaries+=("build/release/${source%.c}")
    done
    ((${#binaries[@]})) || return 0
    if ! test_stack_up "BROKERS=$1" SCALE=small; then
        not_pass "a stack of $1 broker(s) comes up" "$scratch/up"
    else
        pass "a stack of $1 broker(s) comes up"
        for binary in "${binaries[@]}"; do run_binary "$binary"; done
    fi
    test_stack_down
}
