# The processes of this stack: the servers that are bundled, and deploy/services unfolded.
# shellcheck shell=bash disable=SC2034 # used by the files that source this one

PROCESSES=()         # names, in the order they are shown
declare -A GROUP_OF  # name -> kafka, data or service
declare -A SYSTEM_OF # name -> of which system, or "servers"
declare -A PORT_OF   # name -> its first port
declare -A COMMAND   # name of a service -> its command line, each word quoted
declare -A CHANGED   # name -> set when it must be started anew to be what was asked for

add_process() { # NAME GROUP PORT [SYSTEM]
    [[ -z ${GROUP_OF[$1]:-} ]] || fail "deploy/services: two processes are called $1"
    PROCESSES+=("$1")
    GROUP_OF[$1]=$2
    PORT_OF[$1]=$3
    SYSTEM_OF[$1]=${4:-servers}
}

processes_load() {
    local i
    if ((!OWN_KAFKA)); then
        for ((i = 1; i <= BROKERS; i++)); do add_process "broker-$i" kafka "$(broker_port "$i")"; done
    fi
    if ((!OWN_PG)); then add_process postgres data "$PG_PORT"; fi
    if ((!OWN_REDIS)); then add_process redis data "$REDIS_PORT"; fi

    local name system program procs consumers port options members
    while read -r name system program procs consumers port options; do
        [[ -n $name && $name != \#* && " $PROFILE " == *" $system "* ]] || continue
        [[ $procs =~ ^[1-9]$ && $consumers =~ ^(-|[1-9][0-9]*)$ && $port =~ ^[0-9]+$ ]] ||
            fail "deploy/services: row $name: procs, consumers and port are numbers"
        if [[ $consumers != - && $SCALE == small ]]; then consumers=$procs; fi
        [[ $consumers == - ]] || ((consumers >= procs)) ||
            fail "deploy/services: row $name: fewer consumers than processes"
        for ((i = 1; i <= procs; i++)); do
            # The first processes take what is left over: 3 over 2 are 2 and 1.
            members=$consumers
            if [[ $consumers != - ]]; then members=$((consumers / procs + (i <= consumers % procs))); fi
            add_service "$name$( ((procs == 1)) || echo "-$i")" "$BIN/$program" "$((port + i - 1 + OFFSET))" \
                "$members" "$options" "$system"
        done
    done <"$KIT/deploy/services"
}

add_service() { # NAME PROGRAM PORT CONSUMERS OPTIONS SYSTEM
    local other
    for other in "${PROCESSES[@]}"; do
        [[ ${PORT_OF[$other]} != "$3" ]] || fail "deploy/services: $1 and $other share port $3"
    done
    add_process "$1" service "$3" "$6"
    COMMAND[$1]=$(printf '%q' "$2")
    if [[ $4 != - ]]; then COMMAND[$1]+=" --consumers $4"; fi
    if [[ -n $5 ]]; then COMMAND[$1]+=" $5"; fi
}

# names_of GROUP -> a line each
names_of() {
    local name
    for name in "${PROCESSES[@]}"; do
        if [[ ${GROUP_OF[$name]} == "$1" ]]; then echo "$name"; fi
    done
}

known() { # NAME
    [[ -n ${GROUP_OF[$1]:-} ]] || fail "there is no process \"$1\"; there are: ${PROCESSES[*]}"
}

# put FILE [MODE] <text: true if the file changed by it. Never half written.
put() {
    cat >"$1.new"
    chmod "${2:-644}" "$1.new"
    if cmp -s "$1" "$1.new"; then
        rm "$1.new"
        return 1
    fi
    mv "$1.new" "$1"
}

mark_changed() { CHANGED[$1]=1; } # NAME

# fill TEMPLATE KEY=VALUE... : the text with each @KEY@ replaced
fill() {
    local script=() pair
    for pair in "${@:2}"; do script+=(-e "s|@${pair%%=*}@|${pair#*=}|g"); done
    sed "${script[@]}" "$1"
}

# Every process is started by a script of its own, run/NAME: it can be read, and run by hand.
# put_run NAME MODE COMMENT COMMAND [NAME=VALUE...]
put_run() {
    local name=$1 mode=$2 comment=$3 command=$4 pair
    shift 4
    {
        printf '#!/bin/bash\n# %s; made by deploy/native/stack\n' "$comment"
        for pair in "$@"; do printf 'export %s=%q\n' "${pair%%=*}" "${pair#*=}"; done
        printf 'exec %s\n' "$command"
    } | put "$STATE/run/$name" "$mode" || return 0
    mark_changed "$name"
}

# The services' scripts. The program's size and time stand in the comment: a program that was
# built anew makes another script, and so a restart.
services_prepare() {
    local name program environment
    settings_environment environment
    while read -r name; do
        program=${COMMAND[$name]%% *}
        [[ -x $program ]] || fail "$program is not there" "run: make build"
        put_run "$name" 700 "$(stat -c '%n: %s bytes of %y' "$program")" "${COMMAND[$name]}" \
            "${environment[@]}" "KPK_HTTP_PORT=${PORT_OF[$name]}"
    done < <(names_of service)
}
