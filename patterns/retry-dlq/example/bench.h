/* What the loop itself costs, of charges that take no time: a worker that measures itself. */
#ifndef KPK_PATTERNS_RETRY_DLQ_EXAMPLE_BENCH_H
#define KPK_PATTERNS_RETRY_DLQ_EXAMPLE_BENCH_H

#include "common/err.h"

enum { BENCH_CHARGES = 100000 }; /* of a run, at most */

struct bench_figures {
    double per_second; /* first tries */
    double cpu_us;     /* of the worker, per first try */
    double late_ms[3]; /* second tries, after their time: p50, p99, the last; 0 without any */
};

/* Take 'charges', whose subjects are their numbers, until each is done; those of CARD_BUSY_ONCE are at the
 * second try. Prints the figures, as bench_read() reads them. returns 0, or -1 with 'err' */
int bench_worker(int charges, struct kpk_err *err) KPK_MUST_CHECK;

/* returns  0, or -1: it is no such line */
int bench_read(const char *line, struct bench_figures *figures) KPK_MUST_CHECK;

#endif
