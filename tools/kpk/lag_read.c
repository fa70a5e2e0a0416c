/* One group, read with a handful of requests: who is in it, what it committed, which partitions
 * have a leader to ask, and the ends of those, stable and not. */
#include "common/clock.h"
#include "tools/kpk/lag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void kpk_lag_clear(struct kpk_lag *lag) {
    if (lag->offsets) rd_kafka_topic_partition_list_destroy(lag->offsets);
    free(lag->members);
    free(lag->partitions);
    lag->offsets = NULL;
    lag->members = NULL;
    lag->partitions = NULL;
    lag->member_count = lag->count = 0;
    lag->letters = -1;
    lag->exists = false;
    lag->state[0] = '\0';
}

/* --- members ----------------------------------------------------------------------------- */

static const rd_kafka_topic_partition_list_t *
assignment(const rd_kafka_ConsumerGroupDescription_t *group, size_t member) {
    return rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(
        rd_kafka_ConsumerGroupDescription_member(group, member)));
}

static int read_members(struct kpk_lag *lag, const rd_kafka_ConsumerGroupDescription_t *group,
                        struct kpk_err *err) {
    size_t count = rd_kafka_ConsumerGroupDescription_member_count(group);

    lag->members = calloc(count + 1, sizeof(*lag->members));
    if (!lag->members) return kpk_fail(err, KPK_FATAL, "lag: no memory");
    lag->member_count = count;
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_MemberDescription_t *from =
            rd_kafka_ConsumerGroupDescription_member(group, i);
        struct kpk_lag_member *to = &lag->members[i];
        snprintf(to->client, sizeof(to->client), "%s",
                 rd_kafka_MemberDescription_client_id(from));
        const char *host = rd_kafka_MemberDescription_host(from);
        snprintf(to->host, sizeof(to->host), "%s",
                 host + (*host == '/')); /* as Java prints it */
        const char *id = rd_kafka_MemberDescription_consumer_id(from);
        bool told =
            strncmp(id, to->client, strlen(to->client)) == 0; /* by the classic protocol */
        snprintf(to->id, sizeof(to->id), "%s%s%s", told ? "" : to->client, told ? "" : "/", id);
    }
    return 0;
}

/* returns  the event that holds *group; NULL with 'err' */
static rd_kafka_event_t *describe(struct kpk_admin *admin, struct kpk_lag *lag,
                                  const rd_kafka_ConsumerGroupDescription_t **group,
                                  struct kpk_err *err) {
    rd_kafka_AdminOptions_t *opts =
        kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    const char *name = lag->name;
    rd_kafka_event_t *event;
    size_t count;

    rd_kafka_DescribeConsumerGroups(admin->rk, &name, 1, opts, kpk_admin_queue(admin));
    event = kpk_admin_answer(admin, opts, lag->name, err);
    if (!event) return NULL;
    *group = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(event), &count)[0];
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(*group);
    rd_kafka_consumer_group_state_t state = rd_kafka_ConsumerGroupDescription_state(*group);
    rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code && code != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
        (void)kpk_fail(err, KPK_WAIT, "group %s: %s", lag->name, rd_kafka_err2str(code));
        rd_kafka_event_destroy(event);
        return NULL;
    }
    lag->exists = !code && state != RD_KAFKA_CONSUMER_GROUP_STATE_DEAD;
    snprintf(lag->state, sizeof(lag->state), "%s", rd_kafka_consumer_group_state_name(state));
    return event;
}

/* --- offsets ----------------------------------------------------------------------------- */

static int read_committed(struct kpk_admin *admin, struct kpk_lag *lag, struct kpk_err *err) {
    rd_kafka_AdminOptions_t *opts =
        kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    rd_kafka_ListConsumerGroupOffsets_t *request =
        rd_kafka_ListConsumerGroupOffsets_new(lag->name, NULL);
    rd_kafka_event_t *event;
    size_t count;
    int rc = 0;

    rd_kafka_ListConsumerGroupOffsets(admin->rk, &request, 1, opts, kpk_admin_queue(admin));
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    event = kpk_admin_answer(admin, opts, lag->name, err);
    if (!event) return -1;
    const rd_kafka_group_result_t *group = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count)[0];
    const rd_kafka_error_t *error = rd_kafka_group_result_error(group);
    const rd_kafka_topic_partition_list_t *offsets = rd_kafka_group_result_partitions(group);
    if (error && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
        rc = kpk_fail(err, KPK_WAIT, "group %s: %s", lag->name, rd_kafka_error_string(error));
    else
        lag->offsets = offsets ? rd_kafka_topic_partition_list_copy(offsets)
                               : rd_kafka_topic_partition_list_new(0);
    rd_kafka_event_destroy(event);
    return rc;
}

