#include "tests/support/group.h"

#include "common/event.h"
#include "services/twitter/events.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 60000, PLANTED = 40 };

static struct kpk_err error, *err = &error;

/* --- looking ----------------------------------------------------------------------------- */

static bool is_read(void *ctx) {
    struct kpk_plan none = {0};
    struct kpk_admin *admin;

    assert_ok(kpk_admin_open(&admin, &(struct kpk_admin_opts){.wait_ms = PATIENCE_MS}, err),
              err);
    int failed = kpk_lag_read(admin, &none, ctx, err);
    kpk_admin_close(admin);
    return !failed;
}

void group_look(struct kpk_lag *group) {
    kpk_full_name(KPK_GROUP_FANOUT_WORKERS, group->name);
    if (!wait_until(PATIENCE_MS, is_read, group)) fail_msg("%s", err->msg);
}

static bool is_member(const struct kpk_lag *group, const char *id) {
    for (size_t i = 0; i < group->member_count; i++)
        if (strcmp(group->members[i].id, id) == 0) return true;
    return false;
}

void group_assert_same_members(const struct kpk_lag *before, const struct kpk_lag *now) {
    assert_string_equal(now->state, "Stable");
    assert_int_equal(now->member_count, before->member_count);
    for (size_t i = 0; i < before->member_count; i++)
        if (!is_member(now, before->members[i].id))
            fail_msg("%s is no member any more", before->members[i].id);
}

/* A partition without a commit is known of only while it is assigned. */
static int64_t committed(const struct kpk_lag *group, const struct kpk_lag_partition *at) {
    for (size_t i = 0; i < group->count; i++)
        if (group->partitions[i].partition == at->partition &&
            strcmp(group->partitions[i].topic, at->topic) == 0)
            return group->partitions[i].committed;
    return -1;
}

bool group_moved(const struct kpk_lag *before, const struct kpk_lag *now) {
    for (size_t i = 0; i < now->count; i++)
        if (now->partitions[i].committed != committed(before, &now->partitions[i])) return true;
    return false;
}

bool group_moved_everywhere(const struct kpk_lag *before, const struct kpk_lag *now) {
    char tweets[KPK_NAME_BYTES];

    kpk_full_name(KPK_TOPIC_TWEETS, tweets);
    for (size_t i = 0; i < before->count; i++) {
        const struct kpk_lag_partition *was = &before->partitions[i];
        if (strcmp(was->topic, tweets) == 0 && committed(now, was) <= was->committed)
            return false;
    }
    return true;
}

/* --- planting ---------------------------------------------------------------------------- */

static void plant_event(struct kpk_producer *producer, const char *author_id, int number) {
    struct twitter_tweet tweet = {.text = "planted", .delivery = TWITTER_PUSH};
    char topic[KPK_NAME_BYTES], key[16], event_id[KPK_UUID_BYTES];

    kpk_uuid7(tweet.id);
    kpk_uuid7(event_id);
    snprintf(tweet.author_id, sizeof(tweet.author_id), "%s", author_id);
    tweet.created_at = kpk_uuid7_ms(tweet.id);
    snprintf(key, sizeof(key), "%d", number); /* for its partition */
    char *payload = twitter_tweet_encode(&tweet);
    assert_ok(kpk_event_send(producer, kpk_full_name(KPK_TOPIC_TWEETS, topic),
                             &(struct kpk_event){.id = event_id,
                                                 .source = "/tests",
                                                 .type = TWITTER_TWEET_CREATED,
                                                 .time_ms = tweet.created_at,
                                                 .key = key,
                                                 .key_len = strlen(key),
                                                 .data = payload,
                                                 .len = strlen(payload)},
                             err),
              err);
    free(payload);
}

void group_plant_events(const char *author_id) {
    const struct kpk_producer_opts opts = {.durability = KPK_CRITICAL};
    struct kpk_producer *producer;

    assert_ok(kpk_producer_open(&producer, &opts, err), err);
    for (int i = 0; i < PLANTED; i++) plant_event(producer, author_id, i);
    assert_ok(kpk_producer_wait(producer, PATIENCE_MS, err), err);
    kpk_producer_close(producer);
}
