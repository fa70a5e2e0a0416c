#include "topology/scratch.h"

#include "common/log.h"
#include "common/pg.h"
#include "topology/remove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 10000, GROUPS = 64 };

struct kpk_scratch {
    const char *system;
    struct kpk_plan plan;
    struct kpk_admin *admin;
};

/* In front of it stays what the caller's own namespace says. */
static int set_namespace(const char *system, struct kpk_err *err) {
    const char *own = getenv("KPK_NAMESPACE");
    char name[KPK_NAME_BYTES];

    snprintf(name, sizeof(name), "%s%sx_%s_%d", own ? own : "", own && *own ? "_" : "", system,
             (int)getpid());
    for (char *c = name; *c; c++)
        if (*c == '-') *c = '_'; /* a system may have one in its name, a namespace may not */
    setenv("KPK_NAMESPACE", name, 1);
    setenv("KPK_SCALE", "small", 0);
    return kpk_topology_init(err);
}

int kpk_scratch_open(struct kpk_scratch **out, const char *system, struct kpk_err *err) {
    const char *const systems[] = {system, NULL};
    struct kpk_scratch *scratch = calloc(1, sizeof(*scratch));

    *out = NULL;
    if (!scratch) return kpk_fail(err, KPK_FATAL, "scratch: no memory");
    scratch->system = system;
    if (set_namespace(system, err)) goto fail;
    if (kpk_admin_open(&scratch->admin, &(struct kpk_admin_opts){.wait_ms = WAIT_MS}, err)) {
        struct kpk_err why = *err;
        if (why.verdict == KPK_WAIT)
            kpk_fail(err, KPK_WAIT,
                     "no Kafka answers: start one with 'make up', then: eval \"$(make -s "
                     "env)\" (%.120s)",
                     why.msg);
        goto fail;
    }
    if (kpk_plan_open(&scratch->plan, systems, err)) goto fail;
    if (kpk_admin_describe(scratch->admin, &scratch->plan, err)) goto fail;
    kpk_admin_decide(scratch->admin, &scratch->plan, false);
    if (kpk_admin_apply(scratch->admin, &scratch->plan, err)) goto fail;
    if (kpk_admin_settle(scratch->admin, &scratch->plan, err)) goto fail;
    *out = scratch;
    return 0;
fail:
    kpk_scratch_close(scratch);
    return -1;
}

/* --- removed again ----------------------------------------------------------------------- */

static void tell(const char *what, const char *why) {
    struct kpk_quoted quoted;

    kpk_warn("scratch-left", "what=%s reason=%s", what, kpk_quote(&quoted, why));
}

/* Those that never had a member are not there; that is as good. */
static void remove_groups(struct kpk_scratch *scratch) {
    char full[GROUPS][KPK_NAME_BYTES];
    const char *names[GROUPS];
    struct kpk_err err;
    size_t count = 0;

    for (const struct kpk_group *group = kpk_groups; group->name && count < GROUPS; group++)
        if (strcmp(group->system, scratch->system) == 0) {
            names[count] = kpk_full_name(group->name, full[count]);
            count++;
        }
    if (kpk_remove_groups(scratch->admin, names, count, &err)) tell("groups", err.msg);
}

static void remove_topics(struct kpk_scratch *scratch) {
    struct kpk_err err;

    if (kpk_remove_topics(scratch->admin, &scratch->plan, &err)) tell("topics", err.msg);
}

/* A system may have more than one: all whose names begin with the namespace. */
static void drop_schemas(void) {
    static const struct kpk_pg_stmt find = {
        "schemas",
        "SELECT 'DROP SCHEMA ' || string_agg(quote_ident(nspname), ', ') || ' CASCADE' "
        "FROM pg_namespace WHERE starts_with(nspname, $1)"};
    char prefix[KPK_NAME_BYTES];
    struct kpk_pg *pg = NULL;
    PGresult *row = NULL;
    struct kpk_err err;
    int failed = -1;

    kpk_schema_name("", prefix);
    if (!kpk_pg_open(&pg, "public", &err))
        row = kpk_pg_exec(pg, &find, (const char *[]){prefix}, 1, &err);
    if (row) {
        const struct kpk_pg_stmt drop = {"drop_schemas", PQgetvalue(row, 0, 0)};
        failed = PQgetisnull(row, 0, 0) ? 0 : kpk_pg_run(pg, &drop, NULL, 0, &err);
    }
    if (failed) tell("schemas", err.msg);
    PQclear(row);
    kpk_pg_close(pg);
}

void kpk_scratch_close(struct kpk_scratch *scratch) {
    if (!scratch) return;
    if (scratch->plan.count) {
        drop_schemas();
        remove_groups(scratch);
        remove_topics(scratch);
    }
    kpk_plan_close(&scratch->plan);
    kpk_admin_close(scratch->admin);
    free(scratch);
}
