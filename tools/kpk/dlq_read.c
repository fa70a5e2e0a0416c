/* Reading dead letters: which topics there are, what is in them, what was done about it. */
#include "common/clock.h"
#include "common/stop.h"
#include "common/tail.h"
#include "tools/kpk/dlq.h"
#include "tools/kpk/where.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 500, PATIENCE_MS = 15000 };

/* --- which topics ------------------------------------------------------------------------ */

/* A name as a person writes it, with or without the namespace; "" is any. */
static bool is_named(const char *base_name, const char *full_name, const char *wanted) {
    return !*wanted || strcmp(wanted, base_name) == 0 || strcmp(wanted, full_name) == 0;
}

/* Those that are on the cluster: a group that is not deployed has no topic yet.
 * names  out: as many as the table has topics, and a NULL */
static int choose(struct kpk_dead_letters *letters, const struct kpk_dlq_filter *filter,
                  const char **names, struct kpk_err *err) {
    for (size_t i = 0; i < letters->table.count; i++) {
        const struct kpk_dlq_topic *at = &letters->table.all[i];
        if (!is_named(at->group->name, at->rejecter, filter->group) ||
            !is_named(at->topic->name, at->source, filter->topic))
            continue;
        if (at->there)
            names[letters->topics++] = at->name;
        else
            letters->missing++;
    }
    names[letters->topics] = NULL;
    if (letters->topics + letters->missing) return 0;
    return kpk_fail(err, KPK_REJECT, "nothing in the table has dead letters of%s%.80s%s%.80s",
                    *filter->group ? " group " : "", filter->group,
                    *filter->topic ? " topic " : "", filter->topic);
}

/* --- their letters ----------------------------------------------------------------------- */

static int keep(struct kpk_dead_letters *letters, const rd_kafka_message_t *msg,
                const struct kpk_dlq_filter *filter, struct kpk_err *err) {
    if (letters->count == KPK_DEAD_LETTERS) {
        letters->more++;
        return 0;
    }
    if (letters->count == letters->capacity) {
        size_t capacity = letters->capacity ? letters->capacity * 2 : 64;
        struct kpk_dlq_letter *all = reallocarray(letters->all, capacity, sizeof(*all));
        if (!all) return kpk_fail(err, KPK_FATAL, "no memory for %zu dead letters", capacity);
        letters->all = all;
        letters->capacity = capacity;
    }
    kpk_dlq_letter_fill(&letters->all[letters->count++], msg,
                        kpk_dlq_topic_find(&letters->table, rd_kafka_topic_name(msg->rkt)),
                        filter);
    return 0;
}

static int read_from(struct kpk_tail *tail, struct kpk_dead_letters *letters,
                     const struct kpk_dlq_filter *filter, struct kpk_err *err) {
    int64_t until = kpk_mono_ms() + PATIENCE_MS;

    while (!kpk_tail_done(tail)) {
        rd_kafka_message_t *msg;
        int failed;
        if (kpk_stopping()) return kpk_fail(err, KPK_WAIT, "interrupted");
        if (kpk_tail_next(tail, POLL_MS, &msg, err)) return -1;
        if (!msg && kpk_mono_ms() > until && !kpk_tail_done(tail))
            return kpk_fail(err, KPK_WAIT, "no dead letter comes for %d ms", PATIENCE_MS);
        if (!msg) continue;
        until = kpk_mono_ms() + PATIENCE_MS;
        failed = keep(letters, msg, filter, err);
        rd_kafka_message_destroy(msg);
        if (failed) return -1;
    }
    return 0;
}

static int read_all(struct kpk_dead_letters *letters, const char *const *topics,
                    const struct kpk_dlq_filter *filter, struct kpk_err *err) {
    struct kpk_tail *tail;
    int failed;

    if (kpk_tail_open_at(&tail,
                         &(struct kpk_tail_opts){
                             .topics = topics,
                             .partition = KPK_TAIL_ALL,
                             .until_end = true,
                             .skip_leaderless = true,
                         },
                         err))
        return -1;
    letters->leaderless = (size_t)kpk_tail_leaderless(tail);
    failed = read_from(tail, letters, filter, err);
    kpk_tail_close(tail);
    return failed;
}

int kpk_dead_letters_read(struct kpk_dead_letters *letters, const struct kpk_dlq_filter *filter,
                          struct kpk_err *err) {
    const char **names = NULL;
    int failed = -1;

    *letters = (struct kpk_dead_letters){0};
    letters->ledger.topics = &letters->table;
    if (kpk_dlq_topics_look(&letters->table, err)) return -1;
    names = calloc(letters->table.count + 1, sizeof(*names));
    if (!names) return kpk_fail(err, KPK_FATAL, "dlq: no memory");
    if (choose(letters, filter, names, err)) goto out;
    failed = letters->topics ? read_all(letters, names, filter, err) : 0;
out:
    free(names);
    return failed;
}

int kpk_dead_letters_ask(struct kpk_dead_letters *letters, struct kpk_err *err) {
    if (kpk_ledger_read(&letters->ledger, PATIENCE_MS, err)) return -1;
    return kpk_dlq_letters_pair(letters, err);
}

void kpk_dead_letters_free(struct kpk_dead_letters *letters) {
    for (size_t i = 0; i < letters->count; i++) kpk_dead_letter_free(&letters->all[i].at);
    free(letters->all);
    kpk_ledger_free(&letters->ledger);
    kpk_dlq_topics_close(&letters->table);
    *letters = (struct kpk_dead_letters){0};
}

/* --- by name ----------------------------------------------------------------------------- */

static int name_number(struct kpk_dead_letters *letters, const char *text,
                       struct kpk_err *err) {
    int64_t number;

    if (letters->more)
        return kpk_fail(err, KPK_FATAL,
                        "%zu dead letters cannot be numbered: narrow down with --group or "
                        "--topic, or name a position",
                        letters->count + letters->more);
    if (kpk_where_number(text, strlen(text), (int64_t)letters->count, &number) || number < 1)
        return kpk_fail(err, KPK_FATAL, "no dead letter %.20s: there are %zu to choose from",
                        text, letters->count);
    struct kpk_dlq_letter *letter = &letters->all[number - 1];
    if (letter->named < KPK_NAMED_BY_NUMBER) letter->named = KPK_NAMED_BY_NUMBER;
    return 0;
}

int kpk_dead_letters_name(struct kpk_dead_letters *letters, const char *name,
                          struct kpk_err *err) {
    struct kpk_position position;

    if (*name && name[strspn(name, "0123456789")] == '\0')
        return name_number(letters, name, err);
    if (kpk_where_position(name, &position, err)) return -1;
    for (size_t i = 0; i < letters->count; i++) {
        struct kpk_dlq_letter *letter = &letters->all[i];
        if (letter->at.offset != position.offset ||
            letter->at.partition != position.partition ||
            strcmp(letter->at.topic, position.topic) != 0)
            continue;
        letter->named = KPK_NAMED_BY_POSITION;
        return 0;
    }
    return kpk_fail(err, KPK_FATAL, "no dead letter at %.100s:%" PRId32 ":%" PRId64,
                    position.topic, position.partition, position.offset);
}
