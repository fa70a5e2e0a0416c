#include "tools/kpk/dlq_decide.h"

#include "common/event.h"
#include "tools/kpk/record.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDED_BYTES = 256 }; /* by the headers that a redrive adds, at most */

/* --- which of them ----------------------------------------------------------------------- */

/* A copy that came after the others had been dealt with: the ledger is to know of it as well. */
static bool is_late(const struct kpk_dlq_letter *letter) {
    return letter->done && letter->bare;
}

static bool is_chosen(const struct kpk_dlq_letter *letter, const struct kpk_dlq_order *order) {
    if (letter->first != letter) return false;
    if (order->named) return letter->named != KPK_NOT_NAMED;
    if (!letter->like) return false;
    if (!letter->done) return true;
    return is_late(letter) &&
           (letter->done->state != KPK_DLQ_PARKED || order->to == KPK_DLQ_PARKED);
}

/* --- what becomes of one ----------------------------------------------------------------- */

static void refuse(struct kpk_deed *deed, const char *fmt, ...) KPK_PRINTF(2, 3);

static void refuse(struct kpk_deed *deed, const char *fmt, ...) {
    va_list args;

    deed->outcome = KPK_DEED_REFUSED;
    va_start(args, fmt);
    if (vasprintf(&deed->why, fmt, args) < 0) deed->why = NULL;
    va_end(args);
}

/* What was done before stands; a copy that came late is told to the ledger. */
static void decide_again(struct kpk_deed *deed, const struct kpk_dlq_order *order) {
    const struct kpk_ledger_entry *done = deed->letter->done;
    char time[KPK_TIME_BYTES];

    if (done->state == KPK_DLQ_PURGED && order->to == KPK_DLQ_REDRIVEN) {
        refuse(deed, "it is purged");
        return;
    }
    deed->to = done->state;
    deed->late = is_late(deed->letter);
    deed->outcome = deed->late ? KPK_DEED_DUE : KPK_DEED_ALREADY;
    if (asprintf(&deed->why, "%s %s", kpk_dlq_state_name(done->state),
                 kpk_record_time(done->at_ms, time)) < 0)
        deed->why = NULL;
}

/* It can go to the group's own first tier, and to nowhere else. */
static void decide_redrive(struct kpk_deed *deed, const struct kpk_dlq_order *order) {
    const struct kpk_dlq_letter *letter = deed->letter;
    const struct kpk_dlq_topic *of = letter->of;
    const char *base = kpk_base_name(of->tier);

    if (letter->done && letter->named != KPK_NAMED_BY_POSITION)
        refuse(deed, "it is parked: to redrive it, name its position");
    else if (!*of->tier)
        refuse(deed, "group %s has no retry tiers to send it to", of->group->name);
    else if (!of->tier_there)
        refuse(deed, "%s is not on this cluster: kpk topics apply", of->tier);
    else if (strcmp(of->tier, letter->at.topic) == 0 || strcmp(of->tier, of->source) == 0 ||
             !base || kpk_topic_find(base))
        refuse(deed, "%s is no topic of the group's own", of->tier);
    else if (letter->nonsense)
        refuse(deed, "%s", letter->nonsense);
    else if (letter->left_out)
        refuse(deed, "it was too large to be copied: the record lies where it came from");
    else if (letter->redriven >= order->max_redrives)
        refuse(deed, "it came back %d times already (--max-redrives)", letter->redriven);
    else if (letter->bytes + ADDED_BYTES > (size_t)of->tier_bytes)
        refuse(deed, "it is too large for %s", of->tier);
    else
        deed->send = true;
}

static void decide_one(struct kpk_deed *deed, const struct kpk_dlq_order *order) {
    const struct kpk_ledger_entry *done = deed->letter->done;
    bool parked = done && done->state == KPK_DLQ_PARKED;

    if (done && !(parked && order->to != KPK_DLQ_PARKED))
        decide_again(deed, order);
    else if (order->to == KPK_DLQ_REDRIVEN)
        decide_redrive(deed, order);
}

/* What was said of a copy holds for all: the first one stands for them. */
static void gather_names(struct kpk_dead_letters *letters) {
    for (size_t i = 0; i < letters->count; i++) {
        const struct kpk_dlq_letter *letter = &letters->all[i];
        if (letter->named > letter->first->named) letter->first->named = letter->named;
    }
}

int kpk_dlq_decide(struct kpk_dead_letters *letters, const struct kpk_dlq_order *order,
                   struct kpk_deeds *deeds, struct kpk_err *err) {
    size_t most = 0;
    int due = 0;

    *deeds = (struct kpk_deeds){0};
    gather_names(letters);
    for (size_t i = 0; i < letters->count; i++) most += is_chosen(&letters->all[i], order);
    deeds->all = calloc(most + 1, sizeof(*deeds->all));
    if (!deeds->all) return kpk_fail(err, KPK_FATAL, "dlq: no memory");
    for (size_t i = 0; i < letters->count && (!order->limit || due < order->limit); i++) {
        struct kpk_dlq_letter *letter = &letters->all[i];
        struct kpk_deed *deed = &deeds->all[deeds->count];
        if (!order->named && letter->first == letter && letter->like && letter->done)
            deeds->parked += letter->done->state == KPK_DLQ_PARKED;
        if (!is_chosen(letter, order)) continue;
        *deed = (struct kpk_deed){.letter = letter, .to = order->to};
        decide_one(deed, order);
        due += deed->outcome == KPK_DEED_DUE;
        deeds->count++;
    }
    return 0;
}

void kpk_deeds_free(struct kpk_deeds *deeds) {
    for (size_t i = 0; i < deeds->count; i++) free(deeds->all[i].why);
    free(deeds->all);
    *deeds = (struct kpk_deeds){0};
}

size_t kpk_deeds_count(const struct kpk_deeds *deeds, enum kpk_deed_outcome outcome) {
    size_t count = 0;

    for (size_t i = 0; i < deeds->count; i++) count += deeds->all[i].outcome == outcome;
    return count;
}
