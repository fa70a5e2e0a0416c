/* The warehouse set aside and put back, and its facts compared.
 *
 * Set aside is a schema renamed: its tables keep every row, and views on them keep working. What
 * is put back is that very schema; only what was made in its place meanwhile is dropped. So whoever
 * puts it back first lets the group begin again at the beginning of the topic (replay.c): what came
 * meanwhile then comes again. */
#ifndef KPK_SERVICES_TWITTER_DEMO_FACTS_H
#define KPK_SERVICES_TWITTER_DEMO_FACTS_H

#include "common/pg.h"
#include "services/twitter/world.h"

#include <stdint.h>

const char *facts_aside_name(void); /* of the schema while it is set aside */

/* Is one set aside? returns  1 yes, 0 no, -1 with 'err' */
int facts_aside(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;

/* Nobody may write to it meanwhile. In a transaction each: it is done, or it is not.
 * returns  0, or -1 with 'err' (as kpk_pg_exec()) */
int facts_set_aside(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;
int facts_put_back(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;

/* Of the tweets of one world's users. */
struct fingerprint {
    int64_t facts;
    char hash[20]; /* of all their columns, whatever their order */
};

int facts_fingerprint(struct kpk_pg *pg, const struct world *world, struct fingerprint *print,
                      struct kpk_err *err) KPK_MUST_CHECK;

/* All facts of the warehouse, beside those set aside. */
struct facts_difference {
    int64_t before; /* set aside */
    int64_t same;   /* in both, alike in every column */
    int64_t differ; /* in both, not alike */
    int64_t gone;   /* set aside only */
};

int facts_compare(struct kpk_pg *pg, struct facts_difference *difference,
                  struct kpk_err *err) KPK_MUST_CHECK;

#endif
