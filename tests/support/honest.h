/* A person who uses the Twitter services while others abuse them: posts, reads timelines, searches,
 * asks what is trending, one after the other, in a thread of its own. Every request must be
 * answered as it would be in peace. */
#ifndef KPK_TESTS_SUPPORT_HONEST_H
#define KPK_TESTS_SUPPORT_HONEST_H

#include <stdbool.h>
#include <stdint.h>

/* Far above what is needed, on a machine that does other things too. */
enum { HONEST_PATIENCE_MS = 60000 };

struct honest;

struct honest_report {
    int answered;       /* 2xx */
    int posted;         /* of these, tweets */
    int busy;           /* times that it was told to come back, and did */
    int64_t slowest_ms; /* answer; counted from the first time that it was asked for */
    char slowest[96];   /* what was asked */
    char failure[300];  /* ""; else what went wrong first: the thread ended there */
};

/* Returns when every service has answered once. The test fails when that takes too long.
 * user_id  posts, and is read */
struct honest *honest_start(const char *user_id);

/* From here on a 503 is fair, and is obeyed: it asks again when Retry-After has passed. */
void honest_expect_busy(struct honest *honest, bool busy);

int honest_answered(const struct honest *honest); /* so far; any thread */

/* End the thread. NULL is fine, and reports nothing. */
void honest_stop(struct honest *honest, struct honest_report *report);

#endif
