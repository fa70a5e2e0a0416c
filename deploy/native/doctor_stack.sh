# The stack: its folder, its ports, its processes.
# shellcheck shell=bash disable=SC2034 # used by doctor.sh, and set by process_row

declare -A DOWN # name of a process -> set when it does not answer, and that was said

OFTEN=3 # times that a process ends by itself within OFTEN_MINUTES are a warning
OFTEN_MINUTES=10

look_at_stack() {
    section stack
    if look_at_state; then look_at_supervisor up; else look_at_supervisor; fi
    look_at_ports
    [[ -z $RUNS ]] || look_at_processes
}

# --- folder ---

# Sets STATE_FITS unless another folder is needed.
# returns  whether `make up` could use it
look_at_state() {
    local said above made="not made yet"
    STATE_FITS=
    if ! said=$(state_check 2>&1); then
        refused state "$said"
        return 1
    fi
    above=$(there_above "$STATE")
    if [[ ! -w $above ]]; then
        finding bad state "the state folder $STATE cannot be made: $above is not yours to write to" \
            "choose another: KPK_STATE=<folder> make up"
        return 1
    fi
    if ((EUID == 0 && !OWN_PG)) && id postgres >/dev/null 2>&1 && ! as_postgres test -x "$above" 2>/dev/null; then
        finding bad state "PostgreSQL runs as the user postgres, who cannot reach $above: a folder above it is closed to others" \
            "choose another: KPK_STATE=<folder> make up"
        return 1
    fi
    STATE_FITS=1
    if ((!OWN_KAFKA)) && ! said=$(brokers_check_made_for 2>&1); then
        refused state "$said"
        return 1
    fi
    if [[ -e $STATE/kafka/made-for ]]; then
        made="made for BROKERS=$(cut -d ' ' -f 1 "$STATE/kafka/made-for")"
    elif [[ -e $MARKER ]]; then
        made="of the kit, and yours"
    fi
    finding ok state "$STATE, $made"
}

# --- does it run? ---

