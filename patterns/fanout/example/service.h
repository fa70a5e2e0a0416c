/* A service of the worked example, as a process: it keeps a row for each post. Three ways to get the
 * posts, of which the first is the pattern. */
#ifndef KPK_PATTERNS_FANOUT_EXAMPLE_SERVICE_H
#define KPK_PATTERNS_FANOUT_EXAMPLE_SERVICE_H

#include "common/err.h"
#include "common/kafka.h"

struct service_opts {
    const char *name;  /* "timelines", "search", "alerts" */
    const char *group; /* base name; whose member it is */
    int slow_ms;       /* each effect takes so much longer */
};

/* patterns/fanout: a group of its own, poll, effect, commit. returns 0, or -1 with 'err' */
int service_in_group(const struct service_opts *opts, struct kpk_err *err) KPK_MUST_CHECK;

/* Naive: poll, commit, effect. */
int service_commit_first(const struct service_opts *opts, struct kpk_err *err) KPK_MUST_CHECK;

/* Naive: called while somebody waits: a post id a line on standard input, "ok" or why not on
 * standard output. */
int service_in_request(const struct service_opts *opts, struct kpk_err *err) KPK_MUST_CHECK;

/* The schema of the example's table. */
const char *fanout_schema(void);

#define SERVICE_OK "ok"
#define POST_CREATED "post.created"

#endif
