/* The relay processes: the pattern's, and one that looks for "seq > the last one seen". */
#include "common/event.h"
#include "common/kafka.h"
#include "common/log.h"
#include "common/stop.h"
#include "patterns/outbox/example/cast.h"
#include "patterns/outbox/example/writer.h"
#include "patterns/outbox/outbox.h"
#include "topology/topology.h"

#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 100, PUBLISH_MS = 10000 };

int relay_run(struct kpk_err *err) {
    const struct kpk_relay_opts opts = {.schema = shop_schema(),
                                        .source = "/orders",
                                        .name = "orders-relay",
                                        .poll_ms = POLL_MS,
                                        .lease_ms = CAST_LEASE_MS};
    struct kpk_relay *relay;
    int failed;

    if (kpk_relay_open(&relay, &opts, err)) return -1;
    failed = kpk_relay_run(relay, err);
    kpk_relay_close(relay);
    return failed;
}

/* --- without the pattern ----------------------------------------------------------------- */

struct last_seen {
    struct kpk_pg *pg;
    struct kpk_producer *producer;
    char seq[24]; /* the last one seen */
};

static int send_row(struct last_seen *relay, const PGresult *rows, int row,
                    struct kpk_err *err) {
    char topic[KPK_NAME_BYTES];
    struct kpk_event event = {.id = PQgetvalue(rows, row, 1),
                              .source = "/orders",
                              .type = PQgetvalue(rows, row, 2),
                              .key = PQgetvalue(rows, row, 3),
                              .key_len = strlen(PQgetvalue(rows, row, 3)),
                              .data = PQgetvalue(rows, row, 4),
                              .len = strlen(PQgetvalue(rows, row, 4)),
                              .time_ms = strtoll(PQgetvalue(rows, row, 5), NULL, 10)};

    return kpk_event_send(relay->producer, kpk_full_name(KPK_TOPIC_ORDERS, topic), &event, err);
}

/* A row with a smaller seq whose transaction commits after this was asked is never found again:
 * numbers are given out in one order, and commits happen in another. */
static int step(struct last_seen *relay, struct kpk_err *err) {
    static const struct kpk_pg_stmt select = {
        "last_seen", "SELECT seq, id, type, aggregateid, payload, "
                     "(extract(epoch FROM created_at) * 1000)::bigint "
                     "FROM outbox WHERE seq > $1 ORDER BY seq LIMIT 500"};
    PGresult *rows = kpk_pg_exec(relay->pg, &select, (const char *[]){relay->seq}, 1, err);
    int count, failed = 0;

    if (!rows) return -1;
    count = PQntuples(rows);
    for (int row = 0; row < count && !failed; row++) failed = send_row(relay, rows, row, err);
    if (!failed) failed = kpk_producer_wait(relay->producer, PUBLISH_MS, err);
    if (!failed && count) strcpy(relay->seq, PQgetvalue(rows, count - 1, 0));
    PQclear(rows);
    return failed;
}

int last_seen_relay_run(struct kpk_err *err) {
    const struct kpk_producer_opts opts = {.durability = KPK_CRITICAL};
    struct last_seen relay = {.seq = "0"};
    int failed = kpk_pg_open(&relay.pg, shop_schema(), err) ||
                 kpk_producer_open(&relay.producer, &opts, err);

    if (!failed) kpk_log("relay-active", "kind=last-seen");
    while (!failed && !kpk_stopping()) {
        failed = step(&relay, err);
        kpk_stop_wait(POLL_MS);
    }
    kpk_producer_close(relay.producer);
    kpk_pg_close(relay.pg);
    return failed ? -1 : 0;
}
