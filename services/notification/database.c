#include "services/notification/database.h"

#include "common/embed.h"
#include "common/idempotency.h"
#include "patterns/outbox/outbox.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>

KPK_EMBED(notification_ddl, "services/notification/schema.sql");

const char *notification_schema(void) {
    static _Thread_local char name[KPK_NAME_BYTES];

    return kpk_schema_name("notification", name);
}

int notification_database_open(struct kpk_pg **pg, struct kpk_err *err) {
    return kpk_pg_open(pg, notification_schema(), err);
}

int notification_database_migrate(struct kpk_pg *pg, struct kpk_err *err) {
    char *ddl = NULL;
    int failed;

    if (asprintf(&ddl, "%s\n%s\n%s", notification_ddl, kpk_outbox_ddl, kpk_idempotency_ddl) < 0)
        return kpk_fail(err, KPK_FATAL, "notification: no memory");
    failed = kpk_pg_migrate(pg, notification_schema(), ddl, err);
    free(ddl);
    return failed;
}

int notification_database_check(struct kpk_pg *pg, struct kpk_err *err) {
    static const struct kpk_pg_stmt look = {"check", "SELECT FROM deliveries LIMIT 1"};

    return kpk_pg_run(pg, &look, NULL, 0, err);
}

int notification_user_lock(struct kpk_pg *pg, const char *user_id, const char *field,
                           struct kpk_err *err) {
    static const struct kpk_pg_stmt lock = {
        "user_lock", "SELECT FROM contacts WHERE user_id = $1 FOR NO KEY UPDATE"};
    PGresult *rows = kpk_pg_exec(pg, &lock, &user_id, 1, err);
    int found;

    if (!rows) return -1;
    found = PQntuples(rows);
    PQclear(rows);
    return found ? 0 : kpk_fail(err, KPK_REJECT, "%s: no user %s", field, user_id);
}

int notification_database_prune(struct kpk_pg *pg, int days, struct kpk_err *err) {
    static const struct kpk_pg_stmt deliveries = {
        "deliveries_prune",
        "DELETE FROM deliveries WHERE created_at < now() - $1 * interval '1 day'"};
    static const struct kpk_pg_stmt notifications = {
        "notifications_prune",
        "DELETE FROM notifications WHERE created_at < now() - $1 * interval '1 day'"};
    char number[16];
    const char *params[] = {number};

    snprintf(number, sizeof(number), "%d", days);
    if (kpk_pg_run(pg, &deliveries, params, 1, err)) return -1;
    return kpk_pg_run(pg, &notifications, params, 1, err);
}

const struct kpk_worker_tables notification_tables = {.open = notification_database_open,
                                                      .check = notification_database_check};
