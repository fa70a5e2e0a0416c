# The peers: a function for each thing that one does, PEER_PART. It keeps what it measured, or says what was
# wrong. tests/bench/peers.md tells how they differ.
# shellcheck shell=bash

PEERS=()             # those that are on this machine
declare -A NAME_OF=([ours]=loadgen [java]="Kafka's own" [rdkafka]=rdkafka_performance [kcat]=kcat) # in a table
RDKAFKA_PERFORMANCE=build/deps/librdkafka/rdkafka_performance
JARS=build/deps/kafka
TOOLS=build/deps/kafka-tools
TOOL_SECONDS=180     # one that takes longer hangs
LINES_OF_FILE=100000 # kcat sends a file again and again

# What one who wants throughput sets; the first two by the same names in Java.
BATCHES=(linger.ms=20 batch.size=1048576)
JAVA_PRODUCER=("${BATCHES[@]}" buffer.memory=134217728)
RDKAFKA_PRODUCER=("${BATCHES[@]}" batch.num.messages=100000 queue.buffering.max.messages=1000000)
RDKAFKA_CONSUMER=(queued.min.messages=1000000 auto.offset.reset=earliest)

peers_there_are() {
    [[ -e $TOOLS/.complete ]] || fail "Kafka's tools are not there" "run: make bench-peers"
    cmp -s "$JARS/.complete" "$TOOLS/.complete" ||
        fail "Kafka's tools and the broker are of different versions" "deploy/bench/pom.xml and deploy/broker/pom.xml name them"
    peer_if_any ours build/bin/loadgen
    peer_if_any java java
    peer_if_any rdkafka "$RDKAFKA_PERFORMANCE"
    peer_if_any kcat kcat
}

peer_if_any() { # PEER PROGRAM
    if command -v "$2" >/dev/null; then PEERS+=("$1"); else say "  left out: ${NAME_OF[$1]}, there is no $2"; fi
}

# ---------------------------------------------------------------- one run of a tool
# tool COMMAND...: its output in $scratch/tool. Bounded, and ended with this script. Sets TOOK_MS, and CPU_MS
# of it and its children.
tool() {
    local began status=0 who=${FUNCNAME[1]} TIMEFORMAT='%U %S'
    began=$(now_ms)
    { time timeout "$TOOL_SECONDS" "$@" </dev/null >"$scratch/tool" 2>"$scratch/why"; } 2>"$scratch/cpu" &
    running=$!
    wait "$running" || status=$?
    running=
    TOOK_MS=$(($(now_ms) - began))
    CPU_MS=$(awk 'NF == 2 { printf "%.0f", ($1 + $2) * 1000 }' "$scratch/cpu")
    if ((status == 0)); then return; fi
    [[ $who != *_tool ]] || who=${FUNCNAME[2]}
    wrong "$who: status $status after $((TOOK_MS / 1000)) s: $(tail -qn 1 "$scratch/tool" "$scratch/why" | tail -n 1)"
    return "$status"
}

# `time` waits in a shell of its own; what it measures is its child, which passes the signal on.
end_tool() {
    local child
    [[ -n ${running:-} ]] || return 0
    for child in $(pgrep -P "$running" || true); do kill -TERM "$child" 2>/dev/null || true; done
    wait "$running" 2>/dev/null || true
    running=
}

keep() { # PART PEER VALUE
    if [[ $3 =~ ^[0-9.]+$ ]]; then echo "$3" >>"$scratch/$1.$2"; else wrong "$1, ${NAME_OF[$2]}: it told no figure"; fi
}

# all_of PART PEER FOUND: whether it did to all RECORDS what it should
all_of() {
    if [[ ! $3 =~ ^[0-9]+$ ]] || (($3 < RECORDS)); then
        wrong "$1, ${NAME_OF[$2]}: ${3:-0} of $RECORDS records"
        return 1
    fi
}

cpu_a_record() { number "$CPU_MS * 1000 / $RECORDS" 2; }

# options_of FLAG SETTING...: into OPTIONS, each setting after its flag
options_of() {
    local setting
    OPTIONS=()
    for setting in "${@:2}"; do OPTIONS+=("$1" "$setting"); done
}

idempotent() { if [[ $ACKS == all ]]; then echo enable.idempotence=true; else echo enable.idempotence=false; fi; }

# ---------------------------------------------------------------- Kafka's own
# With what its start scripts give the JVM.
java_tool() { # CLASS ARGUMENT...
    tool java -Xmx512m -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -cp "$JARS/*:$TOOLS/*" "org.apache.kafka.tools.$1" \
        --bootstrap-server "$KPK_BOOTSTRAP_SERVERS" "${@:2}"
}

