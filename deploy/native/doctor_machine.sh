# The machine: what is installed, what is built, and is there room for it?
# shellcheck shell=bash

# Resident, measured: a broker after the demo, and everything else of the default stack together.
BROKER_MB=230
OTHERS_MB=180

look_at_machine() {
    section machine
    look_at_system
    look_at_packages
    look_at_compiler
    look_at_librdkafka
    look_at_java
    look_at_jars
    look_at_programs
    look_at_files
}

look_at_system() {
    local id version name
    # shellcheck source=/dev/null
    read -r id version name < <(source /etc/os-release 2>/dev/null && echo "$ID ${VERSION_ID:--} ${PRETTY_NAME:-$ID}")
    name="${name:-unknown}, $(uname -m), $(nproc) cores"
    if [[ "${id:-} ${version:-}" == "debian 12" ]]; then
        finding ok system "$name"
    else
        finding warn system "$name: the kit is tried on Debian 12" \
            "deploy/packages lists what it needs; PostgreSQL is looked for in $PG_BIN"
    fi
}

# --- installed ---

look_at_packages() {
    local needed test
    MISSING=
    if ! command -v dpkg-query >/dev/null; then
        finding warn packages "dpkg is missing: what is installed cannot be told" \
            "install by hand what deploy/packages lists"
        return
    fi
    needed=$("$NATIVE/packages.sh" --missing build run | paste -sd ' ')
    test=$("$NATIVE/packages.sh" --missing test | paste -sd ' ')
    MISSING=" $needed $test "
    if [[ -n $needed ]]; then
        if may_install; then
            finding warn packages "missing, to build and run: $needed" \
                "make up installs them; without make up: deploy/native/packages.sh build run"
        else
            finding bad packages "missing, to build and run: $needed" "$(as_root deploy/native/packages.sh build run)"
        fi
    fi
    if [[ -n $test ]]; then
        finding warn packages "missing, for make test: $test" \
            "$( (may_install && echo deploy/native/packages.sh test) || as_root deploy/native/packages.sh test)"
    fi
    [[ -n $needed$test ]] || finding ok packages "all $(grep -o '^[a-z][^ ]*' "$KIT/deploy/packages" | sort -u | wc -l) of deploy/packages"
}

may_install() { ((EUID == 0)) || sudo -n true 2>/dev/null; }

as_root() { # COMMAND...
    if command -v sudo >/dev/null; then echo "sudo $*"; else echo "as root: $*"; fi
}

is_missing() { [[ ${MISSING:-} == *" $1 "* ]]; } # PACKAGE: said already

look_at_compiler() {
    local cc=${CC:-cc} version
    if ! command -v "$cc" >/dev/null; then
        is_missing gcc || finding bad compiler "$cc is not in PATH" "name one: make CC=<compiler>"
    elif ! "$cc" -std=gnu17 -fsyntax-only -x c /dev/null 2>/dev/null; then
        finding bad compiler "$cc does not know C17 (-std=gnu17)" "name a newer one: make CC=<compiler>"
    else
        version=$("$cc" --version 2>/dev/null | head -n 1)
        finding ok compiler "$version"
    fi
}

look_at_librdkafka() {
    local chosen version machines tested least named where now="the machine's own" anew="rm build/deps/librdkafka.mk; make build"
    read -r chosen version machines tested least named < \
        <("$NATIVE/librdkafka.sh" --which "$KIT/build/deps/librdkafka.mk" 2>/dev/null)
    where="$version, the machine's own (pkg-config)"
    if [[ ${chosen:-} == built ]]; then
        where="$version, built into build/deps, as the machine has $([[ $machines == - ]] && echo none || echo "$machines") and $least is needed"
        now="the one in build/deps"
    fi
    if [[ ${chosen:-none} == none && ${version:--} != - ]]; then
        finding bad librdkafka "$version in build/deps is older than $least" "$anew (builds a newer one)"
    elif [[ ${chosen:-none} == none ]]; then
        finding warn librdkafka "not there yet$([[ ${machines:--} == - ]] || echo "; the machine's own $machines is older than $least")" \
            "make build fetches its source from Debian and builds it, once"
    elif [[ $named != - && $named != "$chosen" ]]; then
        finding warn librdkafka "the programs are built with another one than would be chosen now: $now" "$anew"
    elif [[ $tested != tested ]]; then
        finding warn librdkafka "$where: not tested with the kit; deploy/librdkafka lists what is" \
            "make test tells whether it does"
    else
        finding ok librdkafka "$where"
    fi
}

