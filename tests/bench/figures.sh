# Figures: kept as lines of KEY, WHAT, VALUE, UNIT, AIM, PEER, WHAT THE PEER IS between tabs; shown as a
# table that a README can hold, written as JSON, compared with a former run.
# shellcheck shell=bash

FIGURES=()

# figure KEY WHAT VALUE UNIT [AIM [PEER WHAT-THE-PEER-IS]]
figure() {
    FIGURES+=("$1"$'\t'"$2"$'\t'"$3"$'\t'"$4"$'\t'"${5:--}"$'\t'"${6:--}"$'\t'"${7:--}")
}

# value_of NAME <what a measuring program printed: its "bench NAME VALUE" line
value_of() { awk -v name="$1" '$1 == "bench" && $2 == name { print $3 }'; }

# number EXPRESSION [DECIMALS]
number() { awk "BEGIN { printf \"%.${2:-0}f\", $1 }"; }

# A table in Markdown. A ratio says how near a figure comes to its peer, so that more is better: of rates the
# figure over the peer, of times the peer over the figure.
figures_table() {
    printf '%s\n' "${FIGURES[@]}" | awk -F '\t' '
        function grouped(x,   digits, out) {
            if (x !~ /^[0-9]+$/ || length(x) < 4) return x
            for (digits = x; length(digits) > 3; digits = substr(digits, 1, length(digits) - 3))
                out = "," substr(digits, length(digits) - 2) out
            return digits out
        }
        function put(a, b, c, d, e) { printf "| %-68s | %14s | %-58s | %5s | %-13s |\n", a, b, c, d, e }
        BEGIN {
            put("what", "measured", "beside it, in the same run", "ratio", "aim")
            printf "|---|---:|---|---:|---|\n"
        }
        {
            peer = $6 == "-" ? "" : $7 ": " grouped($6) " " $4
            ratio = $6 == "-" || $6 == 0 || $3 == "-" || $3 == 0 ? "" : sprintf("%.2f", $4 == "/s" ? $3 / $6 : $6 / $3)
            put($2, $3 == "-" ? "" : grouped($3) " " $4, peer, ratio, $5 == "-" ? "" : $5)
        }'
}

figures_json() { # -> of all figures
    printf '%s\n' "${FIGURES[@]}" | jq -R -n --arg machine "$machine" --arg when "$(date -u +%FT%TZ)" '
        def maybe: if . == "-" then null else . end;
        def maybe_number: if . == "-" then null else tonumber end;
        [inputs | split("\t") | {
            key: .[0], what: .[1], value: (.[2] | maybe_number), unit: .[3], aim: (.[4] | maybe),
            peer: (.[5] | maybe_number), peer_is: (.[6] | maybe)
        } | .ratio = if (.peer // 0) == 0 or (.value // 0) == 0 then null
            elif .unit == "/s" then .value / .peer else .peer / .value end]
        | {when: $when, machine: $machine, figures: .,
           ratios: (map(select(.ratio != null) | {(.key): .ratio}) | add)}'
}

describe_machine() {
    echo "$(nproc) cores, $(awk -F ': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)," \
        "load $(cut -d ' ' -f 1 /proc/loadavg) before it began"
}

# figures_against FORMER NOW: what became of each ratio.
figures_against() {
    jq -r -n --slurpfile former "$1" --slurpfile now "$2" '
        $now[0].ratios | to_entries[] | .key as $key | .value as $new | $former[0].ratios[$key] as $old
        | if $old == null or $old == 0 then [$key, "-", $new, "new"]
          else [$key, $old, $new, ($new / $old - 1) * 100] end | @tsv' | awk -F '\t' '
        BEGIN { printf "%-24s %8s %8s %9s\n", "RATIO", "FORMER", "NOW", "CHANGE" }
        $4 == "new" { printf "%-24s %8s %8.2f %9s\n", $1, $2, $3, "new"; next }
        { printf "%-24s %8.2f %8.2f %+7.0f %%%s\n", $1, $2, $3, $4, $4 < -20 ? "   dropped by more than 20 %" : "" }'
}
