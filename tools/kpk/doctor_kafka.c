/* The cluster, asked step by step; each step is decided before the next one is asked.
 *
 * A broker that hangs answers nothing, and the client notices only by a time-out. So each step may
 * take half of the time that is left, and is asked once more when it failed: the client then
 * turns to another broker. */
#include "common/clock.h"
#include "common/stop.h"
#include "tools/kpk/dlq_ledger.h"
#include "tools/kpk/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROBE_MS = 1500, /* for each broker to answer; they are asked together */
    AGAIN_MS = 1000, /* between the two readings that tell whether a group moves */
    LEAST_MS = 200,  /* a step with less time is not begun */
    POLL_MS = 100,
    PAUSE_MS = 250, /* before a step that failed is taken again */
};

struct kpk_look {
    struct kpk_admin *admin;
    struct kpk_peek *peek;
    struct kpk_found_kafka *found;
    int64_t until; /* monotonic */
    size_t next;   /* of steps[] */
};

/* Kafka keeps offsets and transactions in topics of its own. */
static const char *const kafkas_own[] = {"__consumer_offsets", "__transaction_state"};

static int left_ms(const struct kpk_look *look) { return (int)(look->until - kpk_mono_ms()); }

static void give_half(struct kpk_look *look) {
    int half = left_ms(look) / 2;

    look->admin->request_ms = half > LEAST_MS ? half : LEAST_MS;
}

/* --- brokers ----------------------------------------------------------------------------- */

static struct kpk_found_broker *know_broker(struct kpk_found_kafka *found, int id) {
    for (size_t i = 0; i < found->broker_count; i++)
        if (found->brokers[i].id == id) return &found->brokers[i];
    if (found->broker_count == KPK_FOUND_BROKERS) return NULL;
    found->brokers[found->broker_count] = (struct kpk_found_broker){.id = id};
    return &found->brokers[found->broker_count++];
}

static bool counts(const struct kpk_found_kafka *found, const char *topic) {
    for (size_t i = 0; i < found->topics.count; i++)
        if (strcmp(found->topics.topics[i].name, topic) == 0) return true;
    for (size_t i = 0; i < sizeof(kafkas_own) / sizeof(*kafkas_own); i++)
        if (strcmp(kafkas_own[i], topic) == 0) return true;
    return false;
}

static void read_partitions(struct kpk_found_kafka *found,
                            const struct rd_kafka_metadata_topic *topic) {
    for (int i = 0; i < topic->partition_cnt; i++) {
        const struct rd_kafka_metadata_partition *from = &topic->partitions[i];
        rd_kafka_topic_partition_t *name =
            rd_kafka_topic_partition_list_add(found->names, topic->topic, from->id);
        found->partitions[found->partition_count++] = (struct kpk_found_partition){
            .topic = name->topic,
            .partition = from->id,
            .leader = from->leader,
            .replicas = from->replica_cnt,
            .isr = from->isr_cnt,
        };
        /* Whom nobody knows now, but replicas lie on, is missing. */
        for (int replica = 0; replica < from->replica_cnt; replica++)
            (void)know_broker(found, from->replicas[replica]);
    }
}

static int read_metadata(struct kpk_found_kafka *found,
                         const struct rd_kafka_metadata *metadata, struct kpk_err *err) {
    size_t partitions = 0;

    for (int i = 0; i < metadata->topic_cnt; i++)
        partitions += (size_t)metadata->topics[i].partition_cnt;
    found->names = rd_kafka_topic_partition_list_new((int)partitions);
    found->partitions = calloc(partitions + 1, sizeof(*found->partitions));
    if (!found->partitions) return kpk_fail(err, KPK_FATAL, "no memory");
    for (int i = 0; i < metadata->broker_cnt; i++) {
        struct kpk_found_broker *broker = know_broker(found, metadata->brokers[i].id);
        if (broker)
            snprintf(broker->address, sizeof(broker->address), "%.120s:%d",
                     metadata->brokers[i].host, metadata->brokers[i].port);
    }
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (counts(found, metadata->topics[i].topic))
            read_partitions(found, &metadata->topics[i]);
    /* The bundled brokers are numbered from 1; one without replicas is missing all the same. */
    for (int id = 1; id <= found->expected; id++) (void)know_broker(found, id);
    return 0;
}

/* Ask each broker itself: the cluster's list has a broker that hangs until its session ends, and
 * one whose address leads nowhere from here for ever. */
