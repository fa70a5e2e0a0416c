# Who belongs to this stack: every process of it carries KPK_STACK=<state folder> in its
# environment, so it is found again even when its supervisor was killed, and never by its name.
# shellcheck shell=bash

# pids, a line each. PostgreSQL's children overwrite their environment with a title; they end
# with their parent.
stack_pids() {
    local file
    { grep -lszxF "KPK_STACK=$STATE" /proc/[0-9]*/environ || true; } | while IFS=/ read -r _ _ file _; do
        echo "$file"
    done
}

# supervisor_pid: true, and prints it, if this stack's supervisor runs. A pid file alone proves
# nothing: it may be of another boot.
supervisor_pid() {
    local pid
    pid=$(cat "$STATE/run/supervisord.pid" 2>/dev/null) && [[ $pid =~ ^[0-9]+$ ]] &&
        grep -qszxF "KPK_STACK=$STATE" "/proc/$pid/environ" && echo "$pid"
}

# End what a supervisor that died left behind: it would hold the ports and the data.
end_orphans() { # SECONDS until KILL
    local pids deadline=$(($(now_ms) + $1 * 1000)) signal=TERM
    while pids=$(stack_pids) && [[ -n $pids ]]; do
        if (($(now_ms) > deadline)); then signal=KILL; fi
        # shellcheck disable=SC2086 # a list of words
        if [[ $signal != "${sent:-}" ]]; then kill -s "$signal" $pids 2>/dev/null || true; fi
        local sent=$signal
        sleep 0.1
    done
}
