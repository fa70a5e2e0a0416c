/* Where one event has been: its traces in the outboxes, in the topics, and in the groups that
 * read them. Each part answers for itself, so that one dependency that is down hides one part.
 */
#ifndef KPK_TOOLS_TRACE_H
#define KPK_TOOLS_TRACE_H

#include "common/tail.h"
#include "tools/kpk/dlq.h"
#include "topology/plan.h"

/* --- outbox ------------------------------------------------------------------------------ */

enum kpk_outbox_state {
    KPK_OUTBOX_GONE,  /* published and deleted, or it never was there */
    KPK_OUTBOX_NEVER, /* an outbox has UUIDs only */
    KPK_OUTBOX_PENDING,
    KPK_OUTBOX_PARKED,  /* can never be published */
    KPK_OUTBOX_NONE,    /* the schema has no outbox (yet) */
    KPK_OUTBOX_UNKNOWN, /* the database does not answer */
};

struct kpk_outbox_trace {
    const char *system;
    enum kpk_outbox_state state;
    char detail[400]; /* of PENDING and PARKED: since when, for where, why; of UNKNOWN: why */
};

enum { KPK_TRACE_SYSTEMS = 32 };

/* Ask the outbox of every system in the table for 'id'. returns how many systems */
size_t kpk_trace_outboxes(const char *id, struct kpk_outbox_trace *out);

/* --- records ----------------------------------------------------------------------------- */

enum { KPK_TRACE_RECORDS = 64 };

struct kpk_trace_record {
    struct kpk_dead_letter at; /* first; more than where and when is of what was handed over */
    const struct kpk_group *rejected_by; /* it is a dead letter of this group; or NULL */
    const struct kpk_group *retried_by;  /* it lies in a retry tier of this group; or NULL */
    char *key, *type;                    /* safe text */
};

struct kpk_trace_scan {
    struct kpk_trace_record records[KPK_TRACE_RECORDS];
    size_t count;
    size_t retries, dead_letters; /* of them */
    size_t more;                  /* records with this id past KPK_TRACE_RECORDS */
    size_t read;                  /* records looked at */
    size_t topics, missing;       /* read; of the table, but not on this cluster */
    int partitions, leaderless;
};

/* Look for records with this ce_id in every topic of the table that is on the cluster, from
 * 'since_ms' to where the topics end now.
 * topics   described; outlives 'scan'
 * returns  0, or -1 with 'err' (WAIT, FATAL) */
int kpk_trace_records(struct kpk_plan *topics, const char *id, int64_t since_ms,
                      struct kpk_trace_scan *scan, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_trace_scan_free(struct kpk_trace_scan *scan);

#endif
