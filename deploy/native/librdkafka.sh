#!/usr/bin/env bash
# Find a librdkafka that is new enough, or build one: build/deps/librdkafka/{include,lib}.
#   usage: librdkafka.sh OUTPUT.mk           writes RDKAFKA_CFLAGS and RDKAFKA_LIBS for make
#          librdkafka.sh --which OUTPUT.mk   only says which one that is, or would be: see tell_which()
#          librdkafka.sh --performance OUTPUT.mk   of the one that was built: its own benchmark,
#                                            build/deps/librdkafka/rdkafka_performance
#
# Debian 12 has 2.0. A newer suite's *source* package is used then: its upstream tarball is
# fetched by apt, which checks the signatures, and built as a static library. The lists and the
# cache of that apt are private: nothing of the machine's own apt changes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/native/ui.sh
source "$here/ui.sh"

MINIMUM=2.12
SUITES=(bookworm-backports trixie trixie-backports forky sid)
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
TESTED=$here/../librdkafka

# What a program needs beside the archive.
BUILT_LIBS=(-lssl -lcrypto -lz -lzstd -llz4 -lpthread -ldl -lm)

ACTION=main
case $1 in
--which) ACTION=tell_which && shift ;;
--performance) ACTION=performance && shift ;;
esac
OUTPUT=$(readlink -m "$1")
DEPS=$(dirname "$OUTPUT")
BUILT=$DEPS/librdkafka
WORK=$DEPS/librdkafka.work

at_least() { [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]; } # VERSION MINIMUM

# choose: sets CHOSEN to pkg-config, built or none, and VERSION to its version; MACHINES to the
# version that pkg-config knows, new enough or not.
choose() {
    CHOSEN=none
    MACHINES=$(pkg-config --modversion rdkafka 2>/dev/null) || MACHINES=
    VERSION=$(cat "$BUILT/version" 2>/dev/null) || VERSION=
    if [[ -n $MACHINES ]] && at_least "$MACHINES" "$MINIMUM"; then
        CHOSEN=pkg-config VERSION=$MACHINES
    elif [[ -n $VERSION ]] && at_least "$VERSION" "$MINIMUM"; then
        CHOSEN=built
    fi
}

tested_hash() { awk -v v="$1" '$1 == v { print $2 }' "$TESTED"; } # VERSION -> nothing: it was not

# tell_which: one line of words, - for nothing: chosen, its version (of "none": of one in build/deps that
# is too old), the version of the machine's own, "tested" or not, the least version, and what the
# OUTPUT.mk that is there names: pkg-config or built.
tell_which() {
    local tested=untested named=
    choose
    [[ -z $(tested_hash "$VERSION") ]] || tested=tested
    if [[ -e $OUTPUT ]]; then
        named=pkg-config
        if grep -q 'build/deps/librdkafka/' "$OUTPUT"; then named=built; fi
    fi
    echo "$CHOSEN ${VERSION:--} ${MACHINES:--} $tested $MINIMUM ${named:--}"
}

write_mk() { # CFLAGS LIBS
    printf '# made by deploy/native/librdkafka.sh\nRDKAFKA_CFLAGS := %s\nRDKAFKA_LIBS := %s\n' \
        "$1" "$2" >"$OUTPUT.new"
    mv "$OUTPUT.new" "$OUTPUT"
}

# The mirror that this machine's apt uses for Debian itself.
debian_mirror() {
    local uri codename
    # shellcheck source=/dev/null
    codename=$(source /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
    # shellcheck disable=SC2016 # apt's own placeholders
    uri=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 2>/dev/null |
        awk -v suite="$codename" '$1 == "Debian" && $2 == suite && !uri { uri = $3 } END { print uri }')
    [[ -n $uri ]] || uri=$(mirror_from_sources "$codename")
    printf '%s' "${uri%/}"
}

# Without package lists apt tells nothing: read the sources, of both styles, for a URI of a
# suite that only Debian's main archive has.
mirror_from_sources() { # CODENAME
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
        awk -v suite="$1" '
            $1 == "deb" { sub(/\[[^]]*\] */, ""); if ($3 == suite && !uri) uri = $2 }
            /^URIs:/ { seen = $2 }
            /^Suites:/ { for (i = 2; i <= NF; i++) if ($i == suite && !uri) uri = seen }
            END { print uri }'
}

