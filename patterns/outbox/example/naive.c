/* The same without the pattern. Each way must show its anomaly, or the example has failed. */
#include "common/conclude.h"
#include "patterns/outbox/example/cast.h"

#include <stdio.h>

enum { CHANGES = 400, KILL_AT = 25, LATE = 10 };

static void show(const struct cast *cast, const struct kpk_report *report) {
    printf("  changes asked for %d, in the database %zu, in the topic %zu: %zu lost, %zu "
           "invented\n",
           cast->shop.count, report->writes, report->seen, report->lost, report->invented);
    if (report->first[0]) printf("  first: %s\n", report->first);
    printf("\n");
}

/* Two writes, and the writer dies between them, again and again. */
static int dual_write(struct cast *cast, const char *way, struct kpk_report *report,
                      struct kpk_err *err) {
    char fault[64];

    snprintf(fault, sizeof(fault), "naive:between-writes=exit@%d", KILL_AT);
    if (shop_begin(&cast->shop, err)) return -1;
    while (cast->shop.count < CHANGES) {
        if (cast_writer(cast, way, fault, err)) return -1;
        if (!cast_changes(cast, CHANGES, -1, err))
            return kpk_fail(err, KPK_FATAL, "the writer did not die");
    }
    if (shop_judge(&cast->shop, 1000, report, err)) return -1;
    show(cast, report);
    return 0;
}

/* The outbox, and a relay that remembers how far it was. */
static int last_seen(struct cast *cast, struct kpk_report *report, struct kpk_err *err) {
    if (shop_begin(&cast->shop, err)) return -1;
    if (cast_writer(cast, "outbox", NULL, err)) return -1;
    if (cast_relay(cast, 0, "last-seen-relay", NULL, err)) return -1;
    if (cast_changes(cast, 100, -1, err)) return -1;
    for (int i = 0; i < LATE; i++)
        if (cast_late_commit(cast, err)) return -1;
    if (cast_changes(cast, 100, -1, err)) return -1;
    if (shop_judge(&cast->shop, 1000, report, err)) return -1;
    show(cast, report);
    return 0;
}

int story_naive(struct cast *cast) {
    struct kpk_report database_first = {0}, kafka_first = {0}, late = {0};
    struct kpk_err err;

    printf(
        "\n  Dual write, database first: the writer changes the order, then publishes. It is\n"
        "  killed between the two every %d changes.\n",
        KILL_AT);
    if (dual_write(cast, "database-first", &database_first, &err))
        return kpk_conclude_broken(&err);
    printf("  Dual write, Kafka first: it publishes, then changes the order.\n");
    if (dual_write(cast, "kafka-first", &kafka_first, &err)) return kpk_conclude_broken(&err);
    printf("  An outbox whose relay asks for \"seq > the last one seen\", and %d transactions "
           "that\n"
           "  took their seq before another and committed after it.\n",
           LATE);
    if (last_seen(cast, &late, &err)) return kpk_conclude_broken(&err);

    if (database_first.lost == 0 || kafka_first.invented == 0 || late.lost == 0)
        return kpk_conclude(KPK_FAIL, "a way that should lose or invent did not");
    return kpk_conclude(
        KPK_ANOMALY,
        "database first: %zu of %zu changes lost; Kafka first: %zu announced that "
        "do not exist; last-seen relay: %zu of %zu lost",
        database_first.lost, database_first.writes, kafka_first.invented, late.lost,
        late.writes);
}
