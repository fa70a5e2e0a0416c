# What was asked for: read, checked, and remembered for the commands that come later.
# shellcheck shell=bash disable=SC2034 # used by the files that source this one

KIT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
NATIVE=$KIT/deploy/native
BIN=${KPK_BIN:-$KIT/build/bin} # the tests have programs of another build

# The libpq variables that are passed on when PostgreSQL is the user's own.
LIBPQ=(PGHOST PGHOSTADDR PGPORT PGUSER PGPASSWORD PGPASSFILE PGDATABASE PGSERVICE PGSSLMODE
    PGSSLROOTCERT PGSSLCERT PGSSLKEY PGOPTIONS PGCONNECT_TIMEOUT)

default_state() {
    if ((EUID == 0)); then
        echo /var/lib/kafka-pattern-kit
    else
        echo "${XDG_STATE_HOME:-$HOME/.local/state}/kafka-pattern-kit"
    fi
}

# Where data and logs are. The only setting that every command needs.
settings_state() {
    STATE=${KPK_STATE:-$(default_state)}
    STATE=${STATE%/}
    [[ $STATE =~ ^/[A-Za-z0-9._/+@=,-]+$ ]] ||
        fail "KPK_STATE=$STATE: it must be an absolute path of letters, digits and . _ - + @ = ,"
    # A UNIX socket below it has 107 bytes for its path.
    ((${#STATE} <= 80)) || fail "KPK_STATE=$STATE: longer than 80 characters, too long for the sockets in it"
    [[ ! -L $STATE ]] || STATE=$(readlink -f "$STATE")
    MARKER=$STATE/.kafka-pattern-kit
    SETTINGS=$STATE/settings
}

all_systems() { awk '/^[a-z]/ && !seen[$2]++ { print $2 }' "$KIT/deploy/services" | paste -sd ' '; }

# What the environment (or make's command line) asks for.
settings_ask() {
    BROKERS=${BROKERS:-3}
    SCALE=${SCALE:-guide}
    OFFSET=${KPK_PORT_OFFSET:-0}
    NAMESPACE=${KPK_NAMESPACE:-}
    local systems
    systems=$(all_systems)
    PROFILE=${PROFILE:-$systems}

    [[ $BROKERS == 1 || $BROKERS == 3 ]] || fail "BROKERS=$BROKERS: it is 1 or 3"
    [[ $SCALE == guide || $SCALE == small ]] || fail "SCALE=$SCALE: it is guide or small"
    [[ $OFFSET =~ ^[0-9]{1,5}$ ]] && ((10#$OFFSET <= 40000)) ||
        fail "KPK_PORT_OFFSET=$OFFSET: it is a number from 0 to 40000"
    OFFSET=$((10#$OFFSET))
    # As topology/topology.c has it, which says the last word.
    [[ $NAMESPACE =~ ^([a-z][a-z0-9_]*)?$ ]] ||
        fail "KPK_NAMESPACE=$NAMESPACE: it is a lower-case letter, then lower-case letters, digits and _"
    local system
    for system in $PROFILE; do
        [[ " $systems " == *" $system "* ]] ||
            fail "PROFILE=\"$PROFILE\": there is no system \"$system\"; there are: $systems"
    done
    settings_ports
    settings_servers
}

settings_ports() {
    PG_PORT=$((15432 + OFFSET))
    REDIS_PORT=$((16379 + OFFSET))
    local i bundled=()
    for ((i = 1; i <= BROKERS; i++)); do bundled+=("127.0.0.1:$(broker_port "$i")"); done
    BUNDLED_SERVERS=$(IFS=, && echo "${bundled[*]}")
}

broker_port() { echo $((19090 + 2 * $1 + OFFSET)); }          # NUMBER, from 1
controller_port() { echo $((19091 + 2 * $1 + OFFSET)); }      # NUMBER
smtp_port() { echo $((18112 + OFFSET)); }                     # of smtp-sink, beside its HTTP port
smtp_url() { echo "smtp://127.0.0.1:$(smtp_port)"; }
gateway_url() { echo "http://127.0.0.1:$((18110 + OFFSET))"; } # of provider-simulator, in deploy/services

# Servers of the user's own replace the bundled ones.
settings_servers() {
    local name
    OWN_KAFKA=0 OWN_PG=0 OWN_REDIS=0
    SERVERS=$BUNDLED_SERVERS REDIS_URL=redis://127.0.0.1:$REDIS_PORT PG_ENV=()
    if users_own "${KPK_BOOTSTRAP_SERVERS:-}"; then OWN_KAFKA=1 SERVERS=$KPK_BOOTSTRAP_SERVERS; fi
    if users_own "${KPK_REDIS_URL:-}"; then OWN_REDIS=1 REDIS_URL=$KPK_REDIS_URL; fi
    if users_own "${PGHOST:+$PGHOST:${PGPORT:-}}"; then
        OWN_PG=1
        for name in "${LIBPQ[@]}"; do
            [[ -z ${!name:-} ]] || PG_ENV+=("$name=${!name}")
        done
    else
        PG_ENV=(PGHOST=127.0.0.1 "PGPORT=$PG_PORT" PGUSER=kpk PGDATABASE=kpk)
    fi
    PROVIDER_ENV=()
    provider_from KPK_SMTP_URL "$(smtp_url)"
    provider_from KPK_SMS_URL "$(gateway_url)"
    provider_from KPK_PUSH_URL "$(gateway_url)"
    KAFKA_ENV=()
    while IFS= read -r name; do
        KAFKA_ENV+=("$name=${!name}")
    done < <(compgen -e | grep -E '^KPK_(KAFKA_[A-Z0-9_]+|LOG_LEVEL|LOG_FORMAT|PUSH_LIMIT)$' || true)
}

# Where notifications leave the house: the user's own provider, or the one that is bundled.
provider_from() { # NAME BUNDLED
    if users_own "${!1:-}"; then PROVIDER_ENV+=("$1=${!1}"); else PROVIDER_ENV+=("$1=$2"); fi
}

# In a shell that took `make env` the addresses of a bundled stack are set, and KPK_STACK_ENV tells
# which they are: those are not the user's own.
users_own() { [[ -n $1 && " ${KPK_STACK_ENV:-} " != *" $1 "* ]]; } # ADDRESS

# The value of KPK_STACK_ENV: the addresses of those servers that are bundled.
bundled_addresses() {
    echo "$( ((OWN_KAFKA)) || echo "$SERVERS") $( ((OWN_PG)) || echo "127.0.0.1:$PG_PORT") $( ((OWN_REDIS)) || echo "$REDIS_URL") $(smtp_url) $(gateway_url)"
}

# Later commands speak of the stack that was started, whatever their own environment says. The
# file may hold a password out of KPK_KAFKA_* or PGPASSWORD: nobody else may read it.
settings_save() {
    (
        umask 077
        declare -p BROKERS SCALE OFFSET NAMESPACE PROFILE PG_PORT REDIS_PORT SERVERS REDIS_URL \
            OWN_KAFKA OWN_PG OWN_REDIS PG_ENV PROVIDER_ENV KAFKA_ENV | sed 's/^declare -/declare -g -/' >"$SETTINGS.new"
        mv "$SETTINGS.new" "$SETTINGS"
    )
}

settings_load() {
    if [[ -e $SETTINGS ]]; then
        # shellcheck source=/dev/null
        source "$SETTINGS"
    else
        settings_ask
    fi
}

# The environment of a service, and of a person's shell: NAME=VALUE a line, by name in 'array'.
settings_environment() { # ARRAY
    local -n into=$1
    into=("KPK_BOOTSTRAP_SERVERS=$SERVERS" "KPK_NAMESPACE=$NAMESPACE" "KPK_SCALE=$SCALE"
        "KPK_REDIS_URL=$REDIS_URL" "${PG_ENV[@]}" "${PROVIDER_ENV[@]}" "${KAFKA_ENV[@]}")
}
