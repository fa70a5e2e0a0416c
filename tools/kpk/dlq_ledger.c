#include "tools/kpk/dlq_ledger.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/stop.h"
#include "common/tail.h"
#include "tools/kpk/where.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 500, TIMES_MAX = 1000000 };

static const char *const states[KPK_DLQ_STATES] = {
    [KPK_DLQ_OPEN] = "open",
    [KPK_DLQ_REDRIVEN] = "redriven",
    [KPK_DLQ_PARKED] = "parked",
    [KPK_DLQ_PURGED] = "purged",
};

const char *kpk_dlq_state_name(enum kpk_dlq_state state) { return states[state]; }

/* --- one record -------------------------------------------------------------------------- */

const char *kpk_ledger_key(const struct kpk_ledger_entry *entry, char *out) {
    snprintf(out, KPK_LEDGER_KEY_BYTES, "%s:%" PRId32 ":%" PRId64, entry->topic,
             entry->partition, entry->offset);
    return out;
}

char *kpk_ledger_value(const struct kpk_ledger_entry *entry) {
    cJSON *json = cJSON_CreateObject();
    char *value = NULL;

    if (json && cJSON_AddStringToObject(json, "action", states[entry->state]) &&
        kpk_json_add_int(json, "at", entry->at_ms) &&
        cJSON_AddStringToObject(json, "by", entry->by) &&
        kpk_json_add_int(json, "times", entry->times) &&
        kpk_json_add_int(json, "letter_at", entry->letter_ms))
        value = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return value;
}

static int read_key(const struct kpk_dlq_topics *topics, const void *key, size_t len,
                    struct kpk_ledger_entry *entry, struct kpk_err *err) {
    const struct kpk_dlq_topic *topic;
    struct kpk_position position;
    char text[KPK_LEDGER_KEY_BYTES];

    if (!key || len >= sizeof(text) || memchr(key, '\0', len))
        return kpk_fail(err, KPK_REJECT, "ledger: not a key");
    memcpy(text, key, len);
    text[len] = '\0';
    if (kpk_position_parse(text, &position, err)) return -1;
    topic = kpk_dlq_topic_find(topics, position.topic);
    if (!topic) return kpk_fail(err, KPK_REJECT, "ledger: not a dead letter topic");
    entry->topic = topic->name;
    entry->partition = position.partition;
    entry->offset = position.offset;
    return 0;
}

static int read_value(const void *value, size_t len, struct kpk_ledger_entry *entry,
                      struct kpk_err *err) {
    cJSON *json = kpk_json_parse(value, len, err);
    const char *action, *by;
    int64_t times;
    int failed = -1;

    if (!json) return -1;
    if (kpk_json_str(json, "action", KPK_LEDGER_BY, &action, err) ||
        kpk_json_int(json, "at", 0, INT64_MAX, &entry->at_ms, err) ||
        kpk_json_str(json, "by", KPK_LEDGER_BY - 1, &by, err) ||
        kpk_json_int(json, "times", 0, TIMES_MAX, &times, err) ||
        kpk_json_int(json, "letter_at", -1, INT64_MAX, &entry->letter_ms, err))
        goto out;
    for (int state = KPK_DLQ_OPEN + 1; state < KPK_DLQ_STATES; state++)
        if (strcmp(action, states[state]) == 0) entry->state = (enum kpk_dlq_state)state;
    entry->times = (int)times;
    strcpy(entry->by, by);
    failed = entry->state == KPK_DLQ_OPEN
                 ? kpk_fail(err, KPK_REJECT, "ledger: action: there is no such")
                 : 0;
out:
    cJSON_Delete(json);
    return failed;
}

/* --- all of them ------------------------------------------------------------------------- */

static int reserve(struct kpk_ledger *ledger, struct kpk_err *err) {
    size_t capacity = ledger->capacity ? ledger->capacity * 2 : 64;
    struct kpk_ledger_entry *all;

    if (ledger->count < ledger->capacity) return 0;
    /* What is not read could be done a second time. */
    if (ledger->count >= KPK_LEDGER_RECORDS)
        return kpk_fail(err, KPK_FATAL, "the ledger of dead letters has more than %d records",
                        KPK_LEDGER_RECORDS);
    all = reallocarray(ledger->all, capacity, sizeof(*all));
    if (!all) {
        (void)kpk_fail(err, KPK_FATAL, "dlq: no memory for %zu records", capacity);
        return -1;
    }
    ledger->all = all;
    ledger->capacity = capacity;
    return 0;
}

