/* The effect of a group whose events fail one by one: it says of each what became of it. */
#include "patterns/retry-dlq/example/worker.h"

#include "common/json.h"
#include "common/uuid.h"
#include "patterns/fanout/fanout.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS = 2, CARD_BYTES = 32 };

int worker_card(const struct kpk_event *event, const struct card **card, struct kpk_err *err) {
    cJSON *json = NULL;
    const char *name;
    int failed;

    if (strcmp(event->type, CHARGE_REQUESTED) != 0)
        return kpk_fail(err, KPK_REJECT, "ce_type '%.60s' is not known here", event->type);
    if (!kpk_uuid_valid(event->id)) return kpk_fail(err, KPK_REJECT, "ce_id is no UUID");
    json = kpk_json_parse(event->data, event->len, err);
    if (!json) return -1;
    failed = kpk_json_str(json, "card", CARD_BYTES, &name, err);
    if (!failed && !(*card = card_find(name)))
        failed = kpk_fail(err, KPK_REJECT, "card: there is no '%.32s'", name);
    cJSON_Delete(json);
    return failed;
}

struct charge {
    char id[KPK_UUID_BYTES];
    const struct card *card;
    struct kpk_err outcome; /* KPK_OK: the money has moved */
};

struct work {
    struct kpk_pg *pg; /* to the provider */
    size_t count;
    struct charge *charges;
};

static void work_close(void *ctx) {
    struct work *work = ctx;

    if (!work) return;
    kpk_pg_close(work->pg);
    free(work->charges);
    free(work);
}

static int work_open(void **ctx, int batch, struct kpk_err *err) {
    struct work *work = calloc(1, sizeof(*work));

    *ctx = work;
    if (!work) return kpk_fail(err, KPK_FATAL, "worker: no memory");
    work->charges = calloc((size_t)batch, sizeof(*work->charges));
    if (!work->charges)
        kpk_fail(err, KPK_FATAL, "worker: no memory");
    else if (!kpk_pg_open(&work->pg, provider_schema(), err))
        return 0;
    work_close(work);
    *ctx = NULL;
    return -1;
}

static void work_begin(void *ctx) { ((struct work *)ctx)->count = 0; }

static int work_note(void *ctx, const struct kpk_event *event, struct kpk_err *err) {
    struct work *work = ctx;
    struct charge *charge = &work->charges[work->count];

    if (worker_card(event, &charge->card, err)) return -1;
    snprintf(charge->id, sizeof(charge->id), "%s", event->id);
    work->count++;
    return 0;
}

/* A charge that is refused is its own affair; a provider that is gone is everybody's. */
static int work_apply(void *ctx, struct kpk_err *err) {
    struct work *work = ctx;

    for (size_t i = 0; i < work->count; i++) {
        struct charge *charge = &work->charges[i];
        charge->outcome.verdict = KPK_OK;
        if (!provider_charge(work->pg, charge->id, charge->card, &charge->outcome)) continue;
        if (charge->outcome.verdict == KPK_RETRY || charge->outcome.verdict == KPK_REJECT)
            continue;
        *err = charge->outcome;
        return -1;
    }
    return 0;
}

static int work_outcome(void *ctx, size_t index, struct kpk_err *err) {
    const struct charge *charge = &((struct work *)ctx)->charges[index];

    if (charge->outcome.verdict == KPK_OK) return 0;
    *err = charge->outcome;
    return -1;
}

int worker_pattern(struct kpk_err *err) {
    static const struct kpk_fanout_effect effect = {
        .open = work_open,
        .close = work_close,
        .begin = work_begin,
        .note = work_note,
        .apply = work_apply,
        .outcome = work_outcome,
    };
    const struct kpk_fanout_opts opts = {.group = KPK_GROUP_CHARGE_WORKERS,
                                         .consumers = MEMBERS,
                                         .batch = WORKER_BATCH,
                                         .effect = &effect};
    struct kpk_fanout *fanout;
    int failed;

    if (kpk_fanout_open(&fanout, &opts, err)) return -1;
    failed = kpk_fanout_run(fanout, err);
    kpk_fanout_close(fanout);
    return failed;
}
