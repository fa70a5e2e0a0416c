#!/usr/bin/env bash
# Install the Debian packages of deploy/packages that this machine lacks.
#   usage: packages.sh GROUP...             groups: build run test bench
#          packages.sh --missing GROUP...   only print which those are, a line each
# As root directly, through sudo when that asks nothing; else it prints the one line to run.
#
# Debian's postgresql and redis-server start servers of their own when they are installed. The
# kit runs private ones, so for the time of the install
#   - no service may start (policy-rc.d), and none of the new ones starts at the next boot,
#   - no PostgreSQL cluster is created (create_main_cluster).
# What the machine has in those two files comes back byte for byte, also after Ctrl-C.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/native/ui.sh
source "$here/ui.sh"

TABLE=$here/../packages
POLICY=/usr/sbin/policy-rc.d
CLUSTER_CONF=/etc/postgresql-common/createcluster.conf
MARK='# by kafka-pattern-kit, for the time of an install'
LOG=
BACKUP=

missing_packages() { # GROUP... -> one name a line
    local wanted
    wanted=$(awk -v groups=" $* " '/^[a-z]/ && index(groups, " " $2 " ") { print $1 }' "$TABLE")
    # shellcheck disable=SC2086 # a list of words
    comm -23 <(sort -u <<<"$wanted") \
        <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null |
            awk '$2 == "installed" { print $1 }' | sort -u)
}

# What a run that was killed could not restore.
forget_leftovers() {
    if grep -qsF "$MARK" "$POLICY"; then rm -f "$POLICY"; fi
    if grep -qsF "$MARK" "$CLUSTER_CONF"; then sed -i "/^$MARK/,+1d" "$CLUSTER_CONF"; fi
}

# Put FILE aside, to be brought back by restore(). A file that is not there is removed again.
set_aside() { # FILE
    local copy=$BACKUP/${1##*/}
    if [[ -e $1 || -L $1 ]]; then cp -a "$1" "$copy"; else : >"$copy.absent"; fi
}

restore() {
    local file copy
    [[ -n $BACKUP ]] || return 0
    for file in "$POLICY" "$CLUSTER_CONF"; do
        copy=$BACKUP/${file##*/}
        if [[ -e $copy.absent ]]; then
            rm -f "$file"
        elif [[ -e $copy || -L $copy ]]; then
            rm -f "$file" && cp -a "$copy" "$file"
        fi
    done
    rm -rf "$BACKUP"
    BACKUP=
}

install_as_root() { # PACKAGE...
    local apt=(apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
    export DEBIAN_FRONTEND=noninteractive
    LOG=$(mktemp)
    BACKUP=$(mktemp -d)
    trap restore EXIT
    trap 'exit 130' INT TERM HUP

    run_logged "$LOG" "${apt[@]}" update || warn "apt-get update failed; trying with the lists there are"
    forget_leftovers
    set_aside "$POLICY"
    rm -f "$POLICY"
    printf '#!/bin/sh\n%s\nexit 101\n' "$MARK" >"$POLICY"
    chmod 755 "$POLICY"
    apt+=(-o Dpkg::Options::=--force-confold --no-install-recommends install)
    if [[ " $* " == *" postgresql-"* ]]; then
        # First the package that brings the file, so that the file which comes back is its own.
        run_logged "$LOG" "${apt[@]}" postgresql-common || fail "apt-get could not install postgresql-common"
        set_aside "$CLUSTER_CONF"
        printf '%s\ncreate_main_cluster = false\n' "$MARK" >>"$CLUSTER_CONF"
    fi
    run_logged "$LOG" "${apt[@]}" "$@" || fail "apt-get could not install: $*"
    keep_from_boot "$@"
    rm -f "$LOG"
}

# What was installed just now for the kit's private use must not start at the next boot either.
keep_from_boot() { # PACKAGE...
    local service
    for service in redis-server supervisor; do
        [[ " $* " == *" $service "* ]] || continue
        update-rc.d "$service" disable >/dev/null 2>&1 || true
        deb-systemd-helper disable "$service.service" >/dev/null 2>&1 || true
    done
}

main() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    say "  packages    missing: ${missing[*]}"
    STEP_NAME=packages STEP_START=$(now_ms)
    if ((EUID == 0)); then
        install_as_root "${missing[@]}"
    elif sudo -n true 2>/dev/null; then
        sudo -n "$here/packages.sh" "$@"
    else
        fail "packages are missing, and installing them needs a password. Run this once, then repeat:" \
            "sudo $here/packages.sh $*"
    fi
    step_done "${#missing[@]} installed"
}

command -v dpkg-query >/dev/null || fail "this is not a Debian system: dpkg is missing" \
    "install by hand what deploy/packages lists, or use docker-compose.yml"
(($#)) || fail "usage: packages.sh [--missing] GROUP..."
if [[ $1 == --missing ]]; then
    missing_packages "${@:2}"
else
    main "$@"
fi
