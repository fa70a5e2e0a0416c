#include "services/twitter/demo-twitter/members.h"

#include <stdio.h>
#include <string.h>

static int count_partitions(const rd_kafka_MemberDescription_t *member, const char *topic) {
    const rd_kafka_topic_partition_list_t *list =
        rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(member));
    int count = 0;

    for (int i = 0; list && i < list->cnt; i++)
        count += strcmp(list->elems[i].topic, topic) == 0;
    return count;
}

static void copy_members(const rd_kafka_ConsumerGroupDescription_t *group, const char *topic,
                         struct members *members) {
    size_t count = rd_kafka_ConsumerGroupDescription_member_count(group);

    members->stable =
        rd_kafka_ConsumerGroupDescription_state(group) == RD_KAFKA_CONSUMER_GROUP_STATE_STABLE;
    members->count = count < MEMBERS_MAX ? (int)count : MEMBERS_MAX;
    for (int i = 0; i < members->count; i++) {
        const rd_kafka_MemberDescription_t *member =
            rd_kafka_ConsumerGroupDescription_member(group, (size_t)i);
        snprintf(members->at[i].id, sizeof(members->at[i].id), "%s",
                 rd_kafka_MemberDescription_consumer_id(member));
        members->at[i].partitions = count_partitions(member, topic);
    }
}

int members_read(struct kpk_admin *admin, const char *group, const char *topic,
                 struct members *members, struct kpk_err *err) {
    rd_kafka_AdminOptions_t *opts =
        kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    const rd_kafka_ConsumerGroupDescription_t **groups;
    rd_kafka_event_t *event;
    size_t count;
    int failed = 0;

    *members = (struct members){.stable = false};
    rd_kafka_DescribeConsumerGroups(admin->rk, &group, 1, opts, kpk_admin_queue(admin));
    event = kpk_admin_answer(admin, opts, "describe the group", err);
    if (!event) return -1;
    groups = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(event), &count);
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
    if (error)
        failed = kpk_fail(err, KPK_WAIT, "group %s: %s", group, rd_kafka_error_string(error));
    else
        copy_members(groups[0], topic, members);
    rd_kafka_event_destroy(event);
    return failed;
}

bool members_have(const struct members *members, const char *id) {
    for (int i = 0; i < members->count; i++)
        if (strcmp(members->at[i].id, id) == 0) return true;
    return false;
}

bool members_same(const struct members *a, const struct members *b) {
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++)
        if (strcmp(a->at[i].id, b->at[i].id) != 0 || a->at[i].partitions != b->at[i].partitions)
            return false;
    return true;
}

int members_partitions(const struct members *members) {
    int sum = 0;

    for (int i = 0; i < members->count; i++) sum += members->at[i].partitions;
    return sum;
}

int members_missing(const struct members *members, const struct members *from) {
    int missing = 0;

    for (int i = 0; i < members->count; i++) missing += !members_have(from, members->at[i].id);
    return missing;
}
