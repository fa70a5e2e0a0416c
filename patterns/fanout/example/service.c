#include "patterns/fanout/example/service.h"

#include "common/fault.h"
#include "common/log.h"
#include "common/pg.h"
#include "common/stop.h"
#include "common/uuid.h"
#include "patterns/fanout/fanout.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS = 2, BATCH = 50, POLL_MS = 500 };

static struct service_opts service; /* of this process */

const char *fanout_schema(void) {
    static _Thread_local char name[KPK_NAME_BYTES];

    return kpk_schema_name("fanout", name);
}

/* --- the effect, which all ways share ---------------------------------------------------- */

struct work {
    struct kpk_pg *pg;
    size_t count, capacity;
    char (*post_ids)[KPK_UUID_BYTES];
};

static void work_close(void *ctx) {
    struct work *work = ctx;

    if (!work) return;
    kpk_pg_close(work->pg);
    free(work->post_ids);
    free(work);
}

/* returns  NULL with 'err' */
static struct work *work_new(int batch, struct kpk_err *err) {
    struct work *work = calloc(1, sizeof(*work));

    if (!work) return (void)kpk_fail(err, KPK_FATAL, "service: no memory"), NULL;
    work->capacity = (size_t)batch;
    work->post_ids = calloc(work->capacity, sizeof(*work->post_ids));
    if (!work->post_ids) {
        kpk_fail(err, KPK_FATAL, "service: no memory");
        goto fail;
    }
    if (kpk_pg_open(&work->pg, fanout_schema(), err)) goto fail;
    return work;
fail:
    work_close(work);
    return NULL;
}

static int work_open(void **ctx, int batch, struct kpk_err *err) {
    *ctx = work_new(batch, err);
    return *ctx ? 0 : -1;
}

static void work_begin(void *ctx) { ((struct work *)ctx)->count = 0; }

static int work_note(void *ctx, const struct kpk_event *event, struct kpk_err *err) {
    struct work *work = ctx;

    if (strcmp(event->type, POST_CREATED) != 0)
        return kpk_fail(err, KPK_REJECT, "ce_type '%.60s' is not known here", event->type);
    snprintf(work->post_ids[work->count++], KPK_UUID_BYTES, "%s", event->id);
    return 0;
}

static int keep(struct work *work, size_t from, size_t count, struct kpk_err *err) {
    static const struct kpk_pg_stmt insert = {
        "effects",
        "INSERT INTO effects AS kept (service, post_id) "
        "SELECT $1, id FROM unnest($2::uuid[]) WITH ORDINALITY AS t(id, n) ORDER BY n "
        "ON CONFLICT (service, post_id) DO UPDATE SET times = kept.times + 1"};
    char *ids;
    int failed;

    if (count == 0) return 0;
    ids = kpk_pg_array(work->post_ids[from], KPK_UUID_BYTES, count);
    if (!ids) return kpk_fail(err, KPK_FATAL, "service: no memory");
    failed = kpk_pg_run(work->pg, &insert, (const char *[]){service.name, ids}, 2, err);
    free(ids);
    return failed;
}

/* In two steps, so that there is such a thing as half an effect. */
static int work_apply(void *ctx, struct kpk_err *err) {
    struct work *work = ctx;
    size_t half = work->count / 2;

    kpk_stop_wait(service.slow_ms);
    if (keep(work, 0, half, err)) return -1;
    if (kpk_fault("posts:half-done", err)) return -1;
    return keep(work, half, work->count - half, err);
}

static const struct kpk_fanout_effect effect = {
    .open = work_open,
    .close = work_close,
    .begin = work_begin,
    .note = work_note,
    .apply = work_apply,
};

/* --- the pattern ------------------------------------------------------------------------- */

int service_in_group(const struct service_opts *opts, struct kpk_err *err) {
    struct kpk_fanout *fanout;
    int failed;

    service = *opts;
    if (kpk_fanout_open(
            &fanout,
            &(struct kpk_fanout_opts){
                .group = opts->group, .consumers = MEMBERS, .batch = BATCH, .effect = &effect},
            err))
        return -1;
    failed = kpk_fanout_run(fanout, err);
    kpk_fanout_close(fanout);
    return failed;
}

/* --- without it: the commit before the effect -------------------------------------------- */

static int naive_effect(struct work *work, const struct kpk_batch *batch, struct kpk_err *err) {
    struct kpk_event event;

    work_begin(work);
    for (size_t i = 0; i < batch->count; i++)
        if (kpk_event_decode(batch->msgs[i], &event, err) || work_note(work, &event, err))
            return -1;
    if (kpk_fault("naive:after-commit", err)) return -1;
    if (work_apply(work, err)) return -1;
    return kpk_fault("naive:after-effect", err);
}

static int naive_loop(struct kpk_consumer *consumer, struct kpk_batch *batch, struct work *work,
                      struct kpk_err *err) {
    while (!kpk_stopping()) {
        if (kpk_poll_batch(consumer, batch, POLL_MS, err)) return -1; /* (1) fetch */
        if (batch->count == 0) continue;
        if (kpk_fault("naive:after-poll", err)) kpk_stop_wait(0);
        if (kpk_commit(consumer, batch, err)) return -1; /* (2) commit */
        if (naive_effect(work, batch, err))              /* (3) effect */
            kpk_warn("effect-failed", "reason=logged-and-forgotten");
        kpk_batch_clear(batch);
    }
    return 0;
}

int service_commit_first(const struct service_opts *opts, struct kpk_err *err) {
    struct kpk_consumer *consumer = NULL;
    struct kpk_batch batch = {0};
    struct work *work = work_new(BATCH, err);
    int failed = -1;

    service = *opts;
    if (!work || kpk_batch_init(&batch, BATCH, err)) goto out;
    if (kpk_group_open(&consumer, opts->group, err)) goto out;
    failed = naive_loop(consumer, &batch, work, err);
out:
    kpk_consumer_close(consumer);
    kpk_batch_free(&batch);
    work_close(work);
    return failed;
}

/* --- without it: inside the request ------------------------------------------------------ */

int service_in_request(const struct service_opts *opts, struct kpk_err *err) {
    char line[KPK_UUID_BYTES + 1];
    struct kpk_err why;
    struct work *work = work_new(1, err);

    if (!work) return -1;
    service = *opts;
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (!kpk_uuid_valid(line)) continue;
        strcpy(work->post_ids[0], line);
        work->count = 1;
        printf("%s\n", work_apply(work, &why) ? why.msg : SERVICE_OK);
        fflush(stdout);
    }
    work_close(work);
    return 0;
}
