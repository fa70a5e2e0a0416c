#!/usr/bin/env bash
# Write the generated pages, from the programs themselves.
#   usage: docs.sh FOLDER PROGRAM...
set -euo pipefail
bin=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/build/bin
folder=$1
shift

mkdir -p "$folder"
"$bin/kpk" topics describe --markdown >"$folder/TOPICS.md.new"
{
    printf '# Options of every program\n\nMade by "make docs" from the programs themselves; do not edit.\n'
    for program in "$@"; do
        printf '\n'
        "$bin/$program" --help-markdown
    done
} >"$folder/CONFIG.md.new"
mv "$folder/TOPICS.md.new" "$folder/TOPICS.md"
mv "$folder/CONFIG.md.new" "$folder/CONFIG.md"
