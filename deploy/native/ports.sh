# Ports: found to be taken before anything starts, with the name of who holds them.
# shellcheck shell=bash

EXIT_PORT_TAKEN=3 # so that the tests, which look for free ports, can tell it from other errors

# port_owner LISTENERS PORT -> "pid 12 (redis-server)", "somebody", or nothing if it is free
port_owner() {
    awk -v port="$2" '
        $4 !~ ":" port "$" { next }
        { host = $4; sub(/:[0-9]+$/, "", host) }
        host !~ /^(127\.0\.0\.[0-9]+|0\.0\.0\.0|\*|\[::\]|\[::ffff:127.*\])(%.*)?$/ { next }
        match($0, /\("[^"]*",pid=[0-9]+/) {
            split(substr($0, RSTART + 2, RLENGTH - 2), part, /",pid=/)
            print part[2], part[1]; exit
        }
        { print "0 a process of another user"; exit }' <<<"$1"
}

# taken_ports -> "NAME PORT PID PROGRAM" lines: the ports that somebody else holds; pid 0: he cannot
# be told
taken_ports() {
    local listeners ours name port pid program
    listeners=$(ss -Hltnp)
    ours=" $(stack_pids | paste -sd ' ') "
    while read -r name port; do
        read -r pid program < <(port_owner "$listeners" "$port") || continue
        [[ $ours == *" $pid "* ]] || echo "$name $port $pid $program"
    done < <(all_ports)
}

# Every port of the stack must be free, or held by this stack itself.
check_ports() {
    local name port pid program taken=()
    while read -r name port pid program; do
        taken+=("port $port (for $name) is held by $(describe_owner "$pid" "$program")")
    done < <(taken_ports)
    ((${#taken[@]} == 0)) || FAIL_STATUS=$EXIT_PORT_TAKEN \
        fail "${taken[0]}" "${taken[@]:1}" "nothing was started; KPK_PORT_OFFSET=100 moves all ports of the kit by 100"
}

describe_owner() { # PID PROGRAM
    local command
    if (($1 == 0)); then
        echo "$2"
    else
        command=$(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | sed 's/ *$//' || true)
        echo "$2, pid $1${command:+ (${command:0:60})}"
    fi
}

all_ports() { # -> "NAME PORT" lines
    local name
    for name in "${PROCESSES[@]}"; do
        echo "$name ${PORT_OF[$name]}"
        if [[ ${GROUP_OF[$name]} == kafka ]]; then echo "$name $(controller_port "${name#broker-}")"; fi
        if [[ $name == smtp-sink ]]; then echo "$name $(smtp_port)"; fi
    done
}

# Bounded: a process that hangs may have a full queue of connections that it did not take.
# shellcheck disable=SC2016 # the inner shell's own
is_open() { timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1"' - "$1" 2>/dev/null; } # PORT