static void add_missing(rd_kafka_topic_partition_list_t *offsets, const char *topic,
                        int partition) {
    if (!rd_kafka_topic_partition_list_find(offsets, topic, partition))
        rd_kafka_topic_partition_list_add(offsets, topic, partition)->offset =
            RD_KAFKA_OFFSET_INVALID;
}

/* What is assigned, and what the table says it reads, counts without a committed offset too. */
static void add_uncommitted(struct kpk_lag *lag, struct kpk_plan *topics,
                            const rd_kafka_ConsumerGroupDescription_t *group) {
    char base[KPK_NAME_BYTES], name[KPK_NAME_BYTES];

    for (size_t i = 0; i < lag->member_count; i++) {
        const rd_kafka_topic_partition_list_t *owned = assignment(group, i);
        for (int p = 0; owned && p < owned->cnt; p++)
            add_missing(lag->offsets, owned->elems[p].topic, owned->elems[p].partition);
    }
    for (size_t i = 0; lag->row && kpk_group_topic(lag->row, i, base); i++) {
        const struct kpk_topic_plan *topic = kpk_plan_find(topics, kpk_full_name(base, name));
        for (int p = 0; topic && p < topic->found.partitions; p++)
            add_missing(lag->offsets, topic->name, p);
    }
    rd_kafka_topic_partition_list_sort(lag->offsets, NULL, NULL);
}

static int fill_partitions(struct kpk_lag *lag,
                           const rd_kafka_ConsumerGroupDescription_t *group,
                           struct kpk_err *err) {
    lag->count = (size_t)lag->offsets->cnt;
    lag->partitions = calloc(lag->count + 1, sizeof(*lag->partitions));
    if (!lag->partitions) return kpk_fail(err, KPK_FATAL, "lag: no memory");
    for (size_t i = 0; i < lag->count; i++) {
        const rd_kafka_topic_partition_t *from = &lag->offsets->elems[i];
        lag->partitions[i] = (struct kpk_lag_partition){
            .topic = from->topic,
            .partition = from->partition,
            .committed = from->offset >= 0 ? from->offset : -1,
            .end = -1,
            .lag = -1,
            .member = -1,
            .tier = lag->row && kpk_group_reading(lag->row, from->topic) == KPK_READS_TIER,
        };
        for (size_t m = 0; m < lag->member_count; m++) {
            const rd_kafka_topic_partition_list_t *owned = assignment(group, m);
            if (owned &&
                rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)owned,
                                                   from->topic, from->partition))
                lag->partitions[i].member = (int)m;
        }
    }
    return 0;
}

static struct kpk_lag_partition *find(struct kpk_lag *lag,
                                      const rd_kafka_topic_partition_t *at) {
    for (size_t i = 0; i < lag->count; i++)
        if (lag->partitions[i].partition == at->partition &&
            strcmp(lag->partitions[i].topic, at->topic) == 0)
            return &lag->partitions[i];
    return NULL;
}

/* Which offset of each partition to ask for, and where the answer goes. */
struct question {
    rd_kafka_OffsetSpec_t spec;
    rd_kafka_IsolationLevel_t isolation;
    void (*store)(struct kpk_lag_partition *partition, int64_t offset);
};

static void store_end(struct kpk_lag_partition *partition, int64_t offset) {
    partition->end = offset;
    if (partition->committed < 0) return;
    /* The commit is read before the end; retention or a topic made anew may still be in
     * between. */
    partition->lag = offset > partition->committed ? offset - partition->committed : 0;
}

static void store_unstable(struct kpk_lag_partition *partition, int64_t offset) {
    if (partition->end >= 0 && offset > partition->end)
        partition->unstable = offset - partition->end;
}

