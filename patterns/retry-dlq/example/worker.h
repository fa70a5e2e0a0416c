/* A worker of the worked example, as a process: it charges. Several ways to treat a charge that fails, of
 * which the first is the pattern. */
#ifndef KPK_PATTERNS_RETRY_DLQ_EXAMPLE_WORKER_H
#define KPK_PATTERNS_RETRY_DLQ_EXAMPLE_WORKER_H

#include "common/err.h"
#include "common/event.h"
#include "patterns/retry-dlq/example/provider.h"

#define CHARGE_REQUESTED "charge.requested"

enum { WORKER_BATCH = 50 };

/* The pattern: patterns/fanout, which hands over what failed. returns 0, or -1 with 'err' */
int worker_pattern(struct kpk_err *err) KPK_MUST_CHECK;

/* Naive, 'way' being one of
 *   drop          a failure is logged and forgotten, and committed
 *   block         a failure is tried again, and nothing else meanwhile
 *   sleep         the same, asleep in between
 *   commit-first  handed over as in the pattern, but after the commit
 * returns  0, or -1 with 'err' */
int worker_naive(const char *way, struct kpk_err *err) KPK_MUST_CHECK;

/* What an event asks for. returns 0, or -1 with 'err' (REJECT) */
int worker_card(const struct kpk_event *event, const struct card **card,
                struct kpk_err *err) KPK_MUST_CHECK;

#endif
