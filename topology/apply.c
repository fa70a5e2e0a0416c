/* Doing what topology/plan.h decided: create all in one request, then grow and alter one by
 * one, as those are rare. */
#include "topology/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void failed(struct kpk_topic_plan *topic, const char *what, const char *why) {
    topic->outcome = KPK_TOPIC_FAILED;
    snprintf(topic->detail, sizeof(topic->detail), "%s: %s", what, why);
}

/* --- create ------------------------------------------------------------------------------ */

static rd_kafka_NewTopic_t *new_topic(struct kpk_topic_plan *topic) {
    char why[160];
    rd_kafka_NewTopic_t *fresh = rd_kafka_NewTopic_new(topic->name, topic->partitions,
                                                       topic->replicas, why, sizeof(why));

    if (!fresh) return failed(topic, "create", why), NULL;
    for (size_t i = 0; i < KPK_SETTINGS; i++)
        (void)rd_kafka_NewTopic_set_config(fresh, kpk_setting_names[i], topic->settings[i]);
    return fresh;
}

static void read_created(struct kpk_plan *plan, rd_kafka_event_t *event) {
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);

    for (size_t i = 0; i < count; i++) {
        struct kpk_topic_plan *topic =
            kpk_plan_find(plan, rd_kafka_topic_result_name(results[i]));
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
        const char *why = rd_kafka_topic_result_error_string(results[i]);
        if (!topic || !code) continue;
        failed(topic, "create", why ? why : rd_kafka_err2str(code));
        if (code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
        topic->outcome = KPK_TOPIC_UNCHANGED;
        snprintf(topic->detail, sizeof(topic->detail),
                 "created by somebody else at this moment");
    }
}

static int create(struct kpk_admin *admin, struct kpk_plan *plan, struct kpk_err *err) {
    rd_kafka_NewTopic_t **fresh = calloc(plan->count + 1, sizeof(*fresh));
    rd_kafka_event_t *event = NULL;
    size_t count = 0;

    if (!fresh) return kpk_fail(err, KPK_FATAL, "create topics: no memory");
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->topics[i].outcome != KPK_TOPIC_CREATED) continue;
        fresh[count] = new_topic(&plan->topics[i]);
        if (fresh[count]) count++;
    }
    if (count) {
        rd_kafka_AdminOptions_t *opts =
            kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
        rd_kafka_CreateTopics(admin->rk, fresh, count, opts, kpk_admin_queue(admin));
        event = kpk_admin_answer(admin, opts, "create topics", err);
        if (event) read_created(plan, event);
    }
    rd_kafka_NewTopic_destroy_array(fresh, count);
    free(fresh);
    if (count && !event) return -1;
    if (event) rd_kafka_event_destroy(event);
    return 0;
}

/* --- grow -------------------------------------------------------------------------------- */

static int grow(struct kpk_admin *admin, struct kpk_topic_plan *topic, struct kpk_err *err) {
    rd_kafka_AdminOptions_t *opts;
    rd_kafka_NewPartitions_t *more;
    rd_kafka_event_t *event;
    char why[160];
    size_t count;

    more = rd_kafka_NewPartitions_new(topic->name, (size_t)topic->partitions, why, sizeof(why));
    if (!more) return failed(topic, "grow", why), 0;
    opts = kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS);
    rd_kafka_CreatePartitions(admin->rk, &more, 1, opts, kpk_admin_queue(admin));
    rd_kafka_NewPartitions_destroy(more);
    event = kpk_admin_answer(admin, opts, topic->name, err);
    if (!event) return -1;
    const rd_kafka_topic_result_t **results = rd_kafka_CreatePartitions_result_topics(
        rd_kafka_event_CreatePartitions_result(event), &count);
    for (size_t i = 0; i < count; i++)
        if (rd_kafka_topic_result_error(results[i]))
            failed(topic, "grow", rd_kafka_topic_result_error_string(results[i]));
    rd_kafka_event_destroy(event);
    return 0;
}

/* --- alter ------------------------------------------------------------------------------- */

static rd_kafka_ConfigResource_t *altered(const struct kpk_topic_plan *topic) {
    rd_kafka_ConfigResource_t *resource = NULL;

    for (size_t i = 0; i < KPK_SETTINGS; i++) {
        if (!topic->alter[i]) continue;
        if (!resource)
            resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic->name);
        rd_kafka_error_t *error = rd_kafka_ConfigResource_add_incremental_config(
            resource, kpk_setting_names[i], RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET,
            topic->settings[i]);
        if (error) rd_kafka_error_destroy(error); /* only for an empty name or value */
    }
    return resource;
}

static int alter(struct kpk_admin *admin, struct kpk_topic_plan *topic, struct kpk_err *err) {
    rd_kafka_ConfigResource_t *resource = altered(topic);
    rd_kafka_AdminOptions_t *opts;
    rd_kafka_event_t *event;
    size_t count;

    if (!resource) return 0;
    opts = kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS);
    rd_kafka_IncrementalAlterConfigs(admin->rk, &resource, 1, opts, kpk_admin_queue(admin));
    rd_kafka_ConfigResource_destroy(resource);
    event = kpk_admin_answer(admin, opts, topic->name, err);
    if (!event) return -1;
    const rd_kafka_ConfigResource_t **results =
        rd_kafka_IncrementalAlterConfigs_result_resources(
            rd_kafka_event_IncrementalAlterConfigs_result(event), &count);
    for (size_t i = 0; i < count; i++)
        if (rd_kafka_ConfigResource_error(results[i]))
            failed(topic, "alter", rd_kafka_ConfigResource_error_string(results[i]));
    rd_kafka_event_destroy(event);
    return 0;
}

int kpk_admin_apply(struct kpk_admin *admin, struct kpk_plan *plan, struct kpk_err *err) {
    if (create(admin, plan, err)) return -1;
    for (size_t i = 0; i < plan->count; i++) {
        struct kpk_topic_plan *topic = &plan->topics[i];
        if (topic->grow && grow(admin, topic, err)) return -1;
        if (topic->outcome != KPK_TOPIC_FAILED && alter(admin, topic, err)) return -1;
    }
    return kpk_plan_verdict(plan, err);
}