static void probe_brokers(struct kpk_look *look) {
    struct kpk_found_kafka *found = look->found;
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(
        (const char *[]){found->topics.topics[0].name}, 1);
    size_t asked = 0;

    look->admin->request_ms = PROBE_MS;
    for (size_t i = 0; i < found->broker_count; i++) {
        if (!*found->brokers[i].address) continue;
        rd_kafka_AdminOptions_t *opts =
            kpk_admin_options(look->admin, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
        kpk_admin_ask(opts, found->brokers[i].id);
        rd_kafka_AdminOptions_set_opaque(opts, &found->brokers[i]);
        rd_kafka_DescribeTopics(look->admin->rk, topics, opts, kpk_admin_queue(look->admin));
        rd_kafka_AdminOptions_destroy(opts);
        asked++;
    }
    rd_kafka_TopicCollection_destroy(topics);
    /* The client answers each call once, with "timed out" if need be. */
    while (asked > 0 && !kpk_stopping()) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(kpk_admin_queue(look->admin), POLL_MS);
        if (!event) continue;
        struct kpk_found_broker *broker = rd_kafka_event_opaque(event);
        broker->answers = !rd_kafka_event_error(event);
        if (broker->answers) look->admin->via = broker->id;
        rd_kafka_event_destroy(event);
        asked--;
    }
}