static void store_begin(struct kpk_lag_partition *partition, int64_t offset) {
    if (partition->end >= 0) partition->lag = partition->end - offset;
}

/* 'at' keeps the partitions to ask about; its offsets are overwritten. */
static int ask(struct kpk_admin *admin, struct kpk_lag *lag,
               rd_kafka_topic_partition_list_t *at, const struct question *question,
               struct kpk_err *err) {
    if (kpk_admin_offsets(admin, at, question->spec, question->isolation, err)) return -1;
    for (int i = 0; i < at->cnt; i++) {
        struct kpk_lag_partition *partition = find(lag, &at->elems[i]);
        if (partition && !at->elems[i].err) question->store(partition, at->elems[i].offset);
    }
    return 0;
}

static bool has_leader(const struct rd_kafka_metadata *metadata,
                       const struct kpk_lag_partition *partition) {
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        if (strcmp(topic->topic, partition->topic) != 0) continue;
        for (int p = 0; p < topic->partition_cnt; p++)
            if (topic->partitions[p].id == partition->partition)
                return topic->partitions[p].leader >= 0;
    }
    return false;
}

/* One partition that nobody leads would fail the request for all: it is not asked about, and
 * its end stays unknown. with  the partitions there is a leader of fresh of these, the ones
 * without a committed offset */
static int find_leaders(struct kpk_admin *admin, const struct kpk_lag *lag,
                        rd_kafka_topic_partition_list_t *with,
                        rd_kafka_topic_partition_list_t *fresh, struct kpk_err *err) {
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(admin->rk, 1, NULL, &metadata, admin->request_ms);

    if (code) return kpk_fail(err, KPK_WAIT, "topics: %s", rd_kafka_err2str(code));
    for (size_t i = 0; i < lag->count; i++) {
        const struct kpk_lag_partition *at = &lag->partitions[i];
        if (!has_leader(metadata, at)) continue;
        rd_kafka_topic_partition_list_add(with, at->topic, at->partition);
        if (at->committed < 0)
            rd_kafka_topic_partition_list_add(fresh, at->topic, at->partition);
    }
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

static int read_ends(struct kpk_admin *admin, struct kpk_lag *lag, struct kpk_err *err) {
    static const struct question end = {RD_KAFKA_OFFSET_SPEC_LATEST,
                                        RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED, store_end};
    static const struct question unstable = {
        RD_KAFKA_OFFSET_SPEC_LATEST, RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED, store_unstable};
    static const struct question begin = {RD_KAFKA_OFFSET_SPEC_EARLIEST,
                                          RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED, store_begin};
    rd_kafka_topic_partition_list_t *with = rd_kafka_topic_partition_list_new(0);
    rd_kafka_topic_partition_list_t *fresh = rd_kafka_topic_partition_list_new(0);
    bool from_beginning = lag->row && lag->row->start == KPK_FROM_BEGINNING;
    int rc = -1;

    if (find_leaders(admin, lag, with, fresh, err)) goto out;
    if (ask(admin, lag, with, &end, err)) goto out;
    if (ask(admin, lag, with, &unstable, err)) goto out;
    if (from_beginning && ask(admin, lag, fresh, &begin, err)) goto out;
    rc = 0;
out:
    rd_kafka_topic_partition_list_destroy(with);
    rd_kafka_topic_partition_list_destroy(fresh);
    return rc;
}

int kpk_lag_read(struct kpk_admin *admin, struct kpk_plan *topics, struct kpk_lag *lag,
                 struct kpk_err *err) {
    const rd_kafka_ConsumerGroupDescription_t *group = NULL;
    rd_kafka_event_t *event;
    int rc = -1;

    kpk_lag_clear(lag);
    event = describe(admin, lag, &group, err);
    if (!event) return -1;
    if (!lag->exists) {
        rc = 0;
        goto out;
    }
    if (read_members(lag, group, err)) goto out;
    if (read_committed(admin, lag, err)) goto out;
    lag->at_us = kpk_mono_us();
    add_uncommitted(lag, topics, group);
    if (fill_partitions(lag, group, err)) goto out;
    rc = read_ends(admin, lag, err);
out:
    rd_kafka_event_destroy(event);
    return rc;
}
