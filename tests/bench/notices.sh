# The people who are told things while it is measured, what is asked for, and what the providers took.
# shellcheck shell=bash

USERS=1000
FIRST=1               # of USERS with an address on every channel
FIRST_WITH_PHONE=1001 # of USERS with a phone alone

# All allow what everybody does.
notices_seed() {
    sql -v users="$USERS" -v first="$FIRST" -v first_with_phone="$FIRST_WITH_PHONE" <<<"
        INSERT INTO contacts (user_id, email, phone, push_token, platform)
        SELECT id, 'u' || id || '@example.com', '+49170' || 1000000 + id, 'token-of-the-phone-of-user-' || 1000000 + id, 'fcm'
        FROM generate_series(:first, :first + :users - 1) AS id;
        INSERT INTO contacts (user_id, phone) SELECT id, '+49170' || 1000000 + id
        FROM generate_series(:first_with_phone, :first_with_phone + :users - 1) AS id"
}

# wrk_notices SECONDS RUN CONNECTIONS [PAUSE_MS [FIRST]]: for USERS people from FIRST on. Sets ASKED, as many as
# became notifications. Of those that wrk did not wait for, at most one a connection, some did.
wrk_notices() {
    local before good
    before=$(ask "SELECT count(*) FROM notifications")
    wrk -t 1 -c "$3" -d "$1s" --timeout 10s -s tests/bench/notify.lua "$KPK_NOTIFICATION_SERVICE_URL" \
        -- "${5:-$FIRST}" "$USERS" "$2" "${4:-0}" >"$scratch/notices"
    no_errors "$scratch/notices" "asking ($2)"
    until [[ $(ask "SELECT count(*) FROM outbox") == 0 ]]; do sleep 0.2; done
    good=$(value_of good <"$scratch/notices")
    ASKED=$(($(ask "SELECT count(*) FROM notifications") - before))
    ((ASKED >= good && ASKED <= good + $3)) ||
        wrong "$2: $good notifications were answered 202, $ASKED are in the database, at most $3 were not answered"
}

# ---------------------------------------------------------------- providers
# provider_of CHANNEL -> its name; provider_url CHANNEL -> who stands for it
provider_of() { if [[ $1 == push ]]; then echo fcm; else echo "$1"; fi; }
provider_url() { if [[ $1 == email ]]; then echo "$KPK_SMTP_SINK_URL"; else echo "$KPK_PROVIDER_SIMULATOR_URL"; fi; }

faults() { # CHANNEL JSON
    curl -sf -o "$scratch/faults" -X PUT -H 'Content-Type: application/json' -d "$2" \
        "$(provider_url "$1")/v1/faults/$(provider_of "$1")" || fail "the faults of $1 could not be set"
}

# They keep what they took, and have an end.
providers_forget() { # CHANNEL...
    local channel
    for channel in "$@"; do
        curl -sf -X DELETE "$(provider_url "$channel")/v1/deliveries/$(provider_of "$channel")"
    done
}

provider_says() { # CHANNEL MEMBER
    curl -sf "$(provider_url "$1")/v1/summary" | jq ".$(provider_of "$1").$2"
}

# Each of what a part asked for was delivered by this channel's provider, once; and all there are stand in the
# database as delivered, or as skipped where there is no address.
notices_check() { # PART CHANNEL COUNT
    same "$1: known to the provider of $2" "$3" "$(provider_says "$2" keys)"
    same "$1: delivered by the provider of $2" "$3" "$(provider_says "$2" delivered)"
    same "$1: done by $2, in the database" "$(ask "SELECT count(*) FROM notifications")" \
        "$(ask "SELECT count(*) FROM deliveries WHERE channel = '$2' AND status IN ('delivered', 'skipped')")"
}

# ---------------------------------------------------------------- workers
workers() { # stop|start CHANNEL...: those that are started are ready then
    local channel number url
    for channel in "${@:2}"; do
        for number in 1 2; do "$STACK" "$1" "$channel-worker-$number"; done
    done
    [[ $1 == start ]] || return 0
    for channel in "${@:2}"; do
        for number in 1 2; do
            url=KPK_${channel^^}_WORKER_${number}_URL
            until curl -sf -o "$scratch/ready" "${!url}/readyz"; do sleep 0.1; done
        done
    done
}

