/* The notification system's database: where it is, and its tables. */
#ifndef KPK_SERVICES_NOTIFICATION_DATABASE_H
#define KPK_SERVICES_NOTIFICATION_DATABASE_H

#include "common/err.h"
#include "common/pg.h"
#include "patterns/fanout/worker.h"

/* "notification", or "ci_notification" with KPK_NAMESPACE=ci. */
const char *notification_schema(void);

/* A connection to it. Connects at its first use. */
int notification_database_open(struct kpk_pg **pg, struct kpk_err *err) KPK_MUST_CHECK;

/* Create the tables if need be. notification-service calls it, until it succeeds (WAIT); the others wait
 * until the tables are there. */
int notification_database_migrate(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;

/* For /readyz: 0 when the tables answer, -1 with 'err' */
int notification_database_check(struct kpk_pg *pg, struct kpk_err *err) KPK_MUST_CHECK;

/* Lock the row of a user in the transaction that 'pg' is in, so that who writes about him at the same time
 * comes after. returns  0, or -1 with 'err': REJECT "<field>: no user 7"; the rest as kpk_pg_exec() */
int notification_user_lock(struct kpk_pg *pg, const char *user_id, const char *field,
                           struct kpk_err *err) KPK_MUST_CHECK;

/* Forget notifications, and what became of them, that are older than 'days': more than their events can
 * come again after. Call now and then, outside a transaction. */
int notification_database_prune(struct kpk_pg *pg, int days,
                                struct kpk_err *err) KPK_MUST_CHECK;

/* For the programs of the groups: notification-service creates the tables. */
extern const struct kpk_worker_tables notification_tables;

#endif
