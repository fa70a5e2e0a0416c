#include "services/twitter/mention_watch.h"

#include "common/tail.h"
#include "topology/topology.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { PEEK_MS = 50 };

struct known {
    char id[KPK_UUID_BYTES];
    struct known *before; /* the one that came before it */
    UT_hash_handle hh;
};

struct mention_watch {
    struct kpk_tail *tail;
    struct known *known; /* by id */
    struct known *newest;
    int repeated;
};

int mention_watch_open(struct mention_watch **out, struct kpk_err *err) {
    struct mention_watch *watch = calloc(1, sizeof(*watch));
    char topic[KPK_NAME_BYTES];

    *out = NULL;
    if (!watch) return kpk_fail(err, KPK_FATAL, "mentions: no memory");
    if (kpk_tail_open(&watch->tail, kpk_full_name(KPK_TOPIC_NOTIFICATIONS_PENDING, topic), true,
                      err)) {
        free(watch);
        return -1;
    }
    *out = watch;
    return 0;
}

void mention_watch_close(struct mention_watch *watch) {
    if (!watch) return;
    HASH_CLEAR(hh, watch->known);
    for (struct known *known = watch->newest, *before; known; known = before) {
        before = known->before;
        free(known);
    }
    kpk_tail_close(watch->tail);
    free(watch);
}

/* returns  1 it is new, 0 it was there before, -1 with 'err' */
static int remember(struct mention_watch *watch, const char *id, struct kpk_err *err) {
    struct known *known;

    HASH_FIND_STR(watch->known, id, known);
    if (known) {
        watch->repeated++;
        return 0;
    }
    known = calloc(1, sizeof(*known));
    if (!known) return kpk_fail(err, KPK_FATAL, "mentions: no memory");
    strcpy(known->id, id);
    known->before = watch->newest;
    watch->newest = known;
    HASH_ADD_STR(watch->known, id, known);
    return 1;
}

static int take(struct mention_watch *watch, const rd_kafka_message_t *msg,
                mention_fn on_mention, void *ctx, struct kpk_err *err) {
    struct twitter_mention mention;
    struct kpk_event event;
    struct kpk_err why;
    int fresh;

    if (kpk_event_decode(msg, &event, &why) || twitter_mention_decode(&event, &mention, &why))
        return 0;
    fresh = remember(watch, mention.id, err);
    if (fresh > 0) on_mention(&mention, ctx);
    return fresh < 0 ? -1 : 0;
}

int mention_watch_read(struct mention_watch *watch, mention_fn on_mention, void *ctx,
                       struct kpk_err *err) {
    rd_kafka_message_t *msg;
    int failed = 0;

    while (!failed) {
        if (kpk_tail_next(watch->tail, PEEK_MS, &msg, err)) return -1;
        if (!msg) return 0;
        failed = take(watch, msg, on_mention, ctx, err);
        rd_kafka_message_destroy(msg);
    }
    return -1;
}

int mention_watch_repeated(const struct mention_watch *watch) { return watch->repeated; }
