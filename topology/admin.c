#include "topology/admin.h"

#include "common/clock.h"
#include "common/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WAIT_MS = 30000,
    REQUEST_MS = 10000,
    PROBE_MS = 1000, /* one look at the cluster while waiting for it */
    PAUSE_MS = 100,  /* between two looks */
};

/* --- open, close ------------------------------------------------------------------------- */

/* Told by rd_kafka_poll() only: no lock. "All brokers are down" says less than what came
 * before. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct kpk_admin *admin = opaque;

    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && admin->reason[0]) return;
    const char *timing = strstr(reason, " (after ");
    snprintf(admin->reason, sizeof(admin->reason), "%.*s",
             (int)(timing ? timing - reason : (ptrdiff_t)strlen(reason)), reason);
}

static int start(struct kpk_admin *admin, struct kpk_err *err) {
    /* Below errors: a command line says once, at its end, that nobody answered. */
    const char *const pairs[] = {"log_level", "2", NULL};
    rd_kafka_conf_t *conf = kpk_kafka_conf(pairs, err);
    char why[160];

    if (!conf) return -1;
    rd_kafka_conf_set_opaque(conf, admin);
    rd_kafka_conf_set_error_cb(conf, on_error);
    admin->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!admin->rk) {
        rd_kafka_conf_destroy(conf);
        return kpk_fail(err, KPK_FATAL, "kafka: %s", why);
    }
    admin->answers = rd_kafka_queue_new(admin->rk);
    return 0;
}

