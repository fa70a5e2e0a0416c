# What the processes of a stack use: CPU time and memory, from /proc.
# shellcheck shell=bash

# stack_processes -> "NAME PID MEMORY-MB" lines of those that run; a server's children count as its own
stack_processes() { { "$STACK" status || true; } | awk 'NR > 1 && $3 == "RUNNING" { print $1, $2, $6 }'; }

# cpu_ms PID: of the process, its children, and those that it had; 0 if there is none
cpu_ms() {
    local files=("/proc/$1/stat") pid
    [[ -e /proc/$1/stat ]] || { echo 0 && return; }
    for pid in $(pgrep -P "$1" || true); do files+=("/proc/$pid/stat"); done
    # The name, in parentheses, may hold spaces. The children that are gone are the first one's alone.
    awk -v hertz="$(getconf CLK_TCK)" '
        { sub(/^.*\) /, ""); ticks += $12 + $13; if (NR == 1) ticks += $14 + $15 }
        END { printf "%.0f", ticks * 1000 / hertz }' "${files[@]}" 2>/dev/null || true
}

declare -A CPU_FROM # pid -> its CPU time when cpu_start was called

# What follows speaks of the processes that run now. It may take seconds: each is asked whether it is ready.
processes_look() { PROCESSES_NOW=$(stack_processes); }

# From here on.
cpu_start() {
    local name pid memory
    CPU_FROM=()
    while read -r name pid memory; do CPU_FROM[$pid]=$(cpu_ms "$pid"); done <<<"$PROCESSES_NOW"
}

# cpu_end -> "NAME MILLISECONDS" lines since cpu_start; processes of one kind together, as outbox-relay
cpu_end() {
    local name pid memory
    while read -r name pid memory; do
        echo "${name%-[0-9]*} $(($(cpu_ms "$pid") - CPU_FROM[$pid]))"
    done <<<"$PROCESSES_NOW" | awk '
        !($1 in sum) { order[++kinds] = $1 }
        { sum[$1] += $2 }
        END { for (i = 1; i <= kinds; i++) print order[i], sum[order[i]] }'
}

# cpu_of KIND <what cpu_end said
cpu_of() { awk -v kind="$1" '$1 == kind { print $2 }'; }
