/* Reading dead letters: which topics there are, what is in them, in the order of time. */
#include "common/stop.h"
#include "common/tail.h"
#include "tools/kpk/dlq.h"
#include "tools/kpk/record.h"
#include "tools/kpk/safe.h"
#include "topology/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DLQ_TOPICS = 256, SHOWN_NAME = 80, SHOWN_REASON = 120, WAIT_MS = 10000, POLL_MS = 500 };

/* --- one letter -------------------------------------------------------------------------- */

bool kpk_dlq_next(struct kpk_dlq_topic *at) {
    const struct kpk_group *group = at->group ? at->group : kpk_groups;
    const struct kpk_topic *topic = at->topic ? at->topic + 1 : kpk_topics;
    struct kpk_topic row;
    char name[KPK_NAME_BYTES];

    for (; group->name; group++, topic = kpk_topics) {
        while (topic->name && !(group->dlq && kpk_group_reads(group, topic))) topic++;
        if (!topic->name) continue;
        at->group = group;
        at->topic = topic;
        kpk_topic_dlq(topic, group, name, &row);
        kpk_full_name(name, at->name);
        return true;
    }
    return false;
}

static char *header_text(const rd_kafka_message_t *msg, const char *name, size_t max) {
    const void *value;
    size_t len;

    return kpk_record_header(msg, name, &value, &len) ? kpk_safe_text(value, len, max) : NULL;
}

void kpk_dead_letter_fill(struct kpk_dead_letter *letter, const rd_kafka_message_t *msg) {
    char *topic = header_text(msg, "__dlq.errors.topic", SHOWN_NAME);
    char *partition = header_text(msg, "__dlq.errors.partition", SHOWN_NAME);
    char *offset = header_text(msg, "__dlq.errors.offset", SHOWN_NAME);

    *letter = (struct kpk_dead_letter){
        .partition = msg->partition,
        .offset = msg->offset,
        .ms = kpk_record_ms(msg),
        .group = header_text(msg, "__dlq.errors.group", SHOWN_NAME),
        .reason = header_text(msg, "__dlq.errors.message", SHOWN_REASON),
    };
    snprintf(letter->topic, sizeof(letter->topic), "%s", rd_kafka_topic_name(msg->rkt));
    if (topic && partition && offset &&
        asprintf(&letter->from, "%s:%s:%s", topic, partition, offset) < 0)
        letter->from = NULL;
    free(topic);
    free(partition);
    free(offset);
}

void kpk_dead_letter_free(struct kpk_dead_letter *letter) {
    free(letter->from);
    free(letter->group);
    free(letter->reason);
}

/* --- all of them ------------------------------------------------------------------------- */

/* A name as a person writes it, with or without the namespace; "" is any. */
static bool is_named(const char *base_name, const char *wanted) {
    char full_name[KPK_NAME_BYTES];

    return !*wanted || strcmp(wanted, base_name) == 0 ||
           strcmp(wanted, kpk_full_name(base_name, full_name)) == 0;
}

struct choice {
    struct kpk_dlq_topic at[DLQ_TOPICS];
    const char *names[DLQ_TOPICS + 1]; /* those on the cluster, NULL-terminated */
    size_t count;
};

static int choose(struct choice *choice, const char *group, const char *topic,
                  struct kpk_err *err) {
    for (struct kpk_dlq_topic at = {0}; kpk_dlq_next(&at) && choice->count < DLQ_TOPICS;)
        if (is_named(at.group->name, group) && is_named(at.topic->name, topic))
            choice->at[choice->count++] = at;
    if (choice->count) return 0;
    return kpk_fail(err, KPK_REJECT, "nothing in the table has dead letters of%s%.80s%s%.80s",
                    *group ? " group " : "", group, *topic ? " topic " : "", topic);
}

/* Those that are on the cluster: a group that is not deployed has no topic yet. */
static int look(struct choice *choice, struct kpk_dead_letters *letters, struct kpk_err *err) {
    struct kpk_admin *admin = NULL;
    struct kpk_plan plan = {0};
    int failed = -1;

    if (kpk_plan_open(&plan, NULL, err)) return -1;
    if (kpk_admin_open(&admin, &(struct kpk_admin_opts){.wait_ms = WAIT_MS}, err)) goto out;
    if (kpk_admin_describe(admin, &plan, err)) goto out;
    for (size_t i = 0; i < choice->count; i++) {
        const struct kpk_topic_plan *topic = kpk_plan_find(&plan, choice->at[i].name);
        if (topic && topic->found.exists)
            choice->names[letters->topics++] = choice->at[i].name;
        else
            letters->missing++;
    }
    failed = 0;
out:
    kpk_admin_close(admin);
    kpk_plan_close(&plan);
    return failed;
}

static int keep(struct kpk_dead_letters *letters, const rd_kafka_message_t *msg,
                struct kpk_err *err) {
    if (letters->count == letters->capacity) {
        size_t capacity = letters->capacity ? letters->capacity * 2 : 64;
        struct kpk_dead_letter *all = reallocarray(letters->all, capacity, sizeof(*all));
        if (!all) return kpk_fail(err, KPK_FATAL, "no memory for %zu dead letters", capacity);
        letters->all = all;
        letters->capacity = capacity;
    }
    kpk_dead_letter_fill(&letters->all[letters->count++], msg);
    return 0;
}

static int read_from(struct kpk_tail *tail, struct kpk_dead_letters *letters,
                     struct kpk_err *err) {
    while (!kpk_tail_done(tail)) {
        rd_kafka_message_t *msg;
        int failed = 0;
        if (kpk_stopping()) return kpk_fail(err, KPK_WAIT, "interrupted");
        if (kpk_tail_next(tail, POLL_MS, &msg, err)) return -1;
        if (!msg) continue;
        if (letters->count < KPK_DEAD_LETTERS)
            failed = keep(letters, msg, err);
        else
            letters->more++;
        rd_kafka_message_destroy(msg);
        if (failed) return -1;
    }
    return 0;
}

static int read_all(struct kpk_dead_letters *letters, const char *const *topics,
                    struct kpk_err *err) {
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
    failed = read_from(tail, letters, err);
    kpk_tail_close(tail);
    return failed;
}

int kpk_dead_letter_compare(const void *a, const void *b) {
    const struct kpk_dead_letter *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);

    if (x->ms != y->ms) return x->ms < y->ms ? -1 : 1;
    if (order) return order;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

int kpk_dead_letters_read(struct kpk_dead_letters *letters, const char *group,
                          const char *topic, struct kpk_err *err) {
    struct choice *choice = calloc(1, sizeof(*choice)); /* large */
    int failed = -1;

    *letters = (struct kpk_dead_letters){0};
    if (!choice) return kpk_fail(err, KPK_FATAL, "dlq: no memory");
    if (choose(choice, group, topic, err)) goto out;
    if (look(choice, letters, err)) goto out;
    if (letters->topics && read_all(letters, choice->names, err)) goto out;
    if (letters->count)
        qsort(letters->all, letters->count, sizeof(*letters->all), kpk_dead_letter_compare);
    failed = 0;
out:
    free(choice);
    return failed;
}

void kpk_dead_letters_free(struct kpk_dead_letters *letters) {
    for (size_t i = 0; i < letters->count; i++) kpk_dead_letter_free(&letters->all[i]);
    free(letters->all);
    *letters = (struct kpk_dead_letters){0};
}
