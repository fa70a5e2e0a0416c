/* patterns/retry-dlq, left out: what failed is logged and forgotten, and the group commits and goes on. Linked in
 * place of retry.c into build/naive, for the soak that must then lose what its providers refused. */
#include "patterns/retry-dlq/retry.h"

#include "common/log.h"

#include <inttypes.h>
#include <stdlib.h>

struct kpk_retry {
    const char *group;
};

int kpk_retry_open(struct kpk_retry **out, const char *group, struct kpk_err *err) {
    *out = malloc(sizeof(**out));
    if (!*out) return kpk_fail(err, KPK_FATAL, "retry: no memory");
    (*out)->group = group;
    return 0;
}

void kpk_retry_close(struct kpk_retry *retry) { free(retry); }

int kpk_retry_hand_over(struct kpk_retry *retry, const rd_kafka_message_t *msg,
                        const struct kpk_err *why, struct kpk_err *err) {
    struct kpk_quoted quoted;

    (void)err;
    kpk_warn("forgotten",
             "topic=%s partition=%" PRId32 " offset=%" PRId64 " group=%s reason=%s",
             rd_kafka_topic_name(msg->rkt), msg->partition, msg->offset, retry->group,
             kpk_quote(&quoted, why->msg));
    return 0;
}

int kpk_retry_wait(struct kpk_retry *retry, struct kpk_err *err) {
    (void)retry;
    (void)err;
    return 0;
}

void kpk_retry_tell(const struct kpk_retry *retry, const rd_kafka_message_t *msg,
                    struct kpk_event *event) {
    (void)retry;
    (void)msg;
    event->last_try = false;
    event->waited_ms = 0;
}
