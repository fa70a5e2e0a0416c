/* Twitter's warehouse: one fact per tweet, partitioned by day.
 *
 *   make the partitions of the days that lack one        a transaction of its own
 *   BEGIN
 *   COPY the tweets into a temporary table               fast, but it knows no ON CONFLICT
 *   INSERT INTO tweet_facts ... ON CONFLICT DO NOTHING   keyed (day, tweet_id)
 *   COMMIT
 *
 * Crash before COMMIT: nothing happened. After it: the events come again, and change nothing. Day,
 * time and key are the tweet id's own, so facts depend on nothing but the events. */
#ifndef KPK_SERVICES_TWITTER_WAREHOUSE_H
#define KPK_SERVICES_TWITTER_WAREHOUSE_H

#include "common/err.h"
#include "common/pg.h"
#include "services/twitter/events.h"

#include <stddef.h>

/* "warehouse", or "ci_warehouse" with KPK_NAMESPACE=ci. */
const char *warehouse_schema(void);

/* A connection to it. Connects at its first use. */
int warehouse_open(struct kpk_pg **pg, struct kpk_err *err) KPK_MUST_CHECK;
/* Create the tables if need be: analytics-worker does. */
int warehouse_migrate(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;
/* For /readyz: 0 when the tables answer */
int warehouse_check(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;

/* Can there be a fact of it? A day that never was would make a partition for nothing.
 * returns  0, or -1 with 'err' (REJECT): its id is from before Twitter, or from after 2099 */
int warehouse_takes(const struct twitter_tweet *tweet, struct kpk_err *err) KPK_MUST_CHECK;

/* Store 'count' tweets that warehouse_takes(); some or all may be there already, or twice among them,
 * and others may store the same at the same time.
 * fresh    out; how many were new
 * returns  0: it is durable; -1 with 'err' as kpk_pg_exec() */
int warehouse_store(struct kpk_pg *pg, const struct twitter_tweet *tweets, size_t count,
                    size_t *fresh, struct kpk_err *err) KPK_MUST_CHECK;

#endif