look_at_java() {
    local line version
    ((!${OWN_KAFKA:-0})) || return 0
    if ! command -v java >/dev/null; then
        is_missing openjdk-17-jre-headless || finding bad java "java is not in PATH" "the package openjdk-17-jre-headless has one"
        return
    fi
    line=$(timeout 5 java -version 2>&1 | grep -m 1 version)
    [[ $line =~ \"([0-9]+)([^\"]*)\" ]]
    version=${BASH_REMATCH[1]:-0}
    if ((version >= 17)); then
        finding ok java "${BASH_REMATCH[1]}${BASH_REMATCH[2]}"
    else
        finding bad java "${line:-java -version says nothing}; Kafka needs 17 or newer" \
            "put a newer java first in PATH: the package is openjdk-17-jre-headless"
    fi
}

# --- built ---

look_at_jars() {
    local jars=$KIT/build/deps/kafka
    ((!${OWN_KAFKA:-0})) || return 0
    if [[ ! -e $jars/.complete ]]; then
        finding warn "kafka jars" "not fetched yet" "make up fetches them (43 MB), once"
    elif ! cmp -s "$KIT/deploy/broker/pom.xml" "$jars/pom.xml"; then
        finding warn "kafka jars" "those of Apache Kafka $(cat "$jars/.complete"); the kit has another by now" \
            "make up fetches the new ones"
    else
        finding ok "kafka jars" "Apache Kafka $(cat "$jars/.complete")"
    fi
}

look_at_programs() {
    local program missing=()
    while read -r program; do
        [[ -x $BIN/$program ]] || missing+=("$program")
    done < <(echo kpk && awk '/^[a-z]/ { print $3 }' "$KIT/deploy/services" | sort -u)
    if ((${#missing[@]})) && [[ ! -w $KIT ]]; then
        finding bad programs "not built yet, and $KIT, where build/ would be, is not yours to write to" \
            "use a checkout of your own"
    elif ((${#missing[@]})); then
        finding warn programs "not built yet: ${missing[*]}" "make up builds them; without make up: make build"
    else
        finding ok programs "built"
    fi
}

# --- room ---

look_at_files() {
    local limit
    limit=$(ulimit -Hn)
    if [[ $limit != unlimited ]] && ((limit < 4096)); then
        finding "$( ((limit < 1024)) && echo bad || echo warn)" "open files" \
            "a process may have $limit; brokers and databases want 4096" \
            "raise the hard limit (ulimit -Hn): /etc/security/limits.conf, then log in anew"
    else
        finding ok "open files" "$limit for a process"
    fi
}

look_at_room() {
    look_at_memory
    look_at_disk
}

size() { # MB
    if (($1 >= 10240)); then
        echo "$(($1 / 1024)) GB"
    elif (($1 >= 1024)); then
        echo "$(($1 / 1024)).$(($1 % 1024 * 10 / 1024)) GB"
    else
        echo "$1 MB"
    fi
}

meminfo() { awk -v key="$1:" '$1 == key { print int($2 / 1024) }' /proc/meminfo; } # KEY -> MB

# What a new process may have: of the machine, and of the control group that this runs in, where
# what is cached can be given back.
available_mb() {
    local mb limit used cached group=/sys/fs/cgroup
    mb=$(meminfo MemAvailable)
    if limit=$(cat "$group/memory.max" 2>/dev/null) && [[ $limit =~ ^[0-9]+$ ]]; then
        used=$(cat "$group/memory.current")
        cached=$(awk '$1 == "inactive_file" { print $2 }' "$group/memory.stat")
        limit=$(((limit - used + cached) / 1048576))
        if ((limit < mb)); then mb=$limit; fi
    fi
    echo "$mb"
}

look_at_memory() {
    local available need=$OTHERS_MB what swap=$(($(meminfo SwapTotal) - $(meminfo SwapFree)))
    available=$(available_mb)
    ((OWN_KAFKA)) || need=$((need + BROKERS * BROKER_MB))
    what="$(size "$available") available; the stack $([[ -n $RUNS ]] && echo took || echo takes) about $(size $need)"
    if ((swap > 256)); then what+="; $(size $swap) are swapped out"; fi
    # One that runs has its memory already: what is left is for its growth.
    if [[ -n $RUNS ]]; then need=$((need / 4)); fi
    if ((available < need)); then
        finding bad memory "$what" "end something large$( ((BROKERS == 1 || OWN_KAFKA)) || echo ", or make do with one broker: BROKERS=1 make up")"
    elif ((available < need * 3 / 2)); then
        finding warn memory "$what: little is left for load" "end something large$( ((BROKERS == 1 || OWN_KAFKA)) || echo ", or make do with one broker: BROKERS=1 make up")"
    else
        finding ok memory "$what"
    fi
}

# The nearest folder above FILE that is there.
there_above() {
    local folder=$1
    until [[ -d $folder ]]; do folder=$(dirname "$folder"); done
    echo "$folder"
}

free_mb() { df -Pm -- "$1" 2>/dev/null | awk 'NR == 2 { print $4 }'; } # FOLDER

look_at_disk() {
    local data build
    data=$(free_mb "$(there_above "$STATE")")
    build=$(free_mb "$KIT")
    if [[ -z $data || -z $build ]]; then
        finding warn disk "df does not tell what is free"
        return
    fi
    if ((data < 1024)); then
        finding bad disk "$(size "$data") free for data, in $STATE: Kafka, PostgreSQL and Redis stop on a full disk" \
            "make room, or choose another folder: KPK_STATE=<folder> make up"
    elif ((data < 5120)); then
        finding warn disk "$(size "$data") free for data, in $STATE: enough to begin with" \
            "make room, or choose another folder: KPK_STATE=<folder> make up"
    fi
    if ((build < 500)); then
        finding warn disk "$(size "$build") free for build/, in $KIT; make test wants 500 MB" "make room"
    fi
    ((data < 5120 || build < 500)) ||
        finding ok disk "$(size "$data") free for data, $(size "$build") for build/"
}
