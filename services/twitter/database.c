#include "services/twitter/database.h"

#include "common/embed.h"
#include "common/idempotency.h"
#include "patterns/outbox/outbox.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

KPK_EMBED(twitter_ddl, "services/twitter/schema.sql");

const char *twitter_schema(void) {
    static _Thread_local char name[KPK_NAME_BYTES];

    return kpk_schema_name("twitter", name);
}

int twitter_database_open(struct kpk_pg **pg, struct kpk_err *err) {
    return kpk_pg_open(pg, twitter_schema(), err);
}

int twitter_database_migrate(struct kpk_pg *pg, struct kpk_err *err) {
    char *ddl = NULL;
    int failed;

    if (asprintf(&ddl, "%s\n%s\n%s", twitter_ddl, kpk_outbox_ddl, kpk_idempotency_ddl) < 0)
        return kpk_fail(err, KPK_FATAL, "twitter: no memory");
    failed = kpk_pg_migrate(pg, twitter_schema(), ddl, err);
    free(ddl);
    return failed;
}

int twitter_database_check(struct kpk_pg *pg, struct kpk_err *err) {
    static const struct kpk_pg_stmt look = {"check", "SELECT FROM tweets LIMIT 1"};

    return kpk_pg_run(pg, &look, NULL, 0, err);
}

const struct kpk_worker_tables twitter_tables = {.open = twitter_database_open,
                                                 .check = twitter_database_check};
