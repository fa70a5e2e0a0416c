#include "patterns/outbox/example/cast.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/stop.h"
#include "patterns/outbox/example/writer.h"

#include <stdio.h>
#include <string.h>

enum { FEW = 5 };

static int start(struct kpk_child **child, const char *name, const char *role, const char *way,
                 const char *fault, struct kpk_err *err) {
    const char *const argv[] = {kpk_child_self(), "--role", role, "--way", way, NULL};
    char with_fault[128];
    /* A fault is told as a warning; who relays, as an event of every day. */
    const char *const env[] = {with_fault, "KPK_LOG_LEVEL=info", "KPK_LOG_FORMAT=logfmt", NULL};

    snprintf(with_fault, sizeof(with_fault), "KPK_FAULT=%s", fault ? fault : "");
    kpk_child_close(*child);
    return kpk_child_start(child, &(struct kpk_child_opts){name, argv, env}, err);
}

int cast_writer(struct cast *cast, const char *way, const char *fault, struct kpk_err *err) {
    return start(&cast->writer, "writer", "writer", way, fault, err);
}

int cast_relay(struct cast *cast, int i, const char *role, const char *fault,
               struct kpk_err *err) {
    static const char *const names[CAST_RELAYS] = {"relay-1", "relay-2"};

    if (start(&cast->relays[i], names[i], role, "outbox", fault, err)) return -1;
    if (i > 0 || cast->relays[1]) return 0; /* the other one is active */
    return kpk_child_await_words(cast->relays[i], "relay-active", CAST_PATIENCE_MS, err);
}

int cast_relays(struct cast *cast, const char *fault, struct kpk_err *err) {
    for (int i = 0; i < CAST_RELAYS; i++) {
        kpk_child_close(cast->relays[i]);
        cast->relays[i] = NULL;
    }
    if (cast_relay(cast, 0, "relay", fault, err)) return -1;
    return cast_relay(cast, 1, "relay", NULL, err);
}

void cast_dismiss(struct cast *cast) {
    kpk_child_close(cast->writer);
    cast->writer = NULL;
    for (int i = 0; i < CAST_RELAYS; i++) {
        kpk_child_close(cast->relays[i]);
        cast->relays[i] = NULL;
    }
}

/* Does it still answer? One that hangs does not, and neither does a dead one. */
static bool is_up(struct kpk_child *child) { return kpk_child_state(child) == KPK_CHILD_RUNS; }

int cast_changes(struct cast *cast, int count, int but, struct kpk_err *err) {
    for (int i = 0; i < count && !kpk_stopping(); i++) {
        int order = i % SHOP_ORDERS;
        if (order == but) continue;
        if (shop_change(&cast->shop, cast->writer, order, err) && !is_up(cast->writer))
            return -1;
    }
    return 0;
}

/* A busy machine did not let relay-1 renew its lease in time: it runs, and meets nothing any more. */
static bool handed_over(struct cast *cast, const char *point) {
    return kpk_child_said(cast->relays[1], "relay-active") &&
           kpk_child_state(cast->relays[0]) == KPK_CHILD_RUNS &&
           !kpk_child_met(cast->relays[0], point);
}

/* How many changes a batch takes is the relay's affair: so change until it is met. */
int cast_strike(struct cast *cast, const char *point, const char *fault, int timeout_ms,
                struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;

    while (!kpk_child_met(cast->relays[0], point) && kpk_mono_ms() < deadline &&
           !kpk_stopping()) {
        if (handed_over(cast, point) && cast_relays(cast, fault, err)) return -1;
        if (cast_changes(cast, FEW, -1, err)) return -1;
        kpk_stop_wait(50);
    }
    return 0;
}

int cast_await_newest(struct cast *cast, struct kpk_err *err) {
    struct shop *shop = &cast->shop;
    const struct attempt *newest = &shop->attempts[shop->count - 1];

    for (int waited_ms = 0; !newest->seen; waited_ms += 50) {
        if (waited_ms > CAST_PATIENCE_MS || kpk_stopping())
            return kpk_fail(err, KPK_WAIT, "the relay publishes nothing");
        if (shop_read_topic(shop, 50, err)) return -1;
    }
    return 0;
}

int cast_late_commit(struct cast *cast, struct kpk_err *err) {
    struct shop *shop = &cast->shop;
    const struct change *late = shop_next(shop, 0, err);
    int failed = -1;

    if (!late || kpk_pg_begin(shop->pg, err)) return -1;
    if (write_change(shop->pg, late, err)) goto out;
    if (shop_change(shop, cast->writer, 1, err)) goto out;
    if (cast_await_newest(cast, err)) goto out;
    failed = kpk_pg_commit(shop->pg, err);
out:
    kpk_pg_rollback(shop->pg);
    return failed;
}
