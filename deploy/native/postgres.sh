# The bundled PostgreSQL: a private cluster that listens on 127.0.0.1 alone.
# shellcheck shell=bash

PG_BIN=/usr/lib/postgresql/15/bin

# PostgreSQL refuses to run as root: it is Debian's postgres user then.
as_postgres() {
    if ((EUID == 0)); then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

postgres_prepare() {
    ((!OWN_PG)) || return 0
    as_postgres test -x "$STATE" ||
        fail "the user postgres cannot reach $STATE: a folder above it is closed to others" \
            "choose another KPK_STATE; as root, PostgreSQL runs as the user postgres"
    [[ -e $STATE/postgres/data ]] || postgres_init
    fill "$NATIVE/postgresql.conf" "PORT=$PG_PORT" "HBA=$STATE/run/pg_hba.conf" |
        put "$STATE/run/postgresql.conf" && mark_changed postgres
    # No sockets, no passwords: whoever may open a connection on this machine's loopback may in.
    printf 'host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n' |
        put "$STATE/run/pg_hba.conf" && mark_changed postgres
    put_run postgres 755 "PostgreSQL" "$PG_BIN/postgres -D $STATE/postgres/data -c config_file=$STATE/run/postgresql.conf"
}

# Made aside and moved into place: an interrupted initdb leaves nothing that looks like a cluster.
postgres_init() {
    mkdir -p "$STATE/postgres"
    rm -rf "$STATE/postgres/data.new"
    if ((EUID == 0)); then chown postgres: "$STATE/postgres"; fi
    run_logged "$STATE/logs/initdb.log" as_postgres "$PG_BIN/initdb" --pgdata "$STATE/postgres/data.new" \
        --username postgres --auth trust --encoding UTF8 --locale C.UTF-8 --data-checksums ||
        fail "PostgreSQL's cluster could not be made"
    mv "$STATE/postgres/data.new" "$STATE/postgres/data"
}

postgres_ready() { "$PG_BIN/pg_isready" -q -h 127.0.0.1 -p "$PG_PORT" -t 1; }

# The role and the database of the services.
postgres_create() {
    ((!OWN_PG)) || return 0
    local sql=("$PG_BIN/psql" -X -q -t -A -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$PG_PORT" -U postgres -d postgres)
    run_logged "$STATE/logs/createdb.log" "${sql[@]}" -c "DO \$\$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kpk') THEN
            CREATE ROLE kpk LOGIN REPLICATION;
        END IF;
    END \$\$" || fail "the role kpk could not be created"
    [[ $("${sql[@]}" -c "SELECT 1 FROM pg_database WHERE datname = 'kpk'") == 1 ]] ||
        run_logged "$STATE/logs/createdb.log" "${sql[@]}" -c "CREATE DATABASE kpk OWNER kpk" ||
        fail "the database kpk could not be created"
}
