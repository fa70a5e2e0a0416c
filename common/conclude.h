/* How an example, a demo or a crash matrix ends: one line and an exit code that say the same.
 *
 *   verdict: PASS 1000 writes, 3000 sightings: nothing lost, duplicated, reordered or invented
 *   verdict: FAIL 2 of 1000 lost (first: search never saw post-17 of ada)
 *   verdict: ANOMALY 17 of 1000 lost (...)      a naive run: the anomaly that the pattern prevents
 */
#ifndef KPK_COMMON_CONCLUDE_H
#define KPK_COMMON_CONCLUDE_H

#include "common/err.h"

enum kpk_conclusion {
    KPK_PASS = 0,
    KPK_FAIL = 1,
    KPK_ANOMALY = 3, /* 2 is for wrong usage, as everywhere */
};

/* Print the line. returns 'code', for main to return */
int kpk_conclude(enum kpk_conclusion code, const char *fmt, ...) KPK_PRINTF(2, 3);

/* The run could not be carried through. returns KPK_FAIL */
int kpk_conclude_broken(const struct kpk_err *err);

#endif