# A topic that was deleted stays on the disk for a minute by default: it would go in the middle of another round.
delete_at_once() {
    java_tool ConfigCommand --alter --entity-type brokers --entity-default \
        --add-config log.segment.delete.delay.ms=1 || fail "the broker's delay of deletion could not be set" "$(tail -n 3 "$scratch/tool")"
}

# An empty topic, however it was left; nothing of the one before is on the disk.
new_topic() {
    local deadline=$(($(now_ms) + 30000))
    java_tool TopicCommand --topic "$TOPIC" --delete --if-exists ||
        fail "$TOPIC could not be deleted" "$(tail -n 3 "$scratch/tool")"
    while compgen -G "$KPK_STATE/kafka/broker-1/$TOPIC[-.]*" >/dev/null; do
        (($(now_ms) < deadline)) || fail "$TOPIC is still on the disk"
        sleep 0.1
    done
    java_tool TopicCommand --topic "$TOPIC" --create --partitions "$PARTITIONS" ||
        fail "$TOPIC could not be created" "$(tail -n 3 "$scratch/tool")"
}

# java_send: RECORDS; sets RATE, of all but the first quarter: until then it is compiled
java_send() {
    RATE=
    java_tool ProducerPerformance --topic "$TOPIC" --num-records "$RECORDS" --warmup-records $((RECORDS / 4)) \
        --throughput -1 --record-size "$BYTES" --key-distribution random --record-key-range "$KEYS" --command-property \
        "acks=$ACKS" "$(idempotent)" "compression.type=$COMPRESSION" "${JAVA_PRODUCER[@]}" || return 0
    all_of produce java "$(awk '/^[0-9]+ records sent/ { n = $1 } END { print n }' "$scratch/tool")" || return 0
    RATE=$(awk '/ steady state records sent/ { printf "%.0f", $6 }' "$scratch/tool")
}

java_produce() {
    java_send
    [[ -n $RATE ]] || return 0
    keep produce java "$RATE"
    keep produce_cpu java "$(cpu_a_record)"
}

java_consume() {
    java_tool ConsumerPerformance --topic "$TOPIC" --num-records "$RECORDS" --hide-header || return 0
    all_of consume java "$(awk -F ', ' 'END { print $5 }' "$scratch/tool")" || return 0
    keep consume java "$(awk -F ', ' 'END { printf "%.0f", $10 }' "$scratch/tool")"
    keep consume_cpu java "$(cpu_a_record)"
}

java_ping() {
    java_tool EndToEndLatency --topic "$TOPIC" --num-records "$PINGS" --producer-acks "$ACKS" --record-size "$BYTES" || return 0
    keep ping java "$(sed -n 's/^Percentiles: 50th = \([0-9]*\),.*/\1/p' "$scratch/tool")"
    keep ping_p99 java "$(sed -n 's/^Percentiles:.* 99th = \([0-9]*\),.*/\1/p' "$scratch/tool")"
    keep ping_mean java "$(awk '/^Avg latency:/ { printf "%.2f", $3 }' "$scratch/tool")"
}

# ---------------------------------------------------------------- librdkafka's
rdkafka_tool() { # MODE ITS-SETTINGS... -- ARGUMENT...
    local mode=$1 settings=()
    shift
    while [[ $1 != -- ]]; do settings+=("$1") && shift; done
    options_of -X "${settings[@]}"
    tool "$RDKAFKA_PERFORMANCE" "$mode" -b "$KPK_BOOTSTRAP_SERVERS" -t "$TOPIC" -c "$RECORDS" -q "${OPTIONS[@]}" "${@:2}"
}

# Its own last word: "% N messages produced (.. bytes), N delivered ... in .. ms: RATE msgs/s ..."
rdkafka_produce() {
    local acks=${ACKS/all/-1}
    rdkafka_tool -P "$(idempotent)" "${RDKAFKA_PRODUCER[@]}" -- -a "$acks" -s "$BYTES" -z "$COMPRESSION" || return 0
    all_of produce rdkafka "$(sed -n 's/.* \([0-9]*\) delivered .*/\1/p' "$scratch/tool")" || return 0
    keep produce rdkafka "$(sed -n 's/.* produced .* \([0-9]*\) msgs\/s.*/\1/p' "$scratch/tool")"
    keep produce_cpu rdkafka "$(cpu_a_record)"
}

