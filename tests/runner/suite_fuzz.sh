# Fuzzers: each target for FUZZ_SECONDS with inputs made from its corpus, one on each core. An input
# that breaks a target is kept in build/test-logs: it belongs into the corpus, beside the fix.
# shellcheck shell=bash

FUZZ_SECONDS=${FUZZ_SECONDS:-4}
FUZZ_SEED=${FUZZ_SEED:-$((RANDOM * 32768 + RANDOM + 1))}
declare -A fuzzing=() # pid -> name

suite_fuzz() {
    local source
    say "   FUZZ_SECONDS=$FUZZ_SECONDS FUZZ_SEED=$FUZZ_SEED"
    for source in tests/fuzz/fuzz_*.c; do
        ((${#fuzzing[@]} < $(nproc))) || await_fuzzer
        fuzz "$(basename "$source" .c)" &
        fuzzing[$!]=$(basename "$source" .c)
    done
    while ((${#fuzzing[@]})); do await_fuzzer; done
}

fuzz() { # NAME
    mkdir "$scratch/$1.new"
    exec timeout -k 5 $((FUZZ_SECONDS + 60)) "build/fuzz/tests/fuzz/$1" \
        -max_total_time="$FUZZ_SECONDS" -seed="$FUZZ_SEED" -max_len=2048 -timeout=25 \
        -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="$LOGS/$1." "$scratch/$1.new" "tests/fuzz/corpus/$1" \
        >"$scratch/$1.log" 2>&1 </dev/null
}

await_fuzzer() { # the next that ends
    local pid status=0 name
    wait -n -p pid "${!fuzzing[@]}" || status=$?
    name=${fuzzing[$pid]}
    unset "fuzzing[$pid]"
    if ((status == 0)); then
        pass "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/$name.log") inputs"
    else
        not_pass "$name" "$scratch/$name.log"
    fi
}

end_fuzzers() {
    if ((${#fuzzing[@]})); then kill "${!fuzzing[@]}" 2>/dev/null || true; fi
}
