/* Dependencies of the Twitter services are missing for a while, under an ordeal's load. Seen from
 * outside, while it lasts and afterwards:
 *
 *   /readyz      of each process: 503 while one of its dependencies is missing, naming it
 *   requests     those that need it: 503 with Retry-After; the others as ever; all in bounded time
 *   the group    keeps its members, and commits nothing that it could not do
 *   the outbox   keeps its rows while Kafka is missing
 *   afterwards   all goes on by itself: no process was started anew, no dead letter was written, and
 *                the ordeal's history is clean
 *
 *   outage_begin(&outage)
 *   outage_starts(&outage, "redis is gone", OUTAGE_REDIS)
 *   ...                                   the harm
 *   outage_await_pause(&outage)           if a store is missing, and before Kafka is
 *   outage_watch(&outage)                 for outage_seconds()
 *   ...                                   undone
 *   outage_ends(&outage)                  and so on with the next one
 *   outage_judge(&outage)
 *
 * Everything fails the test that is not so. */
#ifndef KPK_TESTS_SUPPORT_OUTAGE_H
#define KPK_TESTS_SUPPORT_OUTAGE_H

#include "common/pg.h"
#include "tests/support/group.h"
#include "tests/support/ordeal.h"

#include <sys/types.h>

/* What may be missing; added up. */
enum outage_missing { OUTAGE_POSTGRES = 1, OUTAGE_REDIS = 2, OUTAGE_KAFKA = 4 };

enum { OUTAGE_SERVICES = 6, OUTAGE_DLQS = 2 };

struct outage {
    struct ordeal ordeal;
    struct kpk_pg *pg;
    struct world *pair; /* beside the ordeal's: an author, and a reader who follows */
    int64_t started[OUTAGE_SERVICES];
    int64_t dead_letters[OUTAGE_DLQS];
    /* the outage that lasts */
    const char *what;
    int missing; /* what the services are without */
    int64_t since_ms, slowest_ms;
    off_t logged[OUTAGE_SERVICES]; /* bytes in their logs before it */
    struct kpk_lag group;          /* when nothing could be committed any more */
    int64_t posts, rows;           /* acknowledged; in the outbox, at least */
};

/* KPK_OUTAGE_SECONDS, or a few. */
int outage_seconds(void);

void outage_begin(struct outage *outage);
void outage_starts(struct outage *outage, const char *what, int missing);
/* Every member of the group has events in hand that it cannot do, waits, and its log says why. */
void outage_await_pause(struct outage *outage);
void outage_watch(struct outage *outage);
/* The parts of it, once: all requests, several times at once; and the outbox, which keeps its rows. */
void outage_ask(struct outage *outage);
void outage_watch_outbox(struct outage *outage);
void outage_ends(struct outage *outage);
void outage_judge(struct outage *outage);

/* Rows that wait in the outbox. PostgreSQL must be there. */
int64_t outage_outbox_rows(struct outage *outage);

#endif
