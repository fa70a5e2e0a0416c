/* The pattern under everything that breaks a dual write: nothing is lost, nothing is invented. */
#include "common/clock.h"
#include "common/conclude.h"
#include "patterns/outbox/example/cast.h"

#include <stdio.h>

enum { STEADY = 100, LATE = 10, KILLS = 5 };

/* The writer dies at 'point' in the midst of 'KILLS' changes, and is started again each time. */
static int kill_writer(struct cast *cast, const char *point, struct kpk_err *err) {
    char fault[64];

    snprintf(fault, sizeof(fault), "%s=exit@10", point);
    for (int i = 0; i < KILLS; i++) {
        if (cast_writer(cast, "outbox", fault, err)) return -1;
        if (!cast_changes(cast, STEADY, -1, err))
            return kpk_fail(err, KPK_FATAL, "the writer did not die at %s", point);
        if (!kpk_child_await(cast->writer, KPK_CHILD_KILLED, CAST_PATIENCE_MS)) return -1;
    }
    return cast_writer(cast, "outbox", NULL, err);
}

/* The active relay dies between publishing a batch and deleting it. */
static int kill_relay(struct cast *cast, const char *point, const char *fault,
                      struct kpk_err *err) {
    int64_t begun_ms;

    if (cast_strike(cast, point, fault, CAST_PATIENCE_MS, err)) return -1;
    if (!kpk_child_await(cast->relays[0], KPK_CHILD_KILLED, CAST_PATIENCE_MS))
        return kpk_fail(err, KPK_FATAL, "relay-1 did not die");
    begun_ms = kpk_mono_ms();
    if (kpk_child_await_words(cast->relays[1], "relay-active", CAST_PATIENCE_MS, err))
        return -1;
    printf(
        "  kill -9 relay-1         after it published a batch, before it deleted it; relay-2\n"
        "                          took over %.1f s later and published it again\n",
        (double)(kpk_mono_ms() - begun_ms) / 1000);
    return cast_relay(cast, 0, "relay", NULL, err); /* as its supervisor would */
}

static int tell(struct cast *cast, struct kpk_report *report, struct kpk_err *err) {
    const char *point = "outbox:after-publish", *fault = "outbox:after-publish=exit@10";

    printf("\n  %d orders change in PostgreSQL, each change with an outbox row in its\n"
           "  transaction. Two relays: relay-1 publishes to topic orders, relay-2 waits.\n\n",
           SHOP_ORDERS);
    if (shop_begin(&cast->shop, err)) return -1;
    if (cast_relays(cast, fault, err)) return -1;
    if (cast_writer(cast, "outbox", NULL, err) || kill_relay(cast, point, fault, err))
        return -1;
    if (kill_writer(cast, "order:after-change", err)) return -1;
    printf(
        "  kill -9 writer x %d      with the change made and its event not: neither is there\n",
        KILLS);
    if (kill_writer(cast, "order:after-commit", err)) return -1;
    printf("  kill -9 writer x %d      committed, and nobody was told: both are there\n",
           KILLS);
    for (int i = 0; i < LATE; i++)
        if (cast_late_commit(cast, err)) return -1;
    printf("  late commit x %d        took its place in the outbox first, committed last\n\n",
           LATE);
    return shop_judge(&cast->shop, CAST_PATIENCE_MS, report, err);
}

int story_pattern(struct cast *cast) {
    struct kpk_report report;
    struct kpk_err err;
    char text[400];

    if (tell(cast, &report, &err)) return kpk_conclude_broken(&err);
    printf("  changes asked for %d, in the database %zu, in the topic %zu (%d came twice, with "
           "the same ce_id)\n\n",
           cast->shop.count, report.writes, report.seen, cast->shop.again);
    if (cast->shop.again == 0)
        return kpk_conclude(KPK_FAIL,
                            "relay-1 died with a batch published, and none came twice");
    return kpk_conclude(report.first[0] ? KPK_FAIL : KPK_PASS, "%s",
                        kpk_report_text(&report, text, sizeof(text)));
}
