#include "services/notification/demo-notification/hops.h"

#include "common/clock.h"
#include "common/event.h"
#include "common/tail.h"
#include "patterns/retry-dlq/headers.h"
#include "patterns/retry-dlq/letter.h"
#include "services/notification/demo-notification/notices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOPICS = NOTIFICATION_CHANNELS * (KPK_GROUP_RETRIES + 1), HOPS_MOST = 4096 };

static const char *const groups[NOTIFICATION_CHANNELS] = {
    [NOTIFICATION_EMAIL] = KPK_GROUP_EMAIL_WORKERS,
    [NOTIFICATION_SMS] = KPK_GROUP_SMS_WORKERS,
    [NOTIFICATION_PUSH] = KPK_GROUP_PUSH_WORKERS,
};

struct hops {
    struct kpk_tail *tail;
    struct place {
        char topic[KPK_NAME_BYTES]; /* on the cluster */
        enum notification_channel channel;
        enum hop_kind kind;
    } places[TOPICS];
    int n_places, count;
    struct hop all[HOPS_MOST];
};

/* --- open, close ------------------------------------------------------------------------- */

static void add_place(struct hops *hops, enum notification_channel channel, enum hop_kind kind,
                      const char *base_name) {
    struct place *place = &hops->places[hops->n_places++];

    kpk_full_name(base_name, place->topic);
    place->channel = channel;
    place->kind = kind;
}

static void add_places(struct hops *hops, enum notification_channel channel) {
    const struct kpk_topic *topic = kpk_topic_find(KPK_TOPIC_NOTIFICATIONS_PENDING);
    const struct kpk_group *group = kpk_group_find(groups[channel]);
    struct kpk_topic place;
    char name[KPK_NAME_BYTES];

    for (int tier = 0; tier < kpk_group_retries(group); tier++) {
        kpk_topic_retry(topic, group, tier, name, &place);
        add_place(hops, channel, HOP_TIER, name);
    }
    kpk_topic_dlq(topic, group, name, &place);
    add_place(hops, channel, HOP_LETTER, name);
}

int hops_open(struct hops **out, struct kpk_err *err) {
    struct hops *hops = calloc(1, sizeof(*hops));
    const char *topics[TOPICS + 1] = {NULL};

    *out = NULL;
    if (!hops) return kpk_fail(err, KPK_FATAL, "hops: no memory");
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) add_places(hops, channel);
    for (int i = 0; i < hops->n_places; i++) topics[i] = hops->places[i].topic;
    const struct kpk_tail_opts opts = {
        .topics = topics, .partition = KPK_TAIL_ALL, .from = {.start = KPK_TAIL_END}};
    if (kpk_tail_open_at(&hops->tail, &opts, err)) {
        hops_close(hops);
        return -1;
    }
    *out = hops;
    return 0;
}

void hops_close(struct hops *hops) {
    if (!hops) return;
    kpk_tail_close(hops->tail);
    free(hops);
}

/* --- read -------------------------------------------------------------------------------- */

static const struct place *place_of(const struct hops *hops, const char *topic) {
    int i = 0;

    while (strcmp(hops->places[i].topic, topic) != 0) i++;
    return &hops->places[i];
}

static void read_headers(struct hop *hop, const rd_kafka_message_t *msg) {
    rd_kafka_headers_t *headers;
    const void *reason;
    size_t len;

    if (rd_kafka_message_headers(msg, &headers)) return;
    hop->not_before_ms = kpk_letter_not_before(headers);
    if (!rd_kafka_header_get_last(headers, KPK_ERRORS_MESSAGE, &reason, &len))
        snprintf(hop->reason, sizeof(hop->reason), "%.*s", (int)len, (const char *)reason);
}

/* What is no event is not of ours. */
static int keep(struct hops *hops, const rd_kafka_message_t *msg, struct kpk_err *err) {
    const char *topic = rd_kafka_topic_name(msg->rkt);
    const struct place *place = place_of(hops, topic);
    struct hop *hop = &hops->all[hops->count];
    struct kpk_event event;
    struct kpk_err ignored;

    if (kpk_event_decode(msg, &event, &ignored)) return 0;
    if (hops->count == HOPS_MOST)
        return kpk_fail(err, KPK_FATAL, "more than %d records were handed over", HOPS_MOST);
    *hop = (struct hop){.channel = place->channel,
                        .kind = place->kind,
                        .partition = msg->partition,
                        .offset = msg->offset,
                        .at_ms = rd_kafka_message_timestamp(msg, NULL)};
    snprintf(hop->topic, sizeof(hop->topic), "%s", topic);
    snprintf(hop->id, sizeof(hop->id), "%s", event.id);
    read_headers(hop, msg);
    hops->count++;
    return 0;
}

int hops_read(struct hops *hops, struct kpk_err *err) {
    rd_kafka_message_t *msg;
    int failed = 0;

    while (!failed) {
        if (kpk_tail_next(hops->tail, 0, &msg, err)) return -1;
        if (!msg) return 0;
        failed = keep(hops, msg, err);
        rd_kafka_message_destroy(msg);
    }
    return failed;
}

const struct hop *hops_find(const struct hops *hops, const char *id,
                            enum notification_channel channel, enum hop_kind kind) {
    for (int i = 0; i < hops->count; i++) {
        const struct hop *hop = &hops->all[i];
        if (hop->channel == channel && hop->kind == kind && strcmp(hop->id, id) == 0)
            return hop;
    }
    return NULL;
}

const struct hop *hops_await(struct hops *hops, const char *id,
                             enum notification_channel channel, enum hop_kind kind,
                             struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + ARRIVE_MS;

    for (;;) {
        if (hops_read(hops, err)) return NULL;
        const struct hop *hop = hops_find(hops, id, channel, kind);
        if (hop) return hop;
        if (notices_pause(deadline, err, "group %s did not hand over notification %s in %d s",
                          groups[channel], id, ARRIVE_MS / 1000))
            return NULL;
    }
}
