/* A world of people, and valid events of theirs: what `loadgen run twitter` and `run notification` send to the
 * services that run.
 *
 * A world is made once in the system's database (world_<system>.sql) and found again by how its people are called
 * (load_0 ... load_9999 of Twitter). An event is valid by its schema (topology/schemas/), so that groups cannot tell it
 * from one of the service that makes them. One of its texts says which record of which run it is:
 *
 *   load k3x9p2 0000000017 0000000123 1764000000000000 rain tea where ...
 *        run    stream     seq        us, as in record.h */
#ifndef KPK_LOADGEN_WORLD_H
#define KPK_LOADGEN_WORLD_H

#include "common/err.h"
#include "common/pg.h"
#include "common/uuid.h"
#include "loadgen/keys.h"
#include "loadgen/record.h"

enum {
    LOAD_WORLD_PEOPLE = 10000,
    LOAD_EVENT_BYTES = 800, /* of a value, at most */
    LOAD_WORLD_TEXTS = 64,
    LOAD_TEXT_BYTES = 256, /* of what follows the numbers */
    LOAD_MARKED_BYTES = 320,
};

struct load_world;

/* What differs between the systems. */
struct load_world_kind {
    const char *system;      /* of its profile; also its schema in the database */
    const char *sql;         /* that makes its people */
    struct kpk_pg_stmt find; /* their ids and weights, in the order of streams */
    const char *event;       /* type of an event */
    const char *noun;        /* what one is: "tweet" */
    const char *means; /* for the report, with the mean weight: "%.1f followers in the mean" */
    const char *post_variable; /* KPK_TWEET_SERVICE_URL */
    const char *post_url;      /* where that is not set */
    const char *post_path;
    int post_status; /* that accepts one */
    /* What follows the numbers in the texts. */
    void (*text)(char out[LOAD_TEXT_BYTES], uint32_t variant);
    /* Of a record, by who it is of and which text it has: followers, channels. */
    double (*weight)(const struct load_world *world, uint32_t stream, uint32_t variant);
    /* The event's value around 'marked', and what is posted for it; return the length. */
    size_t (*value)(const struct load_world *world, char *out, uint32_t stream,
                    uint32_t variant, const char *id, const char *marked);
    size_t (*body)(const struct load_world *world, char *out, uint32_t stream, uint32_t variant,
                   const char *marked);
};

extern const struct load_world_kind load_world_twitter, load_world_notification;

struct load_world {
    const struct load_world_kind *kind;
    char (
        *ids)[LOAD_KEY_BYTES]; /* of people, as their events have them; stream n is person n */
    int *weights;              /* of people, as 'find' has them */
    double mean_weight;        /* of a record */
    char run[LOAD_RUN_BYTES];
    char texts[LOAD_WORLD_TEXTS][LOAD_TEXT_BYTES]; /* used in turn */
};

/* returns  NULL: the system has no services that a load can go through */
const struct load_world_kind *load_world_find(const char *system);

/* Find the people, or make them.
 * returns  0, or -1 with 'err': WAIT PostgreSQL or the system's tables are not there; REJECT somebody
 *          else has some of their names */
int load_world_open(struct load_world **world, const struct load_world_kind *kind,
                    const char run[LOAD_RUN_BYTES], struct kpk_err *err) KPK_MUST_CHECK;
/* Fill 'mean_weight' from the draws of 'keys'. */
void load_world_weigh(struct load_world *world, const struct load_keys *keys);
void load_world_close(struct load_world *world); /* NULL is fine */

/* Fill 'texts'. */
void load_world_texts(struct load_world *world);

/* Write an event's value; returns its length.
 * out  LOAD_EVENT_BYTES
 * id   out: of the event */
size_t load_world_value(const struct load_world *world, char *out, uint32_t stream,
                        uint32_t seq, int64_t us, char id[KPK_UUID_BYTES]);
/* The same as it is posted; NUL-terminated. */
size_t load_world_body(const struct load_world *world, char *out, uint32_t stream, uint32_t seq,
                       int64_t us);

/* From an event's value, whoever wrote the event. returns  false: not of 'run' */
bool load_world_get(const char *value, size_t bytes, const char run[LOAD_RUN_BYTES],
                    uint32_t *stream, uint32_t *seq, int64_t *us);

#endif