look_at_supervisor() { # [up: it could]
    local as up="make up"
    as="$(servers_summary); SCALE=$SCALE KPK_PORT_OFFSET=$OFFSET PROFILE=\"$PROFILE\""
    (($#)) || up="first what is bad above; then: make up"
    if [[ -n $RUNS ]]; then
        finding ok stack "it runs: $as"
    elif ((LEFT)); then
        finding bad stack "its supervisor ended, and left $LEFT processes alone: what ends now is not started again" "make up"
    elif [[ -r $SETTINGS ]]; then
        finding warn stack "it is down; make up starts $as" "$up"
    else
        finding warn stack "it never ran; make up starts $as" "$up"
    fi
}

# --- ports ---

look_at_ports() {
    local name port pid program range taken=0
    range="$(all_ports | wc -l) from $(port_numbers | head -n 1) to $(port_numbers | tail -n 1)"
    if ! command -v ss >/dev/null; then
        look_at_ports_blindly "$range"
        return
    fi
    while read -r name port pid program; do
        taken=1
        finding bad ports "port $port (for $name) is held by $(describe_owner "$pid" "$program")" \
            "$(free_port "$pid" "$program")"
    done < <(taken_ports)
    ((taken)) || finding ok ports "$range, $( ((${RUNS:-0} + LEFT)) && echo "none held by anybody else" || echo "all free")"
}

port_numbers() { all_ports | awk '{ print $2 }' | sort -n; }

free_port() { # PID PROGRAM
    local or
    or=$(other_ports)
    if (($1)); then
        echo "kill $1 ends $2${or:+; or $or}"
    else
        echo "doctor as root can name it${or:+; or $or}"
    fi
}

# A quorum keeps the ports that it was made with, and a stack that runs has its own.
other_ports() {
    [[ -n $RUNS || -e $STATE/kafka/made-for ]] || echo "move all ports: KPK_PORT_OFFSET=$((OFFSET + 100)) make up"
}

# Without ss: only whether somebody answers. Of a stack that runs that says nothing.
look_at_ports_blindly() { # RANGE
    local name port or taken=()
    ((${RUNS:-0} + LEFT == 0)) || return 0
    while read -r name port; do
        if is_open "$port"; then taken+=("$port (for $name)"); fi
    done < <(all_ports)
    or=$(other_ports)
    if ((${#taken[@]})); then
        finding bad ports "held by somebody: ${taken[*]}" "ss, of the package iproute2, tells by whom${or:+; or $or}"
    else
        finding ok ports "$1, nobody answers there"
    fi
}

# --- processes ---

look_at_processes() {
    local rows probes name state pid uptime well=0
    rows=$(timeout 5 supervisorctl -c "$STATE/run/supervisord.conf" status 2>/dev/null)
    if [[ $rows != *:* ]]; then
        finding bad processes "the supervisor, pid $RUNS, does not tell of them" \
            "$(is_frozen "$RUNS" && echo "kill -CONT $RUNS" || echo "make down, then make up")"
        return
    fi
    probes=$(probe_all "$rows")
    ENDS=$(recent_ends)
    for name in "${PROCESSES[@]}"; do
        process_row "$name" "$rows"
        if look_at_process "$name" "$state" "$pid" "$(sed -n "s/^$name //p" <<<"$probes")"; then
            well=$((well + 1))
        fi
    done
    ((well < ${#PROCESSES[@]})) || finding ok processes "all ${#PROCESSES[@]} run, and are ready"
}

# All at once, as those that hang are only known by the time they take: "NAME yes", "NAME no: why"
probe_all() { # ROWS
    local name state pid uptime
    for name in "${PROCESSES[@]}"; do
        process_row "$name" "$1"
        if [[ $state == RUNNING ]] && ! is_frozen "$pid"; then probe "$name" & fi
    done
    wait
}

probe() { # NAME
    local tool
    case ${GROUP_OF[$1]}:$1 in
    *:postgres) tool=$PG_BIN/pg_isready ;;
    *:redis) tool=redis-cli ;;
    service:*) tool=curl ;;
    *) tool=true ;;
    esac
    if ! command -v "$tool" >/dev/null; then
        is_open "${PORT_OF[$1]}" && echo "$1 yes" || echo "$1 no: port ${PORT_OF[$1]} does not answer"
    elif is_ready "$1"; then
        echo "$1 yes"
    else
        echo "$1 no: $(why_not_ready "$1")"
    fi
}

# "NAME COUNT REASON": who ended by itself within the last minutes, as the supervisor logged it.
recent_ends() {
    local since
    since=$(env -u TZ date -d "-$OFTEN_MINUTES minutes" '+%F %T')
    awk -v since="$since" '
        $4 != "exited:" || $1 " " $2 < since { next }
        {
            name = $5
            count[name]++
            sub(/^[^(]*\(/, ""); sub(/; (not )?expected\)$/, "")
            reason[name] = $0
        }
        END { for (name in count) print name, count[name], reason[name] }' "$STATE/logs/supervisord.log" 2>/dev/null
}

is_frozen() { # PID
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) && stat=${stat##*) } && [[ ${stat:0:1} == T ]]
}

# returns  whether nothing had to be said of it
look_at_process() { # NAME STATE PID READY
    local name=$1 times reason why logs="make logs S=$1"
    read -r times reason < <(sed -n "s/^$name //p" <<<"$ENDS")
    if [[ $2 == STOPPED ]]; then
        finding bad processes "$name is stopped" "make restart S=$name"
    elif [[ $2 != RUNNING ]]; then
        finding bad processes "$name does not run (${2,,})${reason:+; the last time: $reason}" "$logs tells why"
    elif is_frozen "$3"; then
        finding bad processes "$name, pid $3, is held by a signal (SIGSTOP)" "kill -CONT $3"
    elif [[ $4 != yes ]]; then
        why=${4#no: }
        finding bad processes "$name is not ready: ${why#not ready: }" "$(mend_unready "$name")"
    elif ((${times:-0} >= OFTEN)); then
        finding warn processes "$name is ready, but ended $times times within $OFTEN_MINUTES minutes: $reason" "$logs tells why"
        return 1
    else
        return 0
    fi
    DOWN[$name]=1
    return 1
}

# A service waits for its servers, and goes on by itself.
mend_unready() { # NAME
    local name
    if [[ ${GROUP_OF[$1]} != service ]]; then
        echo "make restart S=$1; make logs S=$1 tells more"
        return
    fi
    for name in "${!DOWN[@]}"; do
        if [[ ${GROUP_OF[$name]} != service ]]; then
            echo "nothing, if it waits for what is bad above: it goes on by itself"
            return
        fi
    done
    echo "make logs S=$1 tells more"
}
