/* Transactional outbox: a state change and the event that tells of it are one database
 * transaction; a relay publishes the event afterwards.
 *
 *   writer:  BEGIN  state change  kpk_outbox_add()  COMMIT  kpk_outbox_wake()
 *   relay:   select (1) -> publish in a Kafka transaction (2) -> delete by seq (3)
 *
 * Guaranteed      an event is published if and only if its transaction committed, at least once, in
 *                 the order of the commits of its aggregate; each event keeps its id.
 * Not guaranteed  exactly once: a crash between (2) and (3) publishes the rows again, with the same
 *                 ids. Order across aggregates.
 * Source          https://microservices.io/patterns/data/transactional-outbox.html; the guide,
 *                 section 1 (when not to use Kafka: "database + outbox"). */
#ifndef KPK_PATTERNS_OUTBOX_H
#define KPK_PATTERNS_OUTBOX_H

#include "common/err.h"
#include "common/pg.h"

#include <stdbool.h>

/* The tables, for kpk_pg_migrate() of the schema that they live in. */
extern const char kpk_outbox_ddl[];

/* --- writer ------------------------------------------------------------------------------ */

enum {
    KPK_OUTBOX_PAYLOAD_BYTES = 64 * 1024
}; /* events are small: large things are stored, and named */

struct kpk_outbox_event {
    const char *topic;       /* base name */
    const char *key;         /* the aggregate: order holds within it */
    const char *id;          /* UUID; what consumers recognise a repeated event by */
    const char *type;        /* "tweet.created" */
    const char *subject;     /* NULL: none */
    const char *payload;     /* JSON */
    const char *traceparent; /* NULL: none */
};

/* Write the event in the transaction that 'pg' is in. The caller holds a lock on the aggregate's row
 * (SELECT ... FOR NO KEY UPDATE), or order within the aggregate is not kept.
 * returns  0, or -1 with 'err': REJECT a payload over the limit; the rest as kpk_pg_exec() */
int kpk_outbox_add(struct kpk_pg *pg, const struct kpk_outbox_event *event,
                   struct kpk_err *err) KPK_MUST_CHECK;

/* Tell the relay, after the commit. Only a hint that saves it its poll, so failures do not matter.
 * Not inside the transaction: a transaction that notifies commits under a lock of the whole
 * database, and no two of them share a flush of the log. */
void kpk_outbox_wake(struct kpk_pg *pg);

/* --- relay ------------------------------------------------------------------------------- */

struct kpk_relay;

struct kpk_relay_opts {
    const char *schema; /* where the outbox is, with the namespace */
    const char *source; /* ce_source of its events: "/twitter" */
    const char
        *name;    /* base name of lease and transactional id, the same for all that compete */
    int batch;    /* rows a transaction; 0: 500 */
    int poll_ms;  /* the safety net under NOTIFY; 0: 500 */
    int lease_ms; /* a relay that hangs is replaced after this; 0: 4000 */
};

int kpk_relay_open(struct kpk_relay **relay, const struct kpk_relay_opts *opts,
                   struct kpk_err *err) KPK_MUST_CHECK;

/* Relay until kpk_stopping(): as the active one, or waiting for the active one to die or hang.
 * An outage of PostgreSQL or Kafka is waited out.
 * returns  0 when asked to stop, the lease given back; -1 with 'err' (FATAL) */
int kpk_relay_run(struct kpk_relay *relay, struct kpk_err *err) KPK_MUST_CHECK;

void kpk_relay_close(struct kpk_relay *relay); /* NULL is fine */

/* For /readyz, any thread: 0 while its last step met no outage, else -1 with 'err' (WAIT). */
int kpk_relay_check(struct kpk_relay *relay, struct kpk_err *err) KPK_MUST_CHECK;
/* The same: 0 when Kafka answers, active or not. */
int kpk_relay_check_kafka(struct kpk_relay *relay, struct kpk_err *err) KPK_MUST_CHECK;

#endif
