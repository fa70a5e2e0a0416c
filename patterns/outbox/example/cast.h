/* Who plays in the worked example: a writer and relays, each a process of this program. */
#ifndef KPK_PATTERNS_OUTBOX_EXAMPLE_CAST_H
#define KPK_PATTERNS_OUTBOX_EXAMPLE_CAST_H

#include "patterns/outbox/example/shop.h"

enum {
    CAST_RELAYS = 2,
    CAST_LEASE_MS = 2000, /* short, so that a take-over is soon seen */
    CAST_PATIENCE_MS = 30000,
};

struct cast {
    struct shop shop;
    struct kpk_child *writer;
    struct kpk_child *relays[CAST_RELAYS];
};

/* way    of the writer: "outbox", "database-first", "kafka-first"
 * fault  KPK_FAULT of the process, or NULL */
int cast_writer(struct cast *cast, const char *way, const char *fault,
                struct kpk_err *err) KPK_MUST_CHECK;
/* The first that is started is awaited until it is active, so another is the standby.
 * role  "relay", or "last-seen-relay" */
int cast_relay(struct cast *cast, int i, const char *role, const char *fault,
               struct kpk_err *err) KPK_MUST_CHECK;
/* Both, in place of those that run: relay-1 is active, and has 'fault'; relay-2 stands by. */
int cast_relays(struct cast *cast, const char *fault, struct kpk_err *err) KPK_MUST_CHECK;
/* Change orders until relay-1 has met 'point', or for 'timeout_ms'. Should it lose its lease before, the two begin
 * anew. */
int cast_strike(struct cast *cast, const char *point, const char *fault, int timeout_ms,
                struct kpk_err *err) KPK_MUST_CHECK;
void cast_dismiss(struct cast *cast); /* all processes; the shop stays */

/* 'count' changes, one after the other, over all orders but 'but' (-1: none). A change that fails
 * is an attempt all the same.
 * returns  0, or -1 with 'err' when the writer is gone or hangs */
int cast_changes(struct cast *cast, int count, int but, struct kpk_err *err) KPK_MUST_CHECK;

/* Wait until the newest change, which was acknowledged, is in the topic. */
int cast_await_newest(struct cast *cast, struct kpk_err *err) KPK_MUST_CHECK;

/* A transaction that takes its place in the outbox first and commits last: after another's event is
 * in the topic. 'way' of the writer is "outbox". */
int cast_late_commit(struct cast *cast, struct kpk_err *err) KPK_MUST_CHECK;

/* The relay processes. returns 0, or -1 with 'err' */
int relay_run(struct kpk_err *err) KPK_MUST_CHECK;
int last_seen_relay_run(struct kpk_err *err) KPK_MUST_CHECK;

/* What main chooses from; each prints its story and returns the exit code (common/conclude.h).
 * kinds  bits of enum kpk_fault_kind */
int story_pattern(struct cast *cast);
int story_naive(struct cast *cast);
int story_matrix(struct cast *cast, unsigned kinds);
int story_bench(struct cast *cast);

#endif