# -B: so many at a time; one by one it is half as fast. A group of its own each time, which begins at the
# beginning.
rdkafka_consume() {
    rdkafka_tool -G"$(date +%s%N)" "${RDKAFKA_CONSUMER[@]}" -- -B 10000 || return 0
    all_of consume rdkafka "$(sed -n 's/^% \([0-9]*\) messages .* consumed in .*/\1/p' "$scratch/tool")" || return 0
    keep consume rdkafka "$(sed -n 's/.* consumed in .* \([0-9]*\) msgs\/s.*/\1/p' "$scratch/tool")"
    keep consume_cpu rdkafka "$(cpu_a_record)"
}

# ---------------------------------------------------------------- kcat
# It tells no rate: this is RECORDS over the whole time that it took.
kcat_rate() { number "$RECORDS * 1000 / $TOOK_MS"; }

# A file of lines KEY:VALUE, which are sent until it is RECORDS.
kcat_lines() {
    [[ -e $scratch/lines ]] || awk -v lines="$LINES_OF_FILE" -v bytes="$BYTES" -v keys="$KEYS" 'BEGIN {
        while (length(value) < bytes) value = value sprintf("%c", 97 + int(rand() * 26))
        for (i = 0; i < lines; i++) print int(rand() * keys) ":" value
    }' >"$scratch/lines"
}

kcat_produce() {
    kcat_lines
    options_of -X "acks=$ACKS" "$(idempotent)" "compression.codec=$COMPRESSION" "${RDKAFKA_PRODUCER[@]}"
    # shellcheck disable=SC2016 # for the inner shell
    tool bash -c 'for ((i = 0; i < $1; i++)); do cat "$2"; done | kcat "${@:3}"' - \
        $((RECORDS / LINES_OF_FILE)) "$scratch/lines" \
        -P -q -b "$KPK_BOOTSTRAP_SERVERS" -t "$TOPIC" -K : "${OPTIONS[@]}" || return 0
    all_of produce kcat "$(kcat_count)" || return 0
    keep produce kcat "$(kcat_rate)"
    keep produce_cpu kcat "$(cpu_a_record)"
}

# How many records the topic holds: the sum of its end offsets, since it was empty.
kcat_count() {
    local i ends=()
    for ((i = 0; i < PARTITIONS; i++)); do ends+=(-t "$TOPIC:$i:-1"); done
    kcat -Q -b "$KPK_BOOTSTRAP_SERVERS" "${ends[@]}" | awk '{ sum += $NF } END { print sum + 0 }'
}

# A byte for each record, so that they are counted.
kcat_consume() {
    options_of -X "${RDKAFKA_CONSUMER[@]}"
    tool kcat -C -q -b "$KPK_BOOTSTRAP_SERVERS" -t "$TOPIC" -o beginning -c "$RECORDS" -f x "${OPTIONS[@]}" || return 0
    all_of consume kcat "$(wc -c <"$scratch/tool")" || return 0
    keep consume kcat "$(kcat_rate)"
    keep consume_cpu kcat "$(cpu_a_record)"
}

# ---------------------------------------------------------------- ours
ours_tool() { tool build/bin/loadgen "$@" --json "$scratch/ours.json"; } # it ends with a status when its verdict is bad

# ours_says FIELD [FACTOR] -> a whole number; nothing if there is no such field
ours_says() { jq -r ".$1 // empty | . * ${2:-1} | round" "$scratch/ours.json"; }

ours_produce() {
    local rate cpu_us
    ours_tool run peers --rate max --duration "$SECONDS_EACH" --warm-up 2 --groups 0 --keep-topic \
        --partitions "$PARTITIONS" --bytes "$BYTES" --compression "$COMPRESSION" --acks "$ACKS" || return 0
    rate=$(ours_says acked_per_s) cpu_us=$(ours_says cpu.client_s 1000000)
    keep produce ours "$rate"
    keep produce_cpu ours "$(number "${cpu_us:-0} / (${rate:-1} * $SECONDS_EACH)" 2)"
}

ours_consume() {
    ours_tool consume "$TOPIC" --records "$RECORDS" || return 0
    keep consume ours "$(ours_says consumed_per_s)"
    keep consume_cpu ours "$(cpu_a_record)"
}

ours_ping() {
    local field part
    ours_tool ping "$TOPIC" --records "$PINGS" --bytes "$BYTES" || return 0 # acks=all, always
    while read -r part field; do
        keep "$part" ours "$(ours_says "end_to_end_us.$field" | awk '{ printf "%.2f", $1 / 1000 }')"
    done <<<$'ping p50\nping_p99 p99\nping_mean mean'
}
