# Whether a process is ready, and the table that says so.
# shellcheck shell=bash

is_ready() { # NAME
    case ${GROUP_OF[$1]}:$1 in
    kafka:*) broker_ready "$1" ;;
    *:postgres) postgres_ready ;;
    *:redis) redis_ready ;;
    *) [[ $(service_answer "$1") == 200* ]] ;;
    esac
}

# service_answer NAME -> status and body of its /readyz: "200 ...", "503 ...", "000" for silence
service_answer() {
    local body
    body=$(curl -s -m 2 -w '\n%{http_code}' "http://127.0.0.1:${PORT_OF[$1]}/readyz" || true)
    echo "${body##*$'\n'} $(head -c 200 <<<"${body%$'\n'*}" | tr -s '\n' ' ')"
}

why_not_ready() { # NAME
    local answer
    if [[ ${GROUP_OF[$1]} != service ]]; then
        echo "port ${PORT_OF[$1]} does not answer"
        return
    fi
    answer=$(service_answer "$1")
    if [[ $answer == 000* ]]; then answer="port ${PORT_OF[$1]} does not answer"; fi
    # A problem document (RFC 9457): the sentence in it is what a person wants.
    sed -E 's/^503 .*"detail": ?"([^"]*)".*/\1/' <<<"$answer"
}

# Memory of a process and its children in MB, shared pages counted once (PSS).
memory_mb() { # PID
    local files=() pid
    for pid in "$1" $(pgrep -P "$1" || true); do files+=("/proc/$pid/smaps_rollup"); done
    awk '/^Pss:/ { kb += $2 } END { printf "%.0f", kb / 1024 }' "${files[@]}" 2>/dev/null || true
}

# process_row NAME ROWS: sets 'state', 'pid' and 'uptime' from what supervisorctl said of it; pid and
# uptime are - unless it runs
process_row() {
    state=UNKNOWN pid=- uptime=-
    read -r _ state _ pid _ uptime < <(grep "^$(full_name "$1") " <<<"$2") || true
    pid=${pid%,}
    [[ $state == RUNNING ]] || pid=- uptime=-
}

cmd_status() {
    local name state pid uptime ready total=0 memory bad=0 rows
    settings_load
    processes_load
    supervisor_pid >/dev/null || fail "the stack in $STATE does not run" "run: make up"
    rows=$(ctl status || true)
    printf '%-22s %7s  %-9s %9s %6s %8s  %s\n' PROCESS PID STATE UPTIME PORT MEMORY READY
    for name in "${PROCESSES[@]}"; do
        process_row "$name" "$rows"
        memory=0 ready=no
        if [[ $state == RUNNING ]]; then
            memory=$(memory_mb "$pid")
            ready=yes
            is_ready "$name" || ready="no: $(why_not_ready "$name")"
        fi
        [[ $ready == yes ]] || bad=1
        total=$((total + memory))
        printf '%-22s %7s  %-9s %9s %6s %5d MB  %s\n' "$name" "$pid" "$state" "$uptime" \
            "${PORT_OF[$name]}" "$memory" "$ready"
    done
    printf '%-22s %46d MB\n' "all" "$total"
    return "$bad"
}
