/* Twitter's database: where it is, and its tables. */
#ifndef KPK_SERVICES_TWITTER_DATABASE_H
#define KPK_SERVICES_TWITTER_DATABASE_H

#include "common/err.h"
#include "common/pg.h"
#include "patterns/fanout/worker.h"

/* "twitter", or "ci_twitter" with KPK_NAMESPACE=ci. */
const char *twitter_schema(void);

/* A connection to it. Connects at its first use. */
int twitter_database_open(struct kpk_pg **pg, struct kpk_err *err) KPK_MUST_CHECK;

/* Create the tables if need be. The service that writes them calls it, until it succeeds
 * (WAIT); the others wait until the tables are there. */
int twitter_database_migrate(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;

/* For /readyz: 0 when the tables answer, -1 with 'err' */
int twitter_database_check(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;

/* The two above, for the programs of groups: tweet-service creates the tables. */
extern const struct kpk_worker_tables twitter_tables;

#endif