/* How many brokers answer now; 0: nobody. */
static int count_brokers(struct kpk_admin *admin) {
    const struct rd_kafka_metadata *metadata = NULL;
    int count = 0;

    if (rd_kafka_metadata(admin->rk, 0, NULL, &metadata, PROBE_MS) == 0) {
        count = metadata->broker_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_poll(admin->rk, 0);
    return count;
}

static int wait_for_brokers(struct kpk_admin *admin, int least, struct kpk_err *err) {
    int64_t until = kpk_mono_ms() + admin->wait_ms;
    char servers[120] = "";
    size_t size = sizeof(servers);

    while ((admin->brokers = count_brokers(admin)) < least) {
        if (kpk_stopping()) return kpk_fail(err, KPK_WAIT, "interrupted");
        if (kpk_mono_ms() >= until) break;
        kpk_stop_wait(PAUSE_MS);
    }
    if (admin->brokers >= least) return 0;
    if (admin->brokers > 0)
        return kpk_fail(err, KPK_WAIT, "only %d of %d brokers are there after %d s",
                        admin->brokers, least, admin->wait_ms / 1000);
    (void)rd_kafka_conf_get(rd_kafka_conf(admin->rk), "bootstrap.servers", servers, &size);
    return kpk_fail(err, KPK_WAIT, "no broker answers at %s for %d s: %s", servers,
                    admin->wait_ms / 1000,
                    admin->reason[0] ? admin->reason : "no reason known");
}

int kpk_admin_open(struct kpk_admin **out, const struct kpk_admin_opts *opts,
                   struct kpk_err *err) {
    struct kpk_admin *admin = calloc(1, sizeof(*admin));

    *out = NULL;
    if (!admin) return kpk_fail(err, KPK_FATAL, "kafka: no memory");
    admin->wait_ms = opts->wait_ms ? opts->wait_ms : WAIT_MS;
    admin->request_ms = opts->request_ms ? opts->request_ms : REQUEST_MS;
    admin->via = -1;
    if (start(admin, err)) goto fail;
    if (wait_for_brokers(admin, opts->brokers ? opts->brokers : 1, err)) goto fail;
    *out = admin;
    return 0;
fail:
    kpk_admin_close(admin);
    return -1;
}

void kpk_admin_close(struct kpk_admin *admin) {
    if (!admin) return;
    if (admin->answers) rd_kafka_queue_destroy(admin->answers);
    if (admin->rk) rd_kafka_destroy(admin->rk);
    free(admin);
}

/* --- one call, one answer ---------------------------------------------------------------- */

rd_kafka_AdminOptions_t *kpk_admin_options(struct kpk_admin *admin, rd_kafka_admin_op_t op) {
    rd_kafka_AdminOptions_t *opts = rd_kafka_AdminOptions_new(admin->rk, op);
    char why[128];

    /* Fails only for a number out of range. */
    (void)rd_kafka_AdminOptions_set_request_timeout(opts, admin->request_ms, why, sizeof(why));
    return opts;
}

void kpk_admin_ask(rd_kafka_AdminOptions_t *opts, int broker) {
    char why[128];

    /* Fails only for a number out of range. */
    if (broker >= 0) (void)rd_kafka_AdminOptions_set_broker(opts, broker, why, sizeof(why));
}

rd_kafka_queue_t *kpk_admin_queue(struct kpk_admin *admin) { return admin->answers; }

/* What is still answered must not be taken for the answer to the next call. */
static int interrupted(struct kpk_admin *admin, const char *what, struct kpk_err *err) {
    rd_kafka_queue_destroy(admin->answers);
    admin->answers = rd_kafka_queue_new(admin->rk);
    return kpk_fail(err, KPK_WAIT, "%s: interrupted", what);
}

rd_kafka_event_t *kpk_admin_answer(struct kpk_admin *admin, rd_kafka_AdminOptions_t *opts,
                                   const char *what, struct kpk_err *err) {
    rd_kafka_event_t *event = NULL;

    rd_kafka_AdminOptions_destroy(opts);
    /* The client answers each call once, with "timed out" if need be. */
    while (!event && (admin->finishing || !kpk_stopping()))
        event = rd_kafka_queue_poll(admin->answers, PAUSE_MS);
    if (!event) return (void)interrupted(admin, what, err), NULL;
    if (!rd_kafka_event_error(event)) return event;
    (void)kpk_fail(err, KPK_WAIT, "%s: %s", what, rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    return NULL;
}

int kpk_admin_offsets(struct kpk_admin *admin, rd_kafka_topic_partition_list_t *at,
                      int64_t spec, rd_kafka_IsolationLevel_t isolation, struct kpk_err *err) {
    rd_kafka_AdminOptions_t *opts;
    rd_kafka_event_t *event;
    size_t count;

    if (at->cnt == 0) return 0; /* an empty request is an error */
    opts = kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
    rd_kafka_error_t *error = rd_kafka_AdminOptions_set_isolation_level(opts, isolation);
    if (error) rd_kafka_error_destroy(error); /* both levels are known to be valid */
    for (int i = 0; i < at->cnt; i++) {
        at->elems[i].offset = spec;
        at->elems[i].err = RD_KAFKA_RESP_ERR__NOENT; /* until it is answered */
    }
    rd_kafka_ListOffsets(admin->rk, at, opts, admin->answers);
    event = kpk_admin_answer(admin, opts, "list offsets", err);
    if (!event) return -1;
    const rd_kafka_ListOffsetsResultInfo_t **infos =
        rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *result =
            rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
        rd_kafka_topic_partition_t *asked =
            rd_kafka_topic_partition_list_find(at, result->topic, result->partition);
        if (!asked) continue;
        asked->err = result->err;
        asked->offset = result->offset;
    }
    rd_kafka_event_destroy(event);
    return 0;
}

/* --- what is there ----------------------------------------------------------------------- */

static void read_partitions(struct kpk_topic_found *found,
                            const rd_kafka_TopicDescription_t *topic) {
    size_t count, replicas, isr;
    const rd_kafka_TopicPartitionInfo_t **partitions =
        rd_kafka_TopicDescription_partitions(topic, &count);

    found->exists = true;
    found->partitions = (int)count;
    for (size_t i = 0; i < count; i++) {
        (void)rd_kafka_TopicPartitionInfo_replicas(partitions[i], &replicas);
        (void)rd_kafka_TopicPartitionInfo_isr(partitions[i], &isr);
        if (i == 0 || (int)replicas < found->replicas) found->replicas = (int)replicas;
        found->leaderless += !rd_kafka_TopicPartitionInfo_leader(partitions[i]);
        found->under_replicated += isr < replicas;
    }
}

/* broker  whose view is asked for; -1: the client chooses */
static int describe_partitions(struct kpk_admin *admin, struct kpk_plan *plan, int broker,
                               struct kpk_err *err) {
    const char **names = calloc(plan->count + 1, sizeof(*names));
    rd_kafka_AdminOptions_t *opts;
    rd_kafka_TopicCollection_t *topics;
    rd_kafka_event_t *event;
    size_t count;

    if (!names) return kpk_fail(err, KPK_FATAL, "describe topics: no memory");
    opts = kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    kpk_admin_ask(opts, broker);
    for (size_t i = 0; i < plan->count; i++) names[i] = plan->topics[i].name;
    topics = rd_kafka_TopicCollection_of_topic_names(names, plan->count);
    rd_kafka_DescribeTopics(admin->rk, topics, opts, admin->answers);
    rd_kafka_TopicCollection_destroy(topics);
    free(names);
    event = kpk_admin_answer(admin, opts, "describe topics", err);
    if (!event) return -1;

    const rd_kafka_TopicDescription_t **found = rd_kafka_DescribeTopics_result_topics(
        rd_kafka_event_DescribeTopics_result(event), &count);
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct kpk_topic_plan *topic =
            kpk_plan_find(plan, rd_kafka_TopicDescription_name(found[i]));
        const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(found[i]);
        if (!topic) continue;
        topic->found = (struct kpk_topic_found){0};
        if (!error || !rd_kafka_error_code(error))
            read_partitions(&topic->found, found[i]);
        else if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            rc = kpk_fail(err, KPK_WAIT, "%s: %s", topic->name, rd_kafka_error_string(error));
    }
    rd_kafka_event_destroy(event);
    return rc;
}

static void read_settings(struct kpk_topic_found *found,
                          const rd_kafka_ConfigResource_t *resource) {
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);

    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        for (size_t setting = 0; setting < KPK_SETTINGS; setting++)
            if (strcmp(name, kpk_setting_names[setting]) == 0)
                snprintf(found->settings[setting], KPK_SETTING_BYTES, "%s", value ? value : "");
    }
}

