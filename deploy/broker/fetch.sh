#!/usr/bin/env bash
# Fetch what a pom pins, as jars in one folder; afterwards no network is needed.
#   usage: fetch.sh POM FOLDER    FOLDER/.complete is made last; in it: the version of what POM names first
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/native/ui.sh
source "$here/../native/ui.sh"

pom=$(readlink -f "$1")
folder=$(readlink -m "$2")

first_of_pom() { # ELEMENT: of the first dependency
    sed -n "/<dependency>/,/<\/dependency>/ s|.*<$1>\(.*\)</$1>.*|\1|p" "$pom" | head -n 1
}
name=$(sed -n 's|.*<artifactId>\(.*\)</artifactId>.*|\1|p' "$pom" | head -n 1)
artifact=$(first_of_pom artifactId)
version=$(first_of_pom version)

# Fetched already, from the same pom: only its time is newer.
if [[ -e $folder/.complete ]] && cmp -s "$pom" "$folder/pom.xml"; then
    touch "$folder/.complete"
    exit
fi

step "$name"
step_note "fetching Apache Kafka $version"
rm -rf "$folder.work"
mkdir -p "$folder.work"
run_logged "$folder.log" mvn -B -q -ntp -Dstyle.color=never -f "$pom" \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$folder.work" ||
    fail "the $name could not be fetched" "it needs the network once; see $folder.log"
[[ -e $folder.work/$artifact-$version.jar ]] || fail "maven brought no $artifact-$version.jar; see $folder.log"
cp "$pom" "$folder.work/pom.xml"
echo "$version" >"$folder.work/.complete"
rm -rf "$folder"
mv "$folder.work" "$folder"
step_done "Apache Kafka $version, $(du -sm "$folder" | cut -f1) MB of jars"
