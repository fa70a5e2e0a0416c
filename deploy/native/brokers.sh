# The bundled Kafka: its folders, its configuration, when it is ready.
# shellcheck shell=bash

JARS=$KIT/build/deps/kafka
# Measured: 370 MB resident each when fresh, 800 MB after load.
BROKER_HEAP=(-Xms192m -Xmx448m -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:+ExitOnOutOfMemoryError)

brokers_prepare() {
    local i replicas=$BROKERS min_isr=$((BROKERS == 3 ? 2 : 1))
    ((!OWN_KAFKA)) || return 0
    [[ -e $JARS/.complete ]] || fail "the broker's jars are not there" "run: make up"
    brokers_check_made_for
    [[ -e $STATE/kafka ]] || brokers_format "$replicas" "$min_isr"
    for ((i = 1; i <= BROKERS; i++)); do
        broker_properties "$i" "$STATE/kafka/broker-$i" "$replicas" "$min_isr" |
            put "$STATE/run/broker-$i.properties" && mark_changed "broker-$i"
        put_run "broker-$i" 755 "Apache Kafka $(cat "$JARS/.complete")" \
            "$(printf '%q ' java "${BROKER_HEAP[@]}" -cp "$JARS/*" \
                "-Dlog4j2.configurationFile=file:$KIT/deploy/broker/log4j2.xml" \
                kafka.Kafka "$STATE/run/broker-$i.properties")"
    done
}

broker_properties() { # NUMBER DATA REPLICAS MIN_ISR
    fill "$KIT/deploy/broker/server.properties" "ID=$1" HOST=127.0.0.1 "PORT=$(broker_port "$1")" \
        "CONTROLLER_PORT=$(controller_port "$1")" "CONTROLLERS=$(controllers)" "DATA=$2" \
        "REPLICAS=$3" "MIN_ISR=$4"
}

controllers() {
    local i all=()
    for ((i = 1; i <= BROKERS; i++)); do all+=("127.0.0.1:$(controller_port "$i")"); done
    (IFS=, && echo "${all[*]}")
}

# The quorum's members and their ports are written into the data when it is formatted.
brokers_check_made_for() {
    local brokers offset
    [[ -e $STATE/kafka/made-for ]] || return 0
    read -r brokers offset <"$STATE/kafka/made-for"
    ((brokers == BROKERS)) ||
        fail "the data in $STATE was made by a Kafka of $brokers broker(s); this asks for $BROKERS" \
            "go on with it: BROKERS=$brokers make up" \
            "or begin anew: make down clean-data (this wipes all data), then make up"
    ((offset == OFFSET)) ||
        fail "the data in $STATE was made with KPK_PORT_OFFSET=$offset, and a Kafka quorum keeps its ports; this asks for $OFFSET" \
            "go on with it: KPK_PORT_OFFSET=$offset make up" \
            "or begin anew: make down clean-data (this wipes all data), then make up"
}

# All brokers are formatted into a folder that gets its name when it is complete: what an
# interrupted run left is thrown away, and nothing that holds data is ever formatted.
brokers_format() { # REPLICAS MIN_ISR
    local i cluster voters=() new=$STATE/kafka.new pids=() quorum=(--standalone)
    rm -rf "$new"
    mkdir "$new"
    cluster=$(kafka_uuid)
    for ((i = 1; i <= BROKERS; i++)); do
        broker_properties "$i" "$new/broker-$i" "$@" >"$new/broker-$i.properties"
        voters+=("$i@127.0.0.1:$(controller_port "$i"):$(kafka_uuid)")
    done
    if ((BROKERS > 1)); then quorum=(--initial-controllers "$(IFS=, && echo "${voters[*]}")"); fi
    for ((i = 1; i <= BROKERS; i++)); do
        run_logged "$STATE/logs/format-$i.log" java -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
            -cp "$JARS/*" "-Dlog4j2.configurationFile=file:$KIT/deploy/broker/log4j2.xml" \
            kafka.tools.StorageTool format --cluster-id "$cluster" --config "$new/broker-$i.properties" \
            "${quorum[@]}" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || fail "a broker's data folder could not be formatted"; done
    rm "$new"/broker-*.properties
    echo "$BROKERS $OFFSET" >"$new/made-for"
    mv "$new" "$STATE/kafka"
}

# A random id as Kafka writes them: 16 bytes in URL-safe base64, not beginning with a dash.
kafka_uuid() {
    local id=-
    while [[ $id == -* ]]; do id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d =); done
    echo "$id"
}

# A broker opens its port for clients only after the controllers have unfenced it.
broker_ready() { is_open "${PORT_OF[$1]}"; }
