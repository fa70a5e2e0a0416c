# How the scripts talk: one calm line per step, with the time it took; errors say what to do.
# shellcheck shell=bash

say() { printf '%s\n' "$@"; } # LINE...
warn() { printf 'warning: %s\n' "$*" >&2; }

# fail WHAT [MORE...]: the first line says what is wrong, the others what to do about it.
fail() {
    if [[ -n ${STEP_NAME:-} ]]; then clear_line; fi
    printf 'error: %s\n' "$1" >&2
    shift
    if (($#)); then printf '       %s\n' "$@" >&2; fi
    exit "${FAIL_STATUS:-1}"
}

# Milliseconds of a clock that nobody sets.
now_ms() {
    local up
    read -r up _ </proc/uptime
    printf '%s' "$((10#${up/./} * 10))"
}

clear_line() { if [[ -t 1 ]]; then printf '\r\033[K'; fi; }

# step NAME ... step_note "waiting for x" ... step_done "what is true now"
step() {
    STEP_NAME=$1
    STEP_START=$(now_ms)
    step_note ''
}

step_note() {
    if [[ -t 1 ]]; then printf '\r\033[K  %-11s %s' "$STEP_NAME" "$1"; fi
}

step_done() {
    local took=$(($(now_ms) - STEP_START))
    clear_line
    printf '  %-11s %-58s %5d.%d s\n' "$STEP_NAME" "$1" $((took / 1000)) $((took % 1000 / 100))
    STEP_NAME=
}

# run_logged LOG COMMAND...: quiet; when it fails, the end of its log is shown.
run_logged() {
    local log=$1
    shift
    if "$@" >"$log" 2>&1 </dev/null; then return 0; fi
    clear_line
    printf 'error: this failed: %s\n       the end of %s:\n' "$*" "$log" >&2
    tail -n 25 "$log" | sed 's/^/       | /' >&2
    return 1
}
