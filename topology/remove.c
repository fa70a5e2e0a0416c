#include "topology/remove.h"

#include <stdlib.h>

/* --- topics ------------------------------------------------------------------------------ */

static int delete_topics(struct kpk_admin *admin, const struct kpk_plan *plan,
                         struct kpk_err *err) {
    rd_kafka_DeleteTopic_t **topics = calloc(plan->count, sizeof(*topics));
    rd_kafka_AdminOptions_t *opts;
    size_t count;
    int rc = 0;

    if (!topics) return kpk_fail(err, KPK_FATAL, "delete topics: no memory");
    for (size_t i = 0; i < plan->count; i++)
        topics[i] = rd_kafka_DeleteTopic_new(plan->topics[i].name);
    opts = kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    rd_kafka_DeleteTopics(admin->rk, topics, plan->count, opts, kpk_admin_queue(admin));
    rd_kafka_DeleteTopic_destroy_array(topics, plan->count);
    free(topics);
    rd_kafka_event_t *event = kpk_admin_answer(admin, opts, "delete topics", err);
    if (!event) return -1;

    const rd_kafka_topic_result_t **results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    for (size_t i = 0; i < count && rc == 0; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
        if (code && code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            rc = kpk_fail(err, KPK_WAIT, "topic %s is left: %s",
                          rd_kafka_topic_result_name(results[i]), rd_kafka_err2str(code));
    }
    rd_kafka_event_destroy(event);
    return rc;
}

int kpk_remove_topics(struct kpk_admin *admin, struct kpk_plan *plan, struct kpk_err *err) {
    bool finishing = admin->finishing;

    if (plan->count == 0) return 0; /* an empty request is an error */
    admin->finishing = true;
    int rc = delete_topics(admin, plan, err);
    if (!rc) rc = kpk_admin_gone(admin, plan, err);
    admin->finishing = finishing;
    return rc;
}

/* --- groups ------------------------------------------------------------------------------ */

static int delete_groups(struct kpk_admin *admin, const char *const *names, size_t count,
                         struct kpk_err *err) {
    rd_kafka_DeleteGroup_t **groups = calloc(count, sizeof(*groups));
    rd_kafka_AdminOptions_t *opts;
    int rc = 0;

    if (!groups) return kpk_fail(err, KPK_FATAL, "delete groups: no memory");
    for (size_t i = 0; i < count; i++) groups[i] = rd_kafka_DeleteGroup_new(names[i]);
    opts = kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_DELETEGROUPS);
    rd_kafka_DeleteGroups(admin->rk, groups, count, opts, kpk_admin_queue(admin));
    rd_kafka_DeleteGroup_destroy_array(groups, count);
    free(groups);
    rd_kafka_event_t *event = kpk_admin_answer(admin, opts, "delete groups", err);
    if (!event) return -1;

    const rd_kafka_group_result_t **results =
        rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &count);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const rd_kafka_error_t *error = rd_kafka_group_result_error(results[i]);
        if (error && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
            rc = kpk_fail(err, KPK_WAIT, "group %s is left: %s",
                          rd_kafka_group_result_name(results[i]), rd_kafka_error_string(error));
    }
    rd_kafka_event_destroy(event);
    return rc;
}

int kpk_remove_groups(struct kpk_admin *admin, const char *const *names, size_t count,
                      struct kpk_err *err) {
    bool finishing = admin->finishing;

    if (count == 0) return 0; /* an empty request is an error */
    admin->finishing = true;
    int rc = delete_groups(admin, names, count, err);
    admin->finishing = finishing;
    return rc;
}
