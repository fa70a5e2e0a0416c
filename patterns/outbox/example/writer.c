/* One change of an order, and the event that tells of it. */
#include "patterns/outbox/example/writer.h"

#include "common/clock.h"
#include "common/event.h"
#include "common/fault.h"
#include "common/kafka.h"
#include "patterns/outbox/outbox.h"
#include "topology/topology.h"

#include <stdio.h>
#include <string.h>

#define SOURCE "/orders"
#define TYPE "order.changed"

enum { PUBLISH_MS = 10000, PAYLOAD_BYTES = 160 };

struct writer {
    struct kpk_pg *pg;
    struct kpk_producer *producer; /* of the dual writes; the pattern has none */
};

const char *shop_schema(void) {
    static _Thread_local char name[KPK_NAME_BYTES];

    return kpk_schema_name("outbox", name);
}

int change_order(struct kpk_pg *pg, const struct change *change, struct kpk_err *err) {
    static const struct kpk_pg_stmt update = {
        "order_change",
        "WITH o AS (UPDATE orders SET changes = changes + 1 WHERE id = $1 RETURNING id) "
        "INSERT INTO order_changes (id, order_id) SELECT $2, id FROM o"};
    char order[16];

    snprintf(order, sizeof(order), "%d", change->order);
    return kpk_pg_run(pg, &update, (const char *[]){order, change->id}, 2, err);
}

static const char *payload_of(const struct change *change, char out[PAYLOAD_BYTES]) {
    snprintf(out, PAYLOAD_BYTES, "{\"order_id\":\"%d\",\"change_id\":\"%s\"}", change->order,
             change->id);
    return out;
}

/* --- the pattern ------------------------------------------------------------------------- */

int write_change(struct kpk_pg *pg, const struct change *change, struct kpk_err *err) {
    char key[16], payload[PAYLOAD_BYTES];

    snprintf(key, sizeof(key), "%d", change->order);
    if (change_order(pg, change, err)) return -1;
    if (kpk_fault("order:after-change", err)) return -1;
    return kpk_outbox_add(pg,
                          &(struct kpk_outbox_event){.topic = KPK_TOPIC_ORDERS,
                                                     .key = key,
                                                     .id = change->id,
                                                     .type = TYPE,
                                                     .payload = payload_of(change, payload)},
                          err);
}

/* Both or neither. */
static int with_outbox(struct writer *writer, const struct change *change,
                       struct kpk_err *err) {
    struct kpk_pg *pg = writer->pg;
    int failed = -1;

    if (kpk_pg_begin(pg, err)) return -1;
    if (write_change(pg, change, err)) goto out;
    if (kpk_fault("order:before-commit", err)) goto out;
    if (kpk_pg_commit(pg, err)) goto out;
    if (kpk_fault("order:after-commit", err)) goto out;
    kpk_outbox_wake(pg);
    failed = 0;
out:
    kpk_pg_rollback(pg);
    return failed;
}

/* --- without the pattern: two writes, one after the other -------------------------------- */

static int publish(struct writer *writer, const struct change *change, struct kpk_err *err) {
    char topic[KPK_NAME_BYTES], key[16], payload[PAYLOAD_BYTES];
    struct kpk_event event = {.id = change->id,
                              .source = SOURCE,
                              .type = TYPE,
                              .time_ms = kpk_now_ms(),
                              .key = key,
                              .data = payload_of(change, payload)};

    event.len = strlen(payload);
    event.key_len = (size_t)snprintf(key, sizeof(key), "%d", change->order);
    if (kpk_event_send(writer->producer, kpk_full_name(KPK_TOPIC_ORDERS, topic), &event, err))
        return -1;
    return kpk_producer_wait(writer->producer, PUBLISH_MS, err);
}

/* Dead in between: a change that exists, and that nobody hears of. */
static int database_first(struct writer *writer, const struct change *change,
                          struct kpk_err *err) {
    if (change_order(writer->pg, change, err)) return -1;
    if (kpk_fault("naive:between-writes", err)) return -1;
    return publish(writer, change, err);
}

/* Dead in between: a change announced to everyone, and that does not exist. */
static int kafka_first(struct writer *writer, const struct change *change,
                       struct kpk_err *err) {
    if (publish(writer, change, err)) return -1;
    if (kpk_fault("naive:between-writes", err)) return -1;
    return change_order(writer->pg, change, err);
}

/* --- the process ------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*write)(struct writer *writer, const struct change *change, struct kpk_err *err);
} ways[] = {
    {"outbox", with_outbox}, {"database-first", database_first}, {"kafka-first", kafka_first}};

static int serve(struct writer *writer, size_t way) {
    struct change change;
    struct kpk_err err;
    char line[128];

    while (fgets(line, sizeof(line), stdin)) {
        if (sscanf(line, "%d %36s", &change.order, change.id) != 2)
            printf("not a change\n");
        else if (ways[way].write(writer, &change, &err))
            printf("%s\n", err.msg);
        else
            puts(WRITER_OK);
        fflush(stdout);
    }
    return 0;
}

int writer_run(const char *way, struct kpk_err *err) {
    const struct kpk_producer_opts opts = {.durability = KPK_CRITICAL};
    struct writer writer = {0};
    size_t i = 0, count = sizeof(ways) / sizeof(*ways);
    int failed = -1;

    while (i < count && strcmp(ways[i].name, way) != 0) i++;
    if (i == count) return kpk_fail(err, KPK_FATAL, "way: there is no '%.40s'", way);
    if (kpk_pg_open(&writer.pg, shop_schema(), err)) goto out;
    if (i > 0 && kpk_producer_open(&writer.producer, &opts, err)) goto out;
    failed = serve(&writer, i);
out:
    kpk_producer_close(writer.producer);
    kpk_pg_close(writer.pg);
    return failed;
}