static int by_id(const void *a, const void *b) {
    const struct kpk_found_broker *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static int look_at_brokers(struct kpk_look *look, struct kpk_err *err) {
    struct kpk_found_kafka *found = look->found;
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(look->admin->rk, 1, NULL, &metadata, look->admin->request_ms);
    int failed;

    if (code) return kpk_fail(err, KPK_WAIT, "who is there: %s", rd_kafka_err2str(code));
    failed = read_metadata(found, metadata, err);
    rd_kafka_metadata_destroy(metadata);
    if (failed) return -1;
    qsort(found->brokers, found->broker_count, sizeof(found->brokers[0]), by_id);
    probe_brokers(look);
    return 0;
}

/* --- topics, partitions ------------------------------------------------------------------ */

static int look_at_topics(struct kpk_look *look, struct kpk_err *err) {
    if (kpk_admin_describe(look->admin, &look->found->topics, err)) return -1;
    kpk_admin_decide(look->admin, &look->found->topics, false);
    return 0;
}

static void fill_min_isr(struct kpk_found_kafka *found, struct kpk_plan *topics) {
    for (size_t i = 0; i < found->partition_count; i++) {
        const struct kpk_topic_plan *topic = kpk_plan_find(topics, found->partitions[i].topic);
        if (topic) found->partitions[i].min_isr = atoi(topic->found.settings[KPK_MIN_ISR]);
    }
}

/* Where they are was read with the brokers; here only what each of them needs. What the cluster
 * does not tell of its own topics is not known then, and no reason to stop. */
static int look_at_partitions(struct kpk_look *look, struct kpk_err *err) {
    struct kpk_topic_plan own[sizeof(kafkas_own) / sizeof(*kafkas_own)] = {0};
    struct kpk_plan plan = {own, sizeof(own) / sizeof(*own)};
    struct kpk_err ignored;

    (void)err;
    for (size_t i = 0; i < plan.count; i++)
        snprintf(own[i].name, sizeof(own[i].name), "%s", kafkas_own[i]);
    if (kpk_admin_describe(look->admin, &plan, &ignored) == 0) fill_min_isr(look->found, &plan);
    fill_min_isr(look->found, &look->found->topics);
    return 0;
}

/* --- groups ------------------------------------------------------------------------------ */

static int read_group(struct kpk_look *look, const struct kpk_group *row, struct kpk_lag *lag,
                      struct kpk_err *err) {
    lag->row = row;
    kpk_full_name(row->name, lag->name);
    if (kpk_lag_read(look->admin, &look->found->topics, lag, err)) return -1;
    return kpk_peek(look->peek, lag, err);
}

static void keep_group(struct kpk_found_group *group, const struct kpk_lag *now,
                       const struct kpk_lag *before) {
    group->exists = now->exists;
    group->members = now->member_count;
    group->sum = kpk_lag_sum(now, before, NULL);
}

/* Those with something to do are read twice: do they do it? */
static int read_groups(struct kpk_look *look, struct kpk_lag *now, struct kpk_lag *before,
                       struct kpk_err *err) {
    struct kpk_found_kafka *found = look->found;
    bool waited = false;

    for (size_t i = 0; i < found->group_count; i++) {
        if (read_group(look, found->groups[i].row, &before[i], err)) return -1;
        keep_group(&found->groups[i], &before[i], &before[i]);
    }
    for (size_t i = 0; i < found->group_count; i++) {
        const struct kpk_lag_sum *sum = &found->groups[i].sum;
        if (sum->lag == sum->retrying || found->groups[i].members == 0) continue;
        if (!waited) kpk_stop_wait(AGAIN_MS);
        waited = true;
        if (read_group(look, found->groups[i].row, &now[i], err)) return -1;
        keep_group(&found->groups[i], &now[i], &before[i]);
    }
    return 0;
}

/* The client aborts the process when the coordinator of a group cannot be asked in the midst of a
 * call (librdkafka issues 3663 and 4605, open in 2.14): this step comes last, when all else is
 * told, and not at all while a broker hangs. */
static int look_at_groups(struct kpk_look *look, struct kpk_err *err) {
    struct kpk_found_kafka *found = look->found;
    struct kpk_lag *lags;
    int failed;

    if (kpk_broker_hangs(found)) return 0;
    if (!look->peek && kpk_peek_open(&look->peek, err)) return -1;
    lags = calloc(2 * KPK_FOUND_GROUPS, sizeof(*lags));
    if (!lags) return kpk_fail(err, KPK_FATAL, "no memory");
    found->group_count = 0;
    for (const struct kpk_group *row = kpk_groups; row->name; row++)
        if (kpk_system_named(found->systems, row->system) &&
            found->group_count < KPK_FOUND_GROUPS)
            found->groups[found->group_count++].row = row;
    failed = read_groups(look, lags, lags + KPK_FOUND_GROUPS, err);
    for (size_t i = 0; i < 2 * KPK_FOUND_GROUPS; i++) kpk_lag_clear(&lags[i]);
    free(lags);
    return failed;
}

/* --- dead letters ------------------------------------------------------------------------ */

static struct kpk_found_letters *know_letters(struct kpk_found_kafka *found,
                                              const struct kpk_group *row) {
    for (size_t i = 0; i < found->letter_count; i++)
        if (found->letters[i].row == row) return &found->letters[i];
    if (found->letter_count == KPK_FOUND_GROUPS) return NULL;
    found->letters[found->letter_count] = (struct kpk_found_letters){.row = row};
    return &found->letters[found->letter_count++];
}

static bool leader_answers(const struct kpk_found_kafka *found, int leader) {
    for (size_t i = 0; i < found->broker_count; i++)
        if (found->brokers[i].id == leader) return found->brokers[i].answers;
    return false;
}

/* Counted by offsets, without reading them: nothing but letters is in such a topic. */
static void count_letters(struct kpk_look *look, const char *topic,
                          const struct kpk_ledger *ledger, struct kpk_found_letters *letters) {
    for (size_t i = 0; i < look->found->partition_count; i++) {
        const struct kpk_found_partition *at = &look->found->partitions[i];
        int64_t low = 0, high = 0;
        if (strcmp(at->topic, topic) != 0) continue;
        int left = left_ms(look);
        if (!leader_answers(look->found, at->leader) || left < LEAST_MS ||
            rd_kafka_query_watermark_offsets(look->admin->rk, topic, at->partition, &low, &high,
                                             left / 2))
            letters->unread++;
        letters->count +=
            high - low - kpk_ledger_count(ledger, topic, at->partition, low, high);
    }
}

/* A broker that hangs may be the one that has it, and the others are to be told of in time. */
static void read_ledger(struct kpk_look *look, struct kpk_ledger *ledger) {
    struct kpk_err ignored;
    int left = left_ms(look);

    look->found->ledger_unread = kpk_broker_hangs(look->found) || left < LEAST_MS ||
                                 kpk_ledger_read(ledger, left / 2, &ignored);
    if (look->found->ledger_unread) kpk_ledger_free(ledger);
}

static bool has_ledger(const struct kpk_found_kafka *found) {
    char name[KPK_NAME_BYTES];

    kpk_full_name(KPK_TOPIC_DLQ_LEDGER, name);
    for (size_t i = 0; i < found->partition_count; i++)
        if (strcmp(found->partitions[i].topic, name) == 0) return true;
    return false;
}

static int look_at_letters(struct kpk_look *look, struct kpk_err *err) {
    struct kpk_found_kafka *found = look->found;
    struct kpk_dlq_topics topics;
    struct kpk_ledger ledger = {.topics = &topics};

    found->letter_count = 0;
    if (kpk_dlq_topics_open(&topics, NULL, err)) return -1;
    topics.ledger_there = has_ledger(found); /* topics may not have been looked at */
    read_ledger(look, &ledger);
    for (size_t i = 0; i < topics.count; i++) {
        const struct kpk_dlq_topic *at = &topics.all[i];
        if (!kpk_system_named(found->systems, at->group->system)) continue;
        struct kpk_found_letters *letters = know_letters(found, at->group);
        if (letters) count_letters(look, at->name, &ledger, letters);
    }
    kpk_ledger_free(&ledger);
    kpk_dlq_topics_close(&topics);
    return 0;
}

/* --- controllers ------------------------------------------------------------------------- */

/* No client may ask a controller itself. But a topic is made by none but the controller, also when
 * the request says that it is only to be checked. Whatever it says then, it answered. */
static int ask_controller(struct kpk_look *look, struct kpk_err *err) {
    char why[128];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(look->found->topics.topics[0].name, 1, 1, why, sizeof(why));
    rd_kafka_AdminOptions_t *opts =
        kpk_admin_options(look->admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_event_t *event;
    size_t count;

    kpk_admin_ask(opts, look->admin->via); /* which passes it on to the controller */
    (void)rd_kafka_AdminOptions_set_validate_only(opts, 1, why, sizeof(why));
    rd_kafka_CreateTopics(look->admin->rk, &topic, 1, opts, kpk_admin_queue(look->admin));
    rd_kafka_NewTopic_destroy(topic);
    event = kpk_admin_answer(look->admin, opts, "create topics", err);
    if (!event) return -1;
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event), &count)[0]);
    rd_kafka_event_destroy(event);
    if (code != RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT && code != RD_KAFKA_RESP_ERR_NOT_CONTROLLER)
        return 0;
    return kpk_fail(err, KPK_WAIT, "%s", rd_kafka_err2str(code));
}

