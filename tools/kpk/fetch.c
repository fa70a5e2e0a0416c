#include "tools/kpk/fetch.h"

#include "common/clock.h"
#include "common/stop.h"

#include <inttypes.h>
#include <string.h>

enum { POLL_MS = 500, PATIENCE_MS = 15000 };

void kpk_fetcher_close(struct kpk_fetcher *fetcher) {
    if (fetcher->ahead) rd_kafka_message_destroy(fetcher->ahead);
    kpk_tail_close(fetcher->tail);
    *fetcher = (struct kpk_fetcher){0};
}

static bool leads_to(const struct kpk_fetcher *fetcher, const struct kpk_position *at) {
    return fetcher->tail && fetcher->next.partition == at->partition &&
           fetcher->next.offset <= at->offset && strcmp(fetcher->next.topic, at->topic) == 0;
}

static int move(struct kpk_fetcher *fetcher, const struct kpk_position *at,
                struct kpk_err *err) {
    kpk_fetcher_close(fetcher);
    fetcher->next = *at;
    return kpk_tail_open_at(&fetcher->tail,
                            &(struct kpk_tail_opts){
                                .topics = (const char *[]){at->topic, NULL},
                                .partition = at->partition,
                                .from = {KPK_TAIL_OFFSET, at->offset},
                                .until_end = true,
                            },
                            err);
}

/* msg  out: the next record there is; NULL: there are no more */
static int take_next(struct kpk_fetcher *fetcher, rd_kafka_message_t **msg,
                     struct kpk_err *err) {
    int64_t until = kpk_mono_ms() + PATIENCE_MS;

    *msg = fetcher->ahead;
    fetcher->ahead = NULL;
    while (!*msg && !kpk_tail_done(fetcher->tail)) {
        if (kpk_stopping()) return kpk_fail(err, KPK_WAIT, "interrupted");
        if (kpk_tail_next(fetcher->tail, POLL_MS, msg, err)) return -1;
        if (!*msg && kpk_mono_ms() > until && !kpk_tail_done(fetcher->tail))
            return kpk_fail(err, KPK_WAIT, "%.100s [%" PRId32 "]: nothing comes for %d ms",
                            fetcher->next.topic, fetcher->next.partition, PATIENCE_MS);
    }
    return 0;
}

int kpk_fetch(struct kpk_fetcher *fetcher, const struct kpk_position *at,
              rd_kafka_message_t **out, struct kpk_err *err) {
    rd_kafka_message_t *msg;

    *out = NULL;
    if (!leads_to(fetcher, at) && move(fetcher, at, err)) return -1;
    for (;;) {
        if (take_next(fetcher, &msg, err)) return -1;
        if (!msg) return 0;
        fetcher->next.offset = msg->offset + 1;
        if (msg->offset >= at->offset) break;
        rd_kafka_message_destroy(msg);
    }
    if (msg->offset == at->offset) {
        *out = msg;
    } else {
        fetcher->ahead = msg;
        fetcher->next.offset = at->offset;
    }
    return 0;
}
