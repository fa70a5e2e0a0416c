/* What kpk doctor finds, and what it makes of it.
 *
 *   the servers --(doctor_kafka.c, doctor_stores.c)--> found --(kpk_decide_...)--> findings
 *
 * A decision sees only what was found, so all of them are tested without a server.
 *
 *   ok    as it should be
 *   warn  it works, but not as well as it should, or not for ever
 *   bad   something does not work: nothing goes through it, or the next loss is one too many */
#ifndef KPK_TOOLS_DOCTOR_H
#define KPK_TOOLS_DOCTOR_H

#include "tools/kpk/lag.h"
#include "topology/plan.h"

/* --- findings ---------------------------------------------------------------------------- */

enum kpk_level { KPK_LEVEL_OK, KPK_LEVEL_WARN, KPK_LEVEL_BAD, KPK_LEVELS };

const char *kpk_level_name(enum kpk_level level); /* "ok", "warn", "bad" */

struct kpk_finding {
    enum kpk_level level;
    const char *about; /* "brokers" */
    char text[400];    /* which of them, and its state */
    char fix[240];     /* what to do about it; "" for what is ok */
};

enum { KPK_FINDINGS = 64 };

struct kpk_findings {
    size_t levels[KPK_LEVELS]; /* how many of each */
    struct kpk_finding all[KPK_FINDINGS];
    size_t count; /* held; those past KPK_FINDINGS are in 'levels' alone */
};

/* Add one, and what to do about the one that was added last. */
void kpk_find(struct kpk_findings *findings, enum kpk_level level, const char *about,
              const char *fmt, ...) KPK_PRINTF(4, 5);
void kpk_fix(struct kpk_findings *findings, const char *fmt, ...) KPK_PRINTF(2, 3);

size_t kpk_findings_total(const struct kpk_findings *findings);

/* Is a server one of the bundled ones, which make starts, and not one of the user's own?
 * address    as the environment names it; NULL or "": nothing is set, and the default is bundled
 * stack_env  KPK_STACK_ENV, which "make env" sets: the bundled addresses, blanks between them */
bool kpk_is_bundled(const char *address, const char *stack_env);

/* Is 'part' in a list of what is not to be looked at? NULL ends it */
bool kpk_is_without(const char *const *without, const char *part);

/* --- Kafka ------------------------------------------------------------------------------- */

struct kpk_found_broker {
    int id;
    char address[160]; /* ""; the cluster does not know it now, but replicas lie on it */
    bool answers;
};

struct kpk_found_partition {
    const char *topic;
    int partition;
    int leader; /* negative: none */
    int replicas, isr;
    int min_isr; /* 0: unknown */
};

struct kpk_found_group {
    const struct kpk_group *row;
    bool exists;
    size_t members;
    struct kpk_lag_sum sum;
};

struct kpk_found_letters {
    const struct kpk_group *row;
    int64_t count; /* that nothing was done about */
    int unread;    /* partitions that have no leader, or do not answer */
};

enum { KPK_FOUND_BROKERS = 256, KPK_FOUND_GROUPS = 64 };

struct kpk_found_kafka {
    bool bundled;
    int expected;               /* brokers; 0: as many as are known */
    const char *const *systems; /* those that count; empty: all */
    const char *const *without; /* steps not taken: "topics", "groups" */
    struct kpk_found_broker brokers[KPK_FOUND_BROKERS];
    size_t broker_count;
    char controller[256]; /* why no controller answers; "": one does */
    struct kpk_plan topics;
    struct kpk_found_partition *partitions;
    size_t partition_count;
    struct kpk_found_group groups[KPK_FOUND_GROUPS];
    size_t group_count;
    struct kpk_found_letters letters[KPK_FOUND_GROUPS];
    size_t letter_count;
    bool ledger_unread; /* so letters that something was done about are counted too */
    /* private */
    rd_kafka_topic_partition_list_t *names; /* holds the partitions' topics */
};

void kpk_decide_unreachable(struct kpk_findings *findings, const struct kpk_found_kafka *found,
                            const struct kpk_err *why);
void kpk_decide_brokers(struct kpk_findings *findings, const struct kpk_found_kafka *found);
void kpk_decide_controller(struct kpk_findings *findings, const struct kpk_found_kafka *found);
void kpk_decide_topics(struct kpk_findings *findings, const struct kpk_found_kafka *found);
void kpk_decide_partitions(struct kpk_findings *findings, const struct kpk_found_kafka *found);
void kpk_decide_groups(struct kpk_findings *findings, const struct kpk_found_kafka *found);
void kpk_decide_letters(struct kpk_findings *findings, const struct kpk_found_kafka *found);

/* Does a broker that the cluster lists not answer? */
bool kpk_broker_hangs(const struct kpk_found_kafka *found);

/* Ask the cluster, step by step:
 *   if (kpk_look_open(&look, &found, wait_ms, err)) kpk_decide_unreachable(findings, &found, err);
 *   else while (kpk_look_step(look, findings)) ...
 * found    what comes before 'brokers' is set; the rest is out
 * wait_ms  for all of it; a step that there is no time for is a finding of its own */
struct kpk_look;
int kpk_look_open(struct kpk_look **look, struct kpk_found_kafka *found, int wait_ms,
                  struct kpk_err *err) KPK_MUST_CHECK;
void kpk_look_close(struct kpk_look *look); /* NULL is fine */
/* returns  whether there is another step */
bool kpk_look_step(struct kpk_look *look, struct kpk_findings *findings);

void kpk_found_kafka_free(struct kpk_found_kafka *found);

/* --- PostgreSQL and Redis ---------------------------------------------------------------- */

struct kpk_found_outbox {
    const char *system;
    bool exists;
    int64_t waiting, parked; /* rows */
    int64_t oldest_s;        /* age of the oldest that waits */
    bool relay;              /* one holds the lease */
};

enum { KPK_FOUND_OUTBOXES = 32 };

struct kpk_found_postgres {
    bool bundled;
    const char *const *systems;
    char reason[256]; /* why it could not be asked; "": it was */
    struct kpk_found_outbox outboxes[KPK_FOUND_OUTBOXES];
    size_t outbox_count;
};

struct kpk_found_redis {
    bool bundled;
    char reason[256]; /* why it could not be asked; "": it was */
    /* As it is set; "": it does not tell. */
    char appendonly[32], appendfsync[32], maxmemory_policy[32];
};

/* Ask; at most 5 s. One thread each. */
void kpk_look_at_postgres(struct kpk_found_postgres *found);
void kpk_look_at_redis(struct kpk_found_redis *found);

void kpk_decide_postgres(struct kpk_findings *findings, const struct kpk_found_postgres *found);
void kpk_decide_redis(struct kpk_findings *findings, const struct kpk_found_redis *found);

#endif
