/* The writer's half of the outbox: one row, in the caller's transaction. */
#include "patterns/outbox/outbox.h"

#include "common/embed.h"

#include <string.h>

KPK_EMBED(kpk_outbox_ddl, "patterns/outbox/outbox.sql");

int kpk_outbox_add(struct kpk_pg *pg, const struct kpk_outbox_event *event,
                   struct kpk_err *err) {
    static const struct kpk_pg_stmt insert = {
        "outbox_insert",
        "INSERT INTO outbox (id, aggregatetype, aggregateid, type, subject, payload, headers) "
        "VALUES ($1, $2, $3, $4, $5, $6, "
        "        CASE WHEN $7::text IS NULL THEN NULL ELSE jsonb_build_object('traceparent', "
        "$7::text) END)"};
    const char *params[] = {event->id,      event->topic,   event->key,        event->type,
                            event->subject, event->payload, event->traceparent};
    size_t len = strlen(event->payload);

    if (len > KPK_OUTBOX_PAYLOAD_BYTES)
        return kpk_fail(err, KPK_REJECT, "outbox: payload of %s is %zu bytes, more than %d",
                        event->type, len, KPK_OUTBOX_PAYLOAD_BYTES);
    return kpk_pg_run(pg, &insert, params, 7, err);
}

void kpk_outbox_wake(struct kpk_pg *pg) {
    static const struct kpk_pg_stmt notify = {
        "outbox_notify", "SELECT pg_notify(current_schema() || '.outbox', '')"};
    struct kpk_err ignored;

    if (kpk_pg_run(pg, &notify, NULL, 0, &ignored)) return; /* the relay's poll finds the row */
}
