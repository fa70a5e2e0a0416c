#include "patterns/outbox/example/shop.h"

#include "common/clock.h"
#include "common/embed.h"
#include "common/event.h"
#include "common/stop.h"
#include "patterns/outbox/example/writer.h"
#include "patterns/outbox/outbox.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

KPK_EMBED(shop_ddl, "patterns/outbox/example/schema.sql");

enum { ANSWER_MS = 4000, PEEK_MS = 50, LINGER_MS = 300 };

#define OBSERVER "the topic"

static int make_tables(struct shop *shop, struct kpk_err *err) {
    static const struct kpk_pg_stmt insert = {
        "orders_insert", "INSERT INTO orders (id) SELECT generate_series(0, $1 - 1) "
                         "ON CONFLICT DO NOTHING"};
    char *ddl = NULL, count[16];
    int failed;

    if (asprintf(&ddl, "%s\n%s", shop_ddl, kpk_outbox_ddl) < 0)
        return kpk_fail(err, KPK_FATAL, "shop: no memory");
    failed = kpk_pg_migrate(shop->pg, shop_schema(), ddl, err);
    free(ddl);
    snprintf(count, sizeof(count), "%d", SHOP_ORDERS);
    return failed ? -1 : kpk_pg_run(shop->pg, &insert, (const char *[]){count}, 1, err);
}

int shop_open(struct shop *shop, struct kpk_err *err) {
    *shop = (struct shop){.attempts = calloc(SHOP_CHANGES, sizeof(*shop->attempts))};
    if (!shop->attempts) return kpk_fail(err, KPK_FATAL, "shop: no memory");
    if (kpk_pg_open(&shop->pg, shop_schema(), err)) return -1;
    return make_tables(shop, err);
}

void shop_close(struct shop *shop) {
    kpk_tail_close(shop->tail);
    kpk_history_free(shop->history);
    kpk_pg_close(shop->pg);
    free(shop->attempts);
    *shop = (struct shop){0};
}

int shop_begin(struct shop *shop, struct kpk_err *err) {
    char topic[KPK_NAME_BYTES];

    kpk_tail_close(shop->tail);
    kpk_history_free(shop->history);
    shop->count = shop->acked = shop->again = 0;
    shop->history = kpk_history_new();
    if (!shop->history) return kpk_fail(err, KPK_FATAL, "shop: no memory");
    return kpk_tail_open(&shop->tail, kpk_full_name(KPK_TOPIC_ORDERS, topic), true, err);
}

/* --- changes ----------------------------------------------------------------------------- */

struct change *shop_next(struct shop *shop, int order, struct kpk_err *err) {
    struct attempt *attempt = &shop->attempts[shop->count];

    if (shop->count == SHOP_CHANGES)
        return (void)kpk_fail(err, KPK_FATAL, "shop: more than %d changes", SHOP_CHANGES), NULL;
    shop->count++;
    *attempt = (struct attempt){.change.order = order, .begun_us = kpk_mono_us()};
    kpk_uuid7(attempt->change.id);
    return &attempt->change;
}

int shop_change(struct shop *shop, struct kpk_child *writer, int order, struct kpk_err *err) {
    const struct change *change = shop_next(shop, order, err);
    char line[64], answer[300];

    if (!change) return -1;
    snprintf(line, sizeof(line), "%d %s", change->order, change->id);
    if (kpk_child_ask(writer, line, answer, sizeof(answer), ANSWER_MS, err)) return -1;
    if (strcmp(answer, WRITER_OK) != 0)
        return kpk_fail(err, KPK_WAIT, "%s: %.200s", kpk_child_name(writer), answer);
    shop->acked++;
    return 0;
}

/* --- the topic --------------------------------------------------------------------------- */

/* Ids are UUIDv7 of one process, so the attempts are sorted by them. */
static int by_id(const void *a, const void *b) {
    return strcmp(((const struct attempt *)a)->change.id,
                  ((const struct attempt *)b)->change.id);
}

static struct attempt *find(struct shop *shop, const char *id) {
    struct attempt key;

    snprintf(key.change.id, sizeof(key.change.id), "%s", id);
    return bsearch(&key, shop->attempts, (size_t)shop->count, sizeof(key), by_id);
}

static int see(struct shop *shop, const rd_kafka_message_t *msg, struct kpk_err *err) {
    struct attempt *attempt;
    struct kpk_event event;

    if (kpk_event_decode(msg, &event, err)) return -1;
    attempt = find(shop, event.id);
    if (!attempt) return 0; /* of a run before this one */
    if (attempt->seen) {
        shop->again++;
        return 0;
    }
    attempt->seen = true;
    attempt->seen_us = kpk_mono_us();
    kpk_history_see(shop->history, OBSERVER, event.id);
    return 0;
}

int shop_read_topic(struct shop *shop, int timeout_ms, struct kpk_err *err) {
    rd_kafka_message_t *msg;
    int failed;

    do {
        if (kpk_tail_next(shop->tail, timeout_ms, &msg, err)) return -1;
        if (!msg) return 0;
        failed = see(shop, msg, err);
        rd_kafka_message_destroy(msg);
    } while (!failed && !kpk_stopping());
    return failed;
}

/* --- the verdict ------------------------------------------------------------------------- */

/* Which of the attempts are in the database.
 * made  out; by index of the attempt */
static int read_made(struct shop *shop, bool *made, struct kpk_err *err) {
    static const struct kpk_pg_stmt select = {
        "changes_made", "SELECT id FROM order_changes WHERE id = ANY($1::uuid[])"};
    char *ids =
        kpk_pg_array(shop->attempts[0].change.id, sizeof(*shop->attempts), (size_t)shop->count);
    PGresult *result =
        ids ? kpk_pg_exec(shop->pg, &select, (const char *[]){ids}, 1, err) : NULL;

    free(ids);
    if (!result) return -1;
    memset(made, 0, (size_t)shop->count * sizeof(*made));
    for (int row = 0; row < PQntuples(result); row++)
        made[find(shop, PQgetvalue(result, row, 0)) - shop->attempts] = true;
    PQclear(result);
    return 0;
}

static bool all_seen(const struct shop *shop, const bool *made) {
    for (int i = 0; i < shop->count; i++)
        if (made[i] && !shop->attempts[i].seen) return false;
    return true;
}

static void write_history(struct shop *shop, const bool *made) {
    char stream[24];

    kpk_history_order(shop->history, OBSERVER, KPK_ORDER_OLDEST_FIRST);
    for (int i = 0; i < shop->count; i++) {
        const struct change *change = &shop->attempts[i].change;
        snprintf(stream, sizeof(stream), "order %d", change->order);
        kpk_history_expect(shop->history, OBSERVER, stream);
        kpk_history_write(shop->history, stream, change->id,
                          made[i] ? KPK_WRITE_OK : KPK_WRITE_FAILED);
    }
}

int shop_judge(struct shop *shop, int timeout_ms, struct kpk_report *report,
               struct kpk_err *err) {
    static bool made[SHOP_CHANGES];
    int64_t deadline = kpk_mono_ms() + timeout_ms;

    do {
        if (read_made(shop, made, err) || shop_read_topic(shop, PEEK_MS, err)) return -1;
    } while (!all_seen(shop, made) && kpk_mono_ms() < deadline && !kpk_stopping());
    if (shop_read_topic(shop, LINGER_MS, err)) return -1; /* what comes too much comes last */
    write_history(shop, made);
    kpk_history_check(shop->history, report);
    return 0;
}
