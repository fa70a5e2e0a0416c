# What can be said of the code without running it.
# shellcheck shell=bash

suite_lint() {
    local sources scripts
    mapfile -t sources < <(git_files '*.c' '*.h')
    # The parts of a script are checked with it, by its source lines.
    mapfile -t scripts < <(git_files | xargs grep -lE '^#!.*bash' --)
    check "C files are laid out as .clang-format says (make format)" \
        clang-format --dry-run -Werror "${sources[@]}"
    # With what others leave of the processors: it is a minute's work, and servers wait beside it.
    check "clang-tidy finds nothing" nice -n 19 make -s -k tidy
    check "shellcheck finds nothing" shellcheck "${scripts[@]}"
    check "Python scripts compile" python_compiles
    check "docs/ is what the programs say (make docs)" docs_are_fresh
    check "topic and group names are written in topology/ alone" names_only_in_topology
}

# Files of the checkout, those that are not committed yet included.
git_files() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do [[ ! -e $f ]] || echo "$f"; done; }

python_compiles() {
    local scripts
    mapfile -t scripts < <(git_files '*.py')
    PYTHONPYCACHEPREFIX=$scratch/pycache /usr/bin/python3 -W error -m py_compile "${scripts[@]}"
}

docs_are_fresh() {
    local fresh=$scratch/docs page
    mkdir -p "$fresh"
    make -s docs "DOCS=$fresh"
    for page in "$fresh"/*; do diff -u "docs/${page##*/}" "$page"; done
}

# A name in quotes, in C, should come from the table. One that is a plain word ("tweets") may mean
# something else, a member of an answer: it counts on a line that speaks of topics or groups.
names_only_in_topology() {
    local names
    names=$(build/bin/kpk topics list --names | paste -sd ' ')
    [[ -n $names ]] || return 1
    git_files 'common/*.[ch]' 'patterns/*.[ch]' 'services/*.[ch]' 'tools/*.[ch]' 'loadgen/*.[ch]' |
        xargs awk -v names="$names" '
            BEGIN { count = split(names, name, " ") }
            { code = $0; sub(/\/\*.*/, "", code) }
            code ~ /^ *\*/ { next }
            { for (i = 1; i <= count; i++)
                  if (index(code, "\"" name[i] "\"") && (name[i] ~ /[-.]/ || code ~ /topic|group|rd_kafka/)) {
                      print FILENAME ":" FNR ": " $0; bad = 1
                  } }
            END { exit bad }'
}
