#include "loadgen/world.h"

#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "load "

enum { SEED_LIMIT_MS = 60000 };

const struct load_world_kind *load_world_find(const char *system) {
    static const struct load_world_kind *const kinds[] = {&load_world_twitter,
                                                          &load_world_notification};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kinds[i]->system, system) == 0) return kinds[i];
    return NULL;
}

/* --- people ------------------------------------------------------------------------------ */

/* The tables are a service's: where they are not, it has not started yet. */
static PGresult *find_or_make(const struct load_world_kind *kind, struct kpk_pg *pg,
                              struct kpk_err *err) {
    PGresult *rows = kpk_pg_exec(pg, &kind->find, NULL, 0, err);

    if (rows && PQntuples(rows) == 0) {
        PQclear(rows);
        printf("  making a world of %d people in the database of %s ...\n", LOAD_WORLD_PEOPLE,
               kind->system);
        fflush(stdout);
        if (kpk_pg_query(pg, kind->sql, "world", err)) return NULL;
        rows = kpk_pg_exec(pg, &kind->find, NULL, 0, err);
    }
    if (!rows || PQntuples(rows) == LOAD_WORLD_PEOPLE) return rows;
    kpk_fail(err, KPK_REJECT, "%s has %d people called load_<number>, a world has %d",
             kind->system, PQntuples(rows), LOAD_WORLD_PEOPLE);
    PQclear(rows);
    return NULL;
}

static int take(struct load_world *world, const PGresult *rows, struct kpk_err *err) {
    world->ids = calloc(LOAD_WORLD_PEOPLE, sizeof(*world->ids));
    world->weights = calloc(LOAD_WORLD_PEOPLE, sizeof(*world->weights));
    if (!world->ids || !world->weights) return kpk_fail(err, KPK_FATAL, "world: no memory");
    for (int i = 0; i < LOAD_WORLD_PEOPLE; i++) {
        const char *id = PQgetvalue(rows, i, 0);
        if (strlen(id) >= LOAD_KEY_BYTES)
            return kpk_fail(err, KPK_REJECT, "user id %s: too long for a key of a load", id);
        strcpy(world->ids[i], id);
        world->weights[i] = atoi(PQgetvalue(rows, i, 1));
    }
    return 0;
}

void load_world_weigh(struct load_world *world, const struct load_keys *keys) {
    double sum = 0;

    for (uint32_t i = 0; i < LOAD_CYCLE; i++)
        sum += world->kind->weight(world, keys->draws[i], i % LOAD_WORLD_TEXTS);
    world->mean_weight = sum / LOAD_CYCLE;
}

/* --- records ----------------------------------------------------------------------------- */

void load_world_texts(struct load_world *world) {
    for (uint32_t i = 0; i < LOAD_WORLD_TEXTS; i++) world->kind->text(world->texts[i], i);
}

static uint32_t variant_of(uint32_t stream, uint32_t seq) {
    return (stream + seq) % LOAD_WORLD_TEXTS;
}

static void mark(const struct load_world *world, char out[LOAD_MARKED_BYTES], uint32_t stream,
                 uint32_t seq, int64_t us) {
    snprintf(out, LOAD_MARKED_BYTES, MARK "%s %010" PRIu32 " %010" PRIu32 " %016" PRId64 " %s",
             world->run, stream, seq, us, world->texts[variant_of(stream, seq)]);
}

size_t load_world_value(const struct load_world *world, char *out, uint32_t stream,
                        uint32_t seq, int64_t us, char id[KPK_UUID_BYTES]) {
    char marked[LOAD_MARKED_BYTES];

    kpk_uuid7(id);
    mark(world, marked, stream, seq, us);
    return world->kind->value(world, out, stream, variant_of(stream, seq), id, marked);
}

size_t load_world_body(const struct load_world *world, char *out, uint32_t stream, uint32_t seq,
                       int64_t us) {
    char marked[LOAD_MARKED_BYTES];

    mark(world, marked, stream, seq, us);
    return world->kind->body(world, out, stream, variant_of(stream, seq), marked);
}

/* --- and back ---------------------------------------------------------------------------- */

static bool number(const char **at, int digits, uint64_t *number) {
    for (*number = 0; digits > 0; digits--, (*at)++) {
        unsigned digit = (unsigned char)**at - (unsigned)'0';
        if (digit > 9) return false;
        *number = *number * 10 + digit;
    }
    return *(*at)++ == ' ';
}

bool load_world_get(const char *value, size_t bytes, const char run[LOAD_RUN_BYTES],
                    uint32_t *stream, uint32_t *seq, int64_t *us) {
    enum { NUMBERS = 10 + 1 + 10 + 1 + 16 + 1 };
    char mark[sizeof(MARK) + LOAD_RUN_BYTES];
    uint64_t numbers[3];
    size_t len = (size_t)snprintf(mark, sizeof(mark), MARK "%s ", run);
    const char *at = memmem(value, bytes, mark, len);

    if (!at || (size_t)(value + bytes - at) < len + NUMBERS) return false;
    at += len;
    if (!number(&at, 10, &numbers[0]) || !number(&at, 10, &numbers[1]) ||
        !number(&at, 16, &numbers[2]))
        return false;
    *stream = (uint32_t)numbers[0];
    *seq = (uint32_t)numbers[1];
    *us = (int64_t)numbers[2];
    return true;
}

/* --- opening ----------------------------------------------------------------------------- */

int load_world_open(struct load_world **out, const struct load_world_kind *kind,
                    const char run[LOAD_RUN_BYTES], struct kpk_err *err) {
    struct load_world *world = calloc(1, sizeof(*world));
    char schema[KPK_NAME_BYTES];
    struct kpk_pg *pg = NULL;
    PGresult *rows = NULL;
    int failed = -1;

    *out = NULL;
    if (!world) return kpk_fail(err, KPK_FATAL, "world: no memory");
    world->kind = kind;
    memcpy(world->run, run, LOAD_RUN_BYTES);
    load_world_texts(world);
    if (kpk_pg_open(&pg, kpk_schema_name(kind->system, schema), err)) goto out;
    pg->limit_ms = SEED_LIMIT_MS;
    if (kpk_pg_ensure(pg, err)) goto out;
    if (!(rows = find_or_make(kind, pg, err)) || take(world, rows, err)) goto out;
    *out = world;
    failed = 0;
out:
    PQclear(rows);
    kpk_pg_close(pg);
    if (failed) load_world_close(world);
    return failed;
}

void load_world_close(struct load_world *world) {
    if (!world) return;
    free(world->ids);
    free(world->weights);
    free(world);
}