/* Twice: the second time perhaps through another broker. */
static int look_at_controller(struct kpk_look *look, struct kpk_err *err) {
    for (int tries = 0; tries < 2; tries++) {
        give_half(look);
        if (ask_controller(look, err) == 0) return 0;
    }
    snprintf(look->found->controller, sizeof(look->found->controller), "%s", err->msg);
    return 0;
}

/* --- all of it --------------------------------------------------------------------------- */

/* clang-format off */
static const struct step {
    const char *about;
    int (*look)(struct kpk_look *look, struct kpk_err *err);
    void (*decide)(struct kpk_findings *findings, const struct kpk_found_kafka *found);
} steps[] = {
    {"brokers", look_at_brokers, kpk_decide_brokers},
    {"topics", look_at_topics, kpk_decide_topics},
    {"partitions", look_at_partitions, kpk_decide_partitions},
    {"dead letters", look_at_letters, kpk_decide_letters},
    {"controllers", look_at_controller, kpk_decide_controller},
    {"groups", look_at_groups, kpk_decide_groups},
};
/* clang-format on */

static const char more_time[] =
    "build/bin/kpk doctor --wait 30 gives it more time; where there "
    "are ACLs, your user must be allowed to describe";

/* returns  whether the next step can be taken */
static bool take(struct kpk_look *look, const struct step *step,
                 struct kpk_findings *findings) {
    struct kpk_err err = {0};

    if (kpk_is_without(look->found->without, step->about)) return true;
    if (left_ms(look) < LEAST_MS) {
        kpk_find(findings, KPK_LEVEL_BAD, step->about,
                 "not looked at, nor what comes after it: the cluster is too slow");
        kpk_fix(findings, "%s", more_time);
        return false;
    }
    for (int tries = 0; tries < 2 && left_ms(look) >= LEAST_MS; tries++) {
        if (tries) kpk_stop_wait(PAUSE_MS);
        give_half(look);
        if (step->look(look, &err) == 0) {
            step->decide(findings, look->found);
            return true;
        }
    }
    kpk_find(findings, KPK_LEVEL_BAD, step->about, "cannot be told: %s", err.msg);
    kpk_fix(findings, "%s", more_time);
    return look->found->broker_count > 0;
}

int kpk_look_open(struct kpk_look **out, struct kpk_found_kafka *found, int wait_ms,
                  struct kpk_err *err) {
    struct kpk_look *look = calloc(1, sizeof(*look));

    *out = NULL;
    if (!look) return kpk_fail(err, KPK_FATAL, "no memory");
    look->found = found;
    look->until = kpk_mono_ms() + wait_ms;
    if (kpk_plan_open(&found->topics, found->systems, err) ||
        kpk_admin_open(&look->admin, &(struct kpk_admin_opts){.wait_ms = wait_ms / 2}, err)) {
        kpk_look_close(look);
        return -1;
    }
    *out = look;
    return 0;
}

bool kpk_look_step(struct kpk_look *look, struct kpk_findings *findings) {
    const size_t count = sizeof(steps) / sizeof(*steps);

    return take(look, &steps[look->next++], findings) && look->next < count;
}

void kpk_look_close(struct kpk_look *look) {
    if (!look) return;
    kpk_peek_close(look->peek);
    kpk_admin_close(look->admin);
    free(look);
}

void kpk_found_kafka_free(struct kpk_found_kafka *found) {
    kpk_plan_close(&found->topics);
    free(found->partitions);
    if (found->names) rd_kafka_topic_partition_list_destroy(found->names);
    *found = (struct kpk_found_kafka){0};
}
