# What is wrong with this machine or this stack, and what to do about it: a line each, ok, warn or
# bad. Nothing is installed, built, started or changed. A tool that is missing is a finding and not a
# failure, and every question has a bound: what hangs is a finding too.
#
#   machine   what is installed and built, and is there room?   doctor_machine.sh
#   stack     its folder, its ports, its processes              doctor_stack.sh
#   cluster   Kafka, PostgreSQL and Redis, from inside          kpk doctor
#
# A stack that runs is looked at as it was started, else as `make up` would start it now.
# shellcheck shell=bash disable=SC2034 # used by the files named above

declare -A FOUND=([ok]=0 [warn]=0 [bad]=0)
ADVICE=''  # all that was given
SECTION='' # the one that is printed
CLUSTER_SECONDS=15 # kpk doctor has bounds of its own, which are lower

cmd_doctor() {
    set +e +o pipefail # a command that fails is a finding here, and never the end
    if ! settings_doctor; then
        look_at_machine
    else
        look_at_machine
        look_at_room
        look_at_stack
        look_at_cluster
    fi
    sum_up
    ((FOUND[bad] == 0))
}

# Settings that are refused are the first finding, and what depends on them is not looked at.
# Sets RUNS, the pid of the supervisor or nothing, and LEFT, how many processes are there without one.
settings_doctor() {
    local said
    RUNS='' LEFT=0
    if ! said=$( (settings_state && doctor_settings && processes_load) 2>&1); then
        section settings
        refused settings "$said" "give another value: on make's command line, or in the environment"
        return 1
    fi
    settings_state
    doctor_settings
    processes_load
}

doctor_settings() {
    RUNS=$(supervisor_pid) || LEFT=$(stack_pids | wc -l)
    if [[ -r $SETTINGS ]] && ((${RUNS:-0} + LEFT)); then settings_load; else settings_ask; fi
}

# --- what is printed ---

section() { # NAME
    ((FOUND[ok] + FOUND[warn] + FOUND[bad] == 0)) || echo
    echo "$1"
    SECTION=$1
}

