# Debian's supervisor, with a configuration and a socket of its own. It starts every process
# again when it ends, without end: with startsecs=0 it tries about once a second.
# shellcheck shell=bash

# Seconds after which a process that was told to stop is killed.
declare -A STOP_SECONDS=([service]=10 [kafka]=15 [data]=15)
# Groups are stopped one after the other, the highest priority first, each group's members together.
declare -A PRIORITY=([data]=100 [kafka]=200 [service]=900)

supervisor_conf() {
    local name group
    cat <<EOF
; made by deploy/native/stack
[unix_http_server]
file = $STATE/run/supervisor.sock
chmod = 0700

[supervisord]
logfile = $STATE/logs/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 1
pidfile = $STATE/run/supervisord.pid
childlogdir = $STATE/logs
directory = $STATE
minfds = $(file_limit)
$( ((EUID)) || echo "user = root")

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://$STATE/run/supervisor.sock
EOF
    for group in data kafka service; do
        [[ -n $(names_of "$group") ]] || continue
        printf '\n[group:%s]\nprograms = %s\npriority = %s\n' "$group" \
            "$(names_of "$group" | paste -sd ,)" "${PRIORITY[$group]}"
    done
    for name in "${PROCESSES[@]}"; do program_conf "$name" "${GROUP_OF[$name]}"; done
}

program_conf() { # NAME GROUP
    cat <<EOF

[program:$1]
command = $STATE/run/$1
autostart = $([[ $2 == service ]] && echo false || echo true)
autorestart = true
startsecs = 0
startretries = 1000000
stopsignal = $([[ $1 == postgres ]] && echo INT || echo TERM)
stopwaitsecs = ${STOP_SECONDS[$2]}
redirect_stderr = true
stdout_logfile = $STATE/logs/$1.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 1
$(if [[ $1 == postgres ]] && ((EUID == 0)); then echo "user = postgres"; fi)
EOF
}

# Brokers and databases keep many files open: as many as this user may have, within reason.
file_limit() {
    local hard
    hard=$(ulimit -Hn)
    if [[ $hard == unlimited ]] || ((hard > 65536)); then hard=65536; fi
    echo "$hard"
}

ctl() { supervisorctl -c "$STATE/run/supervisord.conf" "$@"; }

# Start it, or give a running one what changed.
supervisor_up() {
    local changed=0 name pid
    supervisor_conf | put "$STATE/run/supervisord.conf" 600 && changed=1
    if ! supervisor_pid >/dev/null; then
        end_orphans 15
        rm -f "$STATE"/run/supervisor.sock* "$STATE/run/supervisord.pid"
        # A clean environment: nothing of this shell's reaches the processes by chance. The lock's
        # descriptor is closed, or the supervisor would hold the lock for ever.
        env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 "KPK_STACK=$STATE" \
            supervisord -c "$STATE/run/supervisord.conf" >"$STATE/logs/supervisord.start" 2>&1 9>&- </dev/null ||
            fail "supervisord did not start" "$(tail -n 5 "$STATE/logs/supervisord.start")"
        CHANGED=()
        return 0
    fi
    if ((changed)); then ctl update >/dev/null; fi
    for name in "${PROCESSES[@]}"; do
        [[ ${GROUP_OF[$name]} != service ]] || continue
        if [[ -n ${CHANGED[$name]:-} ]]; then
            ctl restart "$(full_name "$name")" >/dev/null
        fi
    done
    # What already runs is no error.
    ctl start 'data:*' 'kafka:*' >"$STATE/logs/servers.start" 2>&1 || true
}

full_name() { echo "${GROUP_OF[$1]}:$1"; } # NAME

services_up() {
    local name changed=()
    while read -r name; do
        if [[ -n ${CHANGED[$name]:-} ]]; then changed+=("service:$name"); fi
    done < <(names_of service)
    if ((${#changed[@]})); then ctl restart "${changed[@]}" >/dev/null; fi
    ctl start 'service:*' >"$STATE/logs/services.start" 2>&1 || true
}

# Groups in order, each within its bound; then whatever is left, whoever its parent is.
supervisor_down() {
    local pid deadline=$(($(now_ms) + 50000))
    if pid=$(supervisor_pid); then
        kill -TERM "$pid"
        while kill -0 "$pid" 2>/dev/null && (($(now_ms) < deadline)); do sleep 0.1; done
        kill -KILL "$pid" 2>/dev/null || true
    fi
    end_orphans 10
    rm -f "$STATE"/run/supervisor.sock* "$STATE/run/supervisord.pid"
}