# drain CHANNEL COUNT: one process, as there are two of at the guide's scale.
drain() {
    local url=KPK_${1^^}_WORKER_1_URL counted="kpk_notifications_total{channel=\"$1\""
    drain_one "${!url##*:}" "$2" "$counted" "$counted,outcome=\"delivered\"" "build/bin/$1-worker" \
        --consumers "$MEMBERS"
}

# ---------------------------------------------------------------- the same without Kafka and a database
# send_plainly CHANNEL COUNT: as many messages like those, by curl, with as many at once as the worker has. Sets
# PEER_RATE and PEER_CPU, curl's in ms.
send_plainly() {
    local began took good TIMEFORMAT='%U %S'
    rm -rf "$scratch/mails"
    mkdir "$scratch/mails"
    "plain_$1" "$2" >"$scratch/plain"
    began=$(now_ms)
    { time curl -s -Z --parallel-max "$((MEMBERS * IN_FLIGHT[$1]))" -K "$scratch/plain" >"$scratch/codes" \
        2>"$scratch/why" || true; } 2>"$scratch/cpu"
    took=$(($(now_ms) - began))
    good=$(grep -c '^2' "$scratch/codes" || true)
    same "plain sends by $1" "$2" "$good"
    PEER_RATE=$(number "$good * 1000 / $took")
    PEER_CPU=$(awk '{ print ($1 + $2) * 1000 }' "$scratch/cpu")
}

# What curl is to do, for its option -K.
plain_sms() {
    plain_posts "$1" "$KPK_SMS_URL/2010-04-01/Accounts/plain/Messages.json" application/x-www-form-urlencoded \
        "To=%%2B49170%d&From=%%2B15005550006&Body=Order A-%d is delivered: the door of the house behind the mill"
}

plain_push() {
    plain_posts "$1" "$KPK_PUSH_URL/v1/projects/plain/messages:send" application/json \
        '{\"message\":{\"token\":\"token-of-the-phone-of-user-%d\",\"notification\":{\"title\":\"Order A-%d is delivered\",\"body\":\"You find it here: the door of the house behind the mill\"}}}'
}

plain_posts() { # COUNT URL TYPE BODY, with a number of a user and one of a message in it
    awk -v count="$1" -v url="$2" -v type="$3" -v users="$USERS" '
        BEGIN {
            body = ARGV[1]
            for (i = 1; i <= count; i++) {
                if (i > 1) print "next"
                printf "url = \"%s\"\nheader = \"Content-Type: %s\"\nheader = \"Idempotency-Key: plain-%d\"\n", url, type, i
                printf "data = \"" body "\"\n", 1000000 + i % users, i
                print "output = /dev/null\nwrite-out = \"%{http_code}\\n\""
            }
        }' "$4"
}

plain_email() { # COUNT
    awk -v count="$1" -v url="$KPK_SMTP_URL" -v users="$USERS" -v mails="$scratch/mails" '
        BEGIN {
            for (i = 1; i <= count; i++) {
                mail = mails "/" i
                printf "From: plain@kafka-pattern-kit.example\r\nTo: u%d@example.com\r\n", i % users >mail
                printf "Message-ID: <plain-%d.email@kafka-pattern-kit.example>\r\n", i >mail
                printf "Subject: Order A-%d is delivered\r\nMIME-Version: 1.0\r\n", i >mail
                printf "Content-Type: text/plain; charset=utf-8\r\n\r\n" >mail
                printf "Your order A-%d is delivered. You find it here: the door of the house behind the mill\r\n", i >mail
                close(mail)
                if (i > 1) print "next"
                printf "url = \"%s\"\nmail-from = \"plain@kafka-pattern-kit.example\"\n", url
                printf "mail-rcpt = \"u%d@example.com\"\nupload-file = \"%s\"\n", i % users, mail
                print "output = /dev/null\nwrite-out = \"%{http_code}\\n\""
            }
        }'
}