int kpk_ledger_add(struct kpk_ledger *ledger, const void *key, size_t key_len,
                   const void *value, size_t value_len, struct kpk_err *err) {
    struct kpk_ledger_entry entry = {.state = KPK_DLQ_OPEN, .number = ledger->count};
    struct kpk_err why;

    if (read_key(ledger->topics, key, key_len, &entry, &why) ||
        (value && read_value(value, value_len, &entry, &why))) {
        ledger->odd++;
        return 0;
    }
    if (reserve(ledger, err)) return -1;
    ledger->all[ledger->count++] = entry;
    return 0;
}

static int compare(const char *topic, int32_t partition, int64_t offset,
                   const struct kpk_ledger_entry *entry) {
    int order = strcmp(topic, entry->topic);

    if (order) return order;
    if (partition != entry->partition) return partition < entry->partition ? -1 : 1;
    return (offset > entry->offset) - (offset < entry->offset);
}

static int by_position(const void *a, const void *b) {
    const struct kpk_ledger_entry *x = a, *y = b;
    int order = compare(x->topic, x->partition, x->offset, y);

    return order ? order : (x->number > y->number) - (x->number < y->number);
}

void kpk_ledger_settle(struct kpk_ledger *ledger) {
    size_t kept = 0;

    if (ledger->count) qsort(ledger->all, ledger->count, sizeof(*ledger->all), by_position);
    for (size_t i = 0; i < ledger->count; i++) {
        const struct kpk_ledger_entry *entry = &ledger->all[i];
        bool last = i + 1 == ledger->count || compare(entry->topic, entry->partition,
                                                      entry->offset, &ledger->all[i + 1]) != 0;
        if (last && entry->state != KPK_DLQ_OPEN) ledger->all[kept++] = *entry;
    }
    ledger->count = kept;
}

void kpk_ledger_free(struct kpk_ledger *ledger) {
    free(ledger->all);
    ledger->all = NULL;
    ledger->count = ledger->capacity = ledger->odd = 0;
}

/* The first entry that is not before this position. */
static size_t lower_bound(const struct kpk_ledger *ledger, const char *topic, int32_t partition,
                          int64_t offset) {
    size_t low = 0, high = ledger->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(topic, partition, offset, &ledger->all[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct kpk_ledger_entry *kpk_ledger_find(const struct kpk_ledger *ledger,
                                               const char *topic, int32_t partition,
                                               int64_t offset, int64_t letter_ms) {
    size_t i = lower_bound(ledger, topic, partition, offset);
    const struct kpk_ledger_entry *entry = i < ledger->count ? &ledger->all[i] : NULL;

    if (!entry || compare(topic, partition, offset, entry) != 0) return NULL;
    return entry->letter_ms == letter_ms ? entry : NULL;
}

int64_t kpk_ledger_count(const struct kpk_ledger *ledger, const char *topic, int32_t partition,
                         int64_t low, int64_t high) {
    if (low >= high) return 0;
    return (int64_t)(lower_bound(ledger, topic, partition, high) -
                     lower_bound(ledger, topic, partition, low));
}

/* --- reading ----------------------------------------------------------------------------- */

static int read_records(struct kpk_ledger *ledger, struct kpk_tail *tail, int patience_ms,
                        struct kpk_err *err) {
    int64_t until = kpk_mono_ms() + patience_ms;

    while (!kpk_tail_done(tail)) {
        rd_kafka_message_t *msg;
        int failed;
        if (kpk_stopping()) return kpk_fail(err, KPK_WAIT, "interrupted");
        if (kpk_tail_next(tail, POLL_MS, &msg, err)) return -1;
        if (!msg && kpk_mono_ms() > until && !kpk_tail_done(tail))
            return kpk_fail(err, KPK_WAIT, "the ledger of dead letters: no answer for %d ms",
                            patience_ms);
        if (!msg) continue;
        until = kpk_mono_ms() + patience_ms;
        failed = kpk_ledger_add(ledger, msg->key, msg->key_len, msg->payload, msg->len, err);
        rd_kafka_message_destroy(msg);
        if (failed) return -1;
    }
    return 0;
}

int kpk_ledger_read(struct kpk_ledger *ledger, int patience_ms, struct kpk_err *err) {
    char name[KPK_NAME_BYTES];
    struct kpk_tail *tail;
    int failed;

    kpk_ledger_free(ledger);
    if (!ledger->topics->ledger_there) return 0;
    /* A partition that nobody leads is an error: what it says was done would be done again. */
    if (kpk_tail_open_at(
            &tail,
            &(struct kpk_tail_opts){
                .topics = (const char *[]){kpk_full_name(KPK_TOPIC_DLQ_LEDGER, name), NULL},
                .partition = KPK_TAIL_ALL,
                .until_end = true,
            },
            err))
        return -1;
    failed = read_records(ledger, tail, patience_ms, err);
    kpk_tail_close(tail);
    kpk_ledger_settle(ledger);
    return failed;
}
