/* The writer's half of patterns/outbox, done wrong: a dual write, database first. The event is sent when
 * the transaction has committed, by whoever committed it. Linked in place of outbox.c into
 * build/naive. */
#include "patterns/outbox/outbox.h"

#include "common/clock.h"
#include "common/embed.h"
#include "common/event.h"
#include "common/log.h"
#include "topology/topology.h"

#include <stdio.h>
#include <string.h>

KPK_EMBED(kpk_outbox_ddl, "patterns/outbox/outbox.sql");

enum { PUBLISH_MS = 3000, WORD_BYTES = 128 };

/* What the transaction in hand will have to tell. One thread is one writer. */
static _Thread_local struct {
    struct kpk_producer *producer;
    bool pending;
    char topic[WORD_BYTES], key[WORD_BYTES], id[WORD_BYTES], type[WORD_BYTES];
    char subject[WORD_BYTES], payload[KPK_OUTBOX_PAYLOAD_BYTES + 1];
} writer;

int kpk_outbox_add(struct kpk_pg *pg, const struct kpk_outbox_event *event,
                   struct kpk_err *err) {
    (void)pg;
    if (strlen(event->payload) > KPK_OUTBOX_PAYLOAD_BYTES)
        return kpk_fail(err, KPK_REJECT, "outbox: the payload is too large");
    snprintf(writer.topic, WORD_BYTES, "%s", event->topic);
    snprintf(writer.key, WORD_BYTES, "%s", event->key);
    snprintf(writer.id, WORD_BYTES, "%s", event->id);
    snprintf(writer.type, WORD_BYTES, "%s", event->type);
    snprintf(writer.subject, WORD_BYTES, "%s", event->subject ? event->subject : "");
    strcpy(writer.payload, event->payload);
    writer.pending = true;
    return 0;
}

static int publish(struct kpk_err *err) {
    const struct kpk_producer_opts opts = {.durability = KPK_CRITICAL};
    char topic[KPK_NAME_BYTES];
    const struct kpk_event event = {.id = writer.id,
                                    .source = "/twitter",
                                    .type = writer.type,
                                    .subject = *writer.subject ? writer.subject : NULL,
                                    .time_ms = kpk_now_ms(),
                                    .key = writer.key,
                                    .key_len = strlen(writer.key),
                                    .data = writer.payload,
                                    .len = strlen(writer.payload)};

    if (!writer.producer && kpk_producer_open(&writer.producer, &opts, err)) return -1;
    if (kpk_event_send(writer.producer, kpk_full_name(writer.topic, topic), &event, err))
        return -1;
    return kpk_producer_wait(writer.producer, PUBLISH_MS, err);
}

void kpk_outbox_wake(struct kpk_pg *pg) {
    struct kpk_quoted quoted;
    struct kpk_err err;

    (void)pg;
    if (writer.pending && publish(&err))
        kpk_warn("forgotten", "event=%s reason=%s", writer.id, kpk_quote(&quoted, err.msg));
    writer.pending = false;
}
