/* PostgreSQL and Redis, asked: what waits in the outboxes, who relays them; whether Redis keeps
 * what it answered for. */
#include "common/pg.h"
#include "common/redis.h"
#include "tools/kpk/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The server's name stands at the beginning of the line already. */
static void keep_reason(char *out, size_t size, const char *name, const struct kpk_err *err) {
    size_t len = strlen(name);

    snprintf(out, size, "%s", err->msg + (strncmp(err->msg, name, len) == 0 ? len : 0));
}

/* --- PostgreSQL -------------------------------------------------------------------------- */

static const struct kpk_pg_stmt set_timeout = {"doctor_timeout",
                                               "SET statement_timeout = 2000"};

/* By the database's clock, as the relays do. */
static const struct kpk_pg_stmt count_outbox = {
    "doctor_outbox",
    "SELECT count(*) FILTER (WHERE parked IS NULL), count(*) FILTER (WHERE parked IS NOT "
    "NULL), "
    "coalesce(extract(epoch FROM clock_timestamp() - min(created_at) "
    "FILTER (WHERE parked IS NULL)), 0)::bigint, "
    "EXISTS (SELECT FROM outbox_lease WHERE expires_at > clock_timestamp())::int "
    "FROM outbox"};

static int64_t number(const PGresult *row, int column) {
    return strtoll(PQgetvalue(row, 0, column), NULL, 10);
}

static int look_at_outbox(struct kpk_found_outbox *outbox, struct kpk_err *err) {
    char schema[KPK_NAME_BYTES];
    struct kpk_pg *pg = NULL;
    PGresult *row = NULL;
    int failed = -1;

    if (kpk_pg_open(&pg, kpk_schema_name(outbox->system, schema), err)) goto out;
    if (kpk_pg_ensure(pg, err)) goto out; /* once: the next call would try twice */
    if (kpk_pg_run(pg, &set_timeout, NULL, 0, err)) goto out;
    row = kpk_pg_exec(pg, &count_outbox, NULL, 0, err);
    outbox->exists = row != NULL;
    if (!row && strcmp(pg->sqlstate, "42P01") != 0) goto out; /* 42P01: no such table */
    failed = 0;
    if (!row) goto out;
    outbox->waiting = number(row, 0);
    outbox->parked = number(row, 1);
    outbox->oldest_s = number(row, 2);
    outbox->relay = number(row, 3) != 0;
out:
    PQclear(row);
    kpk_pg_close(pg);
    return failed;
}

static bool is_listed(const struct kpk_found_postgres *found, const char *system) {
    for (size_t i = 0; i < found->outbox_count; i++)
        if (strcmp(found->outboxes[i].system, system) == 0) return true;
    return false;
}

void kpk_look_at_postgres(struct kpk_found_postgres *found) {
    struct kpk_err err;

    for (const struct kpk_topic *topic = kpk_topics; topic->name; topic++) {
        if (!kpk_system_named(found->systems, topic->system)) continue;
        if (is_listed(found, topic->system) || found->outbox_count == KPK_FOUND_OUTBOXES)
            continue;
        struct kpk_found_outbox *outbox = &found->outboxes[found->outbox_count++];
        outbox->system = topic->system;
        if (look_at_outbox(outbox, &err) == 0) continue;
        keep_reason(found->reason, sizeof(found->reason), "postgresql: connect: ", &err);
        return; /* the next one would wait as long */
    }
}

/* --- Redis ------------------------------------------------------------------------------- */

/* A server that does not tell, as one may be told not to, is not asked again. */
static void read_setting(struct kpk_redis *redis, const char *name, char *out, size_t size) {
    struct kpk_err ignored;
    redisReply *reply = kpk_redis_command(redis, &ignored, "CONFIG GET %s", name);

    if (!reply) return;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[1]->str)
        snprintf(out, size, "%s", reply->element[1]->str);
    freeReplyObject(reply);
}

void kpk_look_at_redis(struct kpk_found_redis *found) {
    struct kpk_redis *redis = NULL;
    struct kpk_err err;

    if (kpk_redis_open(&redis, &err) || kpk_redis_check(redis, &err)) {
        keep_reason(found->reason, sizeof(found->reason), "redis: ", &err);
    } else {
        read_setting(redis, "appendonly", found->appendonly, sizeof(found->appendonly));
        read_setting(redis, "appendfsync", found->appendfsync, sizeof(found->appendfsync));
        read_setting(redis, "maxmemory-policy", found->maxmemory_policy,
                     sizeof(found->maxmemory_policy));
    }
    kpk_redis_close(redis);
}