static int describe_settings(struct kpk_admin *admin, struct kpk_plan *plan,
                             struct kpk_err *err) {
    rd_kafka_ConfigResource_t **resources = calloc(plan->count + 1, sizeof(*resources));
    rd_kafka_AdminOptions_t *opts;
    rd_kafka_event_t *event;
    size_t count = 0;

    if (!resources) return kpk_fail(err, KPK_FATAL, "describe topics: no memory");
    for (size_t i = 0; i < plan->count; i++)
        if (plan->topics[i].found.exists)
            resources[count++] =
                rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, plan->topics[i].name);
    if (count == 0) return free(resources), 0; /* an empty request is an error */
    opts = kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    kpk_admin_ask(opts, admin->via);
    rd_kafka_DescribeConfigs(admin->rk, resources, count, opts, admin->answers);
    rd_kafka_ConfigResource_destroy_array(resources, count);
    free(resources);
    event = kpk_admin_answer(admin, opts, "describe topic settings", err);
    if (!event) return -1;

    const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        const char *name = rd_kafka_ConfigResource_name(found[i]);
        struct kpk_topic_plan *topic = kpk_plan_find(plan, name);
        rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(found[i]);
        if (topic && code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            topic->found = (struct kpk_topic_found){0}; /* deleted since the first question */
        else if (code)
            rc = kpk_fail(err, KPK_WAIT, "%s: %s", name,
                          rd_kafka_ConfigResource_error_string(found[i]));
        else if (topic)
            read_settings(&topic->found, found[i]);
    }
    rd_kafka_event_destroy(event);
    return rc;
}

int kpk_admin_describe(struct kpk_admin *admin, struct kpk_plan *plan, struct kpk_err *err) {
    if (describe_partitions(admin, plan, admin->via, err)) return -1;
    return describe_settings(admin, plan, err);
}

void kpk_admin_decide(struct kpk_admin *admin, struct kpk_plan *plan, bool grow) {
    for (size_t i = 0; i < plan->count; i++)
        kpk_topic_decide(&plan->topics[i], admin->brokers, grow);
}

/* --- until all brokers say the same ------------------------------------------------------ */

/* Asks one broker. returns  0: it says what is waited for, or -1 with 'err' (WAIT) */
typedef int ask_one(struct kpk_admin *admin, struct kpk_plan *plan, int broker,
                    struct kpk_err *err);

static int settled(struct kpk_admin *admin, struct kpk_plan *plan, int broker,
                   struct kpk_err *err) {
    if (describe_partitions(admin, plan, broker, err)) return -1;
    for (size_t i = 0; i < plan->count; i++) {
        const struct kpk_topic_plan *topic = &plan->topics[i];
        int missing = topic->partitions - topic->found.partitions;
        if (topic->outcome == KPK_TOPIC_REFUSED || topic->outcome == KPK_TOPIC_FAILED) continue;
        if (missing > 0)
            return kpk_fail(err, KPK_WAIT, "%s: broker %d does not know %d of its partitions",
                            topic->name, broker, missing);
        if (topic->found.leaderless)
            return kpk_fail(err, KPK_WAIT, "%s: %d of %d partitions have no leader (broker %d)",
                            topic->name, topic->found.leaderless, topic->found.partitions,
                            broker);
    }
    return 0;
}

static int gone(struct kpk_admin *admin, struct kpk_plan *plan, int broker,
                struct kpk_err *err) {
    if (describe_partitions(admin, plan, broker, err)) return -1;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->topics[i].found.exists)
            return kpk_fail(err, KPK_WAIT, "topic %s was deleted, and broker %d still names it",
                            plan->topics[i].name, broker);
    return 0;
}

/* Each broker learns of it by itself, a moment after the controllers have decided it. */
static int ask_all(struct kpk_admin *admin, struct kpk_plan *plan, ask_one *look,
                   struct kpk_err *err) {
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(admin->rk, 0, NULL, &metadata, admin->request_ms);
    int rc = 0;

    if (code) return kpk_fail(err, KPK_WAIT, "brokers: %s", rd_kafka_err2str(code));
    for (int i = 0; i < metadata->broker_cnt && rc == 0; i++)
        rc = look(admin, plan, metadata->brokers[i].id, err);
    rd_kafka_metadata_destroy(metadata);
    return rc;
}

static int await_all(struct kpk_admin *admin, struct kpk_plan *plan, ask_one *look,
                     struct kpk_err *err) {
    int64_t until = kpk_mono_ms() + admin->wait_ms;

    while (ask_all(admin, plan, look, err)) {
        if ((kpk_stopping() && !admin->finishing) || kpk_mono_ms() >= until) return -1;
        usleep(PAUSE_MS * 1000); /* kpk_stop_wait() does not wait once the end is asked for */
    }
    return 0;
}

int kpk_admin_settle(struct kpk_admin *admin, struct kpk_plan *plan, struct kpk_err *err) {
    return await_all(admin, plan, settled, err);
}

int kpk_admin_gone(struct kpk_admin *admin, struct kpk_plan *plan, struct kpk_err *err) {
    return await_all(admin, plan, gone, err);
}