# fetch_source: the newest upstream tarball into $WORK; sets VERSION and TARBALL.
fetch_source() {
    local mirror suite apt
    mirror=$(debian_mirror)
    [[ -n $mirror ]] || fail "no Debian mirror found in this machine's apt configuration" \
        "install librdkafka $MINIMUM or newer so that pkg-config finds it"
    mkdir -p "$WORK/lists/partial" "$WORK/cache/archives/partial"
    for suite in "${SUITES[@]}"; do
        printf 'deb-src [signed-by=%s] %s %s main\n' "$KEYRING" "$mirror" "$suite"
    done >"$WORK/sources.list"
    apt=(-q -o "Dir::Etc::SourceList=$WORK/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
        -o "Dir::State::Lists=$WORK/lists" -o "Dir::Cache=$WORK/cache" -o "APT::Sandbox::User=$(id -un)"
        -o Acquire::Languages=none -o Acquire::Retries=3)
    # A mirror that stands still, or a clock that is off, makes apt drop the newest suites as expired.
    # Signatures are checked all the same, and the version is compared with the tested ones.
    apt+=(-o Acquire::Check-Valid-Until=false)
    # A suite that the mirror does not have is no reason to stop; what counts is what was found.
    apt-get "${apt[@]}" update >"$WORK/update.log" 2>&1 || true
    (cd "$WORK" && run_logged fetch.log apt-get "${apt[@]}" source --download-only librdkafka) ||
        fail "librdkafka $MINIMUM is needed, and its source package could not be fetched from the mirror of this machine's apt" \
            "connect to the network once, or install librdkafka $MINIMUM or newer so that pkg-config finds it"
    TARBALL=$(echo "$WORK"/librdkafka_*.orig.tar.*z)
    VERSION=${TARBALL##*/librdkafka_}
    VERSION=${VERSION%.orig.tar.*}
}

check_source() {
    local hash known
    at_least "$VERSION" "$MINIMUM" || fail "the newest librdkafka of Debian's suites is $VERSION; $MINIMUM is needed" \
        "build librdkafka $MINIMUM or newer by hand, so that pkg-config finds it"
    hash=$(sha256sum "$TARBALL" | cut -d' ' -f1)
    known=$(tested_hash "$VERSION")
    if [[ -z $known ]]; then
        warn "librdkafka $VERSION was not tested with the kit; deploy/librdkafka lists what was"
    elif [[ $known != "$hash" ]]; then
        fail "librdkafka $VERSION is not the tarball that was tested" "expected $known" "found    $hash"
    fi
}

# configure: unpacks the source, and stays in its folder
configure() {
    mkdir "$WORK/src"
    tar -xf "$TARBALL" -C "$WORK/src" --strip-components=1
    cd "$WORK/src"
    # Built by its own make: nothing of the make that called this may reach it.
    unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES CFLAGS LDFLAGS CPPFLAGS
    run_logged "$DEPS/librdkafka.log" ./configure --enable-static --disable-gssapi --disable-curl \
        --enable-ssl --enable-zlib --enable-zstd --enable-lz4-ext || fail "librdkafka $VERSION: configure failed"
}

build() {
    configure
    grep -q 'WITH_SSL=.*y' Makefile.config && grep -q 'WITH_ZSTD=.*y' Makefile.config ||
        fail "librdkafka $VERSION was configured without TLS or zstd" "see $DEPS/librdkafka.log"
    run_logged "$DEPS/librdkafka.log" make -C src -j"$(nproc)" librdkafka.a || fail "librdkafka $VERSION: build failed"
    mkdir -p "$WORK/done/include/librdkafka" "$WORK/done/lib"
    cp src/rdkafka.h src/rdkafka_mock.h "$WORK/done/include/librdkafka/"
    cp src/librdkafka.a "$WORK/done/lib/"
    cp LICENSES.txt "$WORK/done/"
    echo "$VERSION" >"$WORK/done/version"
}

main() {
    mkdir -p "$DEPS"
    choose
    if [[ $CHOSEN == pkg-config ]]; then
        write_mk "$(pkg-config --cflags rdkafka)" "$(pkg-config --libs rdkafka)"
        return
    fi
    if [[ $CHOSEN == none ]]; then
        step librdkafka
        step_note "fetching"
        rm -rf "$WORK"
        mkdir "$WORK"
        fetch_source
        check_source
        step_note "building $VERSION"
        (build)
        rm -rf "$BUILT"
        mv "$WORK/done" "$BUILT"
        rm -rf "$WORK"
        step_done "$VERSION built into build/deps${MACHINES:+ (the machine has $MACHINES; $MINIMUM is needed)}"
    fi
    write_mk "-isystem build/deps/librdkafka/include" \
        "build/deps/librdkafka/lib/librdkafka.a ${BUILT_LIBS[*]}"
}

# performance: a peer to measure beside, not something to build with: one line says why it is left out.
performance() {
    choose
    if [[ $CHOSEN != built ]]; then
        say "  rdkafka_performance is left out: librdkafka is the machine's own, and its source is not here"
        return
    fi
    step librdkafka
    step_note "fetching its source"
    rm -rf "$WORK"
    mkdir "$WORK"
    if (build_performance "$VERSION") 2>"$WORK/why"; then
        step_done "rdkafka_performance $VERSION built into build/deps"
    else
        clear_line
        say "  rdkafka_performance is left out: $(sed -n 's/^error: //p' "$WORK/why" | tail -n 1)"
    fi
    rm -rf "$WORK"
}

build_performance() { # VERSION of the library that it is linked with
    fetch_source
    [[ $VERSION == "$1" ]] || fail "the source that can be fetched is of $VERSION, the library of $1"
    check_source
    configure
    # It uses headers that librdkafka keeps for itself.
    run_logged "$DEPS/librdkafka.log" gcc -O2 -I. -Isrc examples/rdkafka_performance.c "$BUILT/lib/librdkafka.a" \
        "${BUILT_LIBS[@]}" -o "$WORK/rdkafka_performance" || fail "rdkafka_performance $VERSION: build failed"
    mv "$WORK/rdkafka_performance" "$BUILT/"
}

"$ACTION"
