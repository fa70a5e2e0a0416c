#!/usr/bin/env bash
# Fetch the broker's jars, pinned by pom.xml, into a folder; afterwards no network is needed.
#   usage: fetch.sh FOLDER        FOLDER/.complete is made last
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/native/ui.sh
source "$here/../native/ui.sh"

folder=$(readlink -m "$1")
version=$(sed -n '/kafka_2.13/,/version/ s/.*<version>\(.*\)<.*/\1/p' "$here/pom.xml")

# Fetched already, from the same pom: only its time is newer.
if [[ -e $folder/.complete ]] && cmp -s "$here/pom.xml" "$folder/pom.xml"; then
    touch "$folder/.complete"
    exit
fi

step broker
step_note "fetching Apache Kafka $version"
rm -rf "$folder.work"
mkdir -p "$folder.work"
run_logged "$folder.log" mvn -B -q -ntp -Dstyle.color=never -f "$here/pom.xml" \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$folder.work" ||
    fail "the broker could not be fetched" "it needs the network once; see $folder.log"
[[ -e $folder.work/kafka_2.13-$version.jar ]] || fail "maven brought no kafka_2.13-$version.jar; see $folder.log"
cp "$here/pom.xml" "$folder.work/"
echo "$version" >"$folder.work/.complete"
rm -rf "$folder"
mv "$folder.work" "$folder"
step_done "Apache Kafka $version, $(du -sm "$folder" | cut -f1) MB of jars"