# finding LEVEL ABOUT TEXT [WHAT TO DO...]
finding() {
    local line before
    FOUND[$1]=$((FOUND[$1] + 1))
    printf -v before '  %-4s  %-12s  ' "$1" "$2"
    while IFS= read -r line; do
        printf '%s%s\n' "$before" "${line% }"
        printf -v before '%22s' ''
    done < <(fold -s -w 78 <<<"$3")
    shift 3
    (($# == 0)) || advice "$@"
}

# A command is not folded: it is there to be copied.
advice() { # LINE...
    printf '                      -> %s\n' "$@"
    ADVICE+=" $*"
}

# refused ABOUT SAID [WHAT TO DO]: what fail() said is a finding; its further lines are what to do.
refused() {
    local lines=()
    mapfile -t lines <<<"$2"
    lines=("${lines[@]#error: }")
    lines=("${lines[@]#       }")
    if ((${#lines[@]} == 1)) && (($# == 3)); then lines+=("$3"); fi
    finding bad "$1" "${lines[@]}"
}

sum_up() {
    echo
    if ((FOUND[bad])); then
        echo "${FOUND[bad]} bad, ${FOUND[warn]} warn, ${FOUND[ok]} ok: begin with the first that is bad"
    elif ((FOUND[warn])); then
        echo "nothing is bad: ${FOUND[warn]} warn, ${FOUND[ok]} ok"
    else
        echo "all is well: ${FOUND[ok]} ok"
    fi
    name_stack
}

# The commands above, copied into a shell, are about the stack that this shell names: which is that?
name_stack() {
    local words=() pair
    [[ -n ${STATE_FITS:-} && $ADVICE == *make* ]] || return 0
    [[ $STATE == "$(default_state)" ]] || words+=("KPK_STATE=$STATE")
    if [[ $ADVICE == *"make up"* ]]; then # it asks the environment alone
        [[ $BROKERS == 3 ]] || ((OWN_KAFKA)) || words+=("BROKERS=$BROKERS")
        [[ $SCALE == guide ]] || words+=("SCALE=$SCALE")
        [[ $PROFILE == "$(all_systems)" ]] || words+=("PROFILE=$PROFILE")
        [[ $OFFSET == 0 ]] || words+=("KPK_PORT_OFFSET=$OFFSET")
        [[ -z $NAMESPACE ]] || words+=("KPK_NAMESPACE=$NAMESPACE")
        ((!OWN_KAFKA)) || words+=("KPK_BOOTSTRAP_SERVERS=$SERVERS")
        ((!OWN_REDIS)) || words+=("KPK_REDIS_URL=${REDIS_URL/%*@*/redis://:...@${REDIS_URL##*@}}") # no password
        ((!OWN_PG)) || for pair in "${PG_ENV[@]}"; do
            [[ $pair == PGPASSWORD=* ]] || words+=("$pair")
        done
    fi
    if ((${#words[@]})); then
        printf 'these commands are for a shell with: export'
        for pair in "${words[@]}"; do printf ' %s=%q' "${pair%%=*}" "${pair#*=}"; done
        echo
    fi
    if [[ $ADVICE == *build/bin/kpk* || $ADVICE == *psql* ]]; then
        echo "build/bin/kpk and psql get the addresses from: eval \"\$(make -s env)\""
    fi
}

# --- the cluster ---

look_at_cluster() {
    local environment system part line args=() without
    without=$(not_to_be_asked | paste -sd ' ')
    [[ -n $RUNS ]] || ((OWN_KAFKA)) || return 0
    if [[ ! -x $BIN/kpk ]]; then
        cluster_line "  warn  kpk           the cluster is not looked at: build/bin/kpk is not there"
        advice "make build"
        return
    fi
    settings_environment environment
    for system in $PROFILE; do args+=(--system "$system"); done
    for part in $without; do args+=(--without "$part"); done
    ((OWN_KAFKA)) || args+=(--brokers "$BROKERS")
    while IFS= read -r line; do
        cluster_line "$line"
    done < <(env "${environment[@]}" "KPK_STACK_ENV=$(bundled_addresses)" \
        timeout -k 2 "$CLUSTER_SECONDS" "$BIN/kpk" doctor "${args[@]}" 2>&1 || echo "status $?")
}

# One line of kpk doctor, which speaks as this does.
cluster_line() {
    [[ $1 == "status "* || $SECTION == cluster ]] || section cluster
    case $1 in
    "  ok  "* | "  warn"* | "  bad "*)
        local level=${1:2:4} about=${1:8:12}
        finding "${level%% *}" "${about%%  *}" "${1:22}"
        ;;
    "                      -> "*) advice "${1#* -> }" ;;
    "status 1" | "kpk doctor: "*" bad, "*) ;; # the sum is ours
    "status 124") finding bad kpk "kpk doctor did not end within $CLUSTER_SECONDS s" "build/bin/kpk doctor --wait 30" ;;
    "status "*) finding bad kpk "kpk doctor ended with $1" "build/bin/kpk doctor, once more" ;;
    *) printf '%22s%s\n' '' "$1" ;;
    esac
}

# What is down, and said to be; and what cannot be well before the services run.
not_to_be_asked() {
    local name kafka=$OWN_KAFKA
    for name in "${PROCESSES[@]}"; do
        if [[ ${GROUP_OF[$name]} == kafka && -n $RUNS && -z ${DOWN[$name]:-} ]]; then kafka=1; fi
    done
    ((kafka)) || echo kafka
    for name in postgres redis; do
        if [[ -n ${GROUP_OF[$name]:-} ]] && { [[ -z $RUNS ]] || [[ -n ${DOWN[$name]:-} ]]; }; then echo "$name"; fi
    done
    [[ -n $RUNS ]] || printf '%s\n' topics groups outbox
}
