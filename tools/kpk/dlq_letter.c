/* One letter, from its record; and which of them are copies of one another. */
#include "tools/kpk/dlq.h"

#include "patterns/retry-dlq/headers.h"
#include "tools/kpk/record.h"
#include "tools/kpk/safe.h"
#include "tools/kpk/where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    SHOWN_NAME = 80,
    SHOWN_REASON = 120,
    HEADER_BYTES = 10,  /* the lengths of a header's name and value take no more */
    RECORD_BYTES = 128, /* nor does what a record has besides, and a batch of one */
    REDRIVEN_MAX = 1000000,
};

/* --- to be shown ------------------------------------------------------------------------- */

static char *header_text(const rd_kafka_message_t *msg, const char *name, size_t max) {
    const void *value;
    size_t len;

    return kpk_record_header(msg, name, &value, &len) ? kpk_safe_text(value, len, max) : NULL;
}

void kpk_dead_letter_fill(struct kpk_dead_letter *letter, const rd_kafka_message_t *msg,
                          const char *topic) {
    char *source = header_text(msg, KPK_ERRORS_TOPIC, SHOWN_NAME);
    char *partition = header_text(msg, KPK_ERRORS_PARTITION, SHOWN_NAME);
    char *offset = header_text(msg, KPK_ERRORS_OFFSET, SHOWN_NAME);

    *letter = (struct kpk_dead_letter){
        .topic = topic,
        .partition = msg->partition,
        .offset = msg->offset,
        .ms = kpk_record_ms(msg),
        .group = header_text(msg, KPK_ERRORS_GROUP, SHOWN_NAME),
        .reason = header_text(msg, KPK_ERRORS_MESSAGE, SHOWN_REASON),
    };
    if (source && partition && offset &&
        asprintf(&letter->from, "%s:%s:%s", source, partition, offset) < 0)
        letter->from = NULL;
    free(source);
    free(partition);
    free(offset);
}

void kpk_dead_letter_free(struct kpk_dead_letter *letter) {
    free(letter->from);
    free(letter->group);
    free(letter->reason);
}

int kpk_dead_letter_compare(const void *a, const void *b) {
    const struct kpk_dead_letter *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);

    if (x->ms != y->ms) return x->ms < y->ms ? -1 : 1;
    if (order) return order;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* --- what it says ------------------------------------------------------------------------ */

enum said { SAYS_NOTHING, SAYS_NONSENSE, SAYS_NUMBER };

static enum said header_number(const rd_kafka_message_t *msg, const char *name, int64_t max,
                               int64_t *out) {
    const void *value;
    size_t len;

    if (!kpk_record_header(msg, name, &value, &len)) return SAYS_NOTHING;
    return kpk_where_number(value, len, max, out) ? SAYS_NONSENSE : SAYS_NUMBER;
}

static bool header_is(const rd_kafka_message_t *msg, const char *name, const char *text) {
    const void *value;
    size_t len;

    return kpk_record_header(msg, name, &value, &len) && len == strlen(text) &&
           memcmp(value, text, len) == 0;
}

/* What a redrive builds on. returns  what is wrong with it, or NULL */
static const char *read_origin(const rd_kafka_message_t *msg, const struct kpk_dlq_topic *of,
                               int64_t *partition, int64_t *offset, int64_t *redriven) {
    int64_t tries;

    *redriven = 0;
    if (!header_is(msg, KPK_ERRORS_TOPIC, of->source))
        return "it does not say that it came from the topic whose dead letters lie here";
    if (!header_is(msg, KPK_ERRORS_GROUP, of->rejecter))
        return "it does not say that the group whose dead letters lie here gave it up";
    if (header_number(msg, KPK_ERRORS_PARTITION, INT32_MAX, partition) != SAYS_NUMBER ||
        header_number(msg, KPK_ERRORS_OFFSET, INT64_MAX, offset) != SAYS_NUMBER)
        return "it does not say where in its topic it was";
    if (header_number(msg, KPK_ERRORS_DELIVERY_COUNT, INT32_MAX, &tries) == SAYS_NONSENSE)
        return "its header " KPK_ERRORS_DELIVERY_COUNT " is no number";
    if (header_number(msg, KPK_REDRIVEN, REDRIVEN_MAX, redriven) == SAYS_NONSENSE)
        return "its header " KPK_REDRIVEN " is no number";
    return NULL;
}

static size_t count_bytes(const rd_kafka_message_t *msg) {
    size_t bytes = RECORD_BYTES + msg->key_len + msg->len, len;
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;

    if (rd_kafka_message_headers(msg, &headers)) return bytes;
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &len); i++)
        bytes += HEADER_BYTES + strlen(name) + len;
    return bytes;
}

/* A stranger's letter that claims to be a copy of another, and is not, must not take its place: what
 * it holds counts too. One that says nonsense is a copy of none. */
static void identify(struct kpk_dlq_letter *letter, const rd_kafka_message_t *msg,
                     int64_t partition, int64_t offset) {
    XXH128_hash_t key = XXH3_128bits(msg->key, msg->key_len), id;
    XXH128_hash_t value = XXH3_128bits(msg->payload, msg->len);
    const uint64_t own[] = {1, (uintptr_t)letter->of, (uint64_t)msg->partition,
                            (uint64_t)msg->offset};
    const uint64_t said[] = {
        2,
        (uintptr_t)letter->of,
        (uint64_t)partition,
        (uint64_t)offset,
        (uint64_t)letter->redriven,
        msg->key != NULL,
        key.low64,
        key.high64,
        msg->payload != NULL,
        value.low64,
        value.high64,
    };

    id = letter->nonsense ? XXH3_128bits(own, sizeof(own)) : XXH3_128bits(said, sizeof(said));
    letter->id[0] = id.high64;
    letter->id[1] = id.low64;
}

/* --- is it wanted? ----------------------------------------------------------------------- */

/* As it is shown, so that a person can write what he sees, but the whole of it. */
static bool has_reason(const rd_kafka_message_t *msg, const char *part) {
    char *reason = header_text(msg, KPK_ERRORS_MESSAGE, 0);
    bool found = reason && strstr(reason, part);

    free(reason);
    return found;
}

static bool is_like(const struct kpk_dlq_filter *filter, const rd_kafka_message_t *msg) {
    int64_t ms = kpk_record_ms(msg);
    size_t key_len = strlen(filter->key);

    if (ms < filter->since_ms || ms >= filter->until_ms) return false;
    if (key_len &&
        (!msg->key || msg->key_len != key_len || memcmp(msg->key, filter->key, key_len) != 0))
        return false;
    return !*filter->reason || has_reason(msg, filter->reason);
}

int kpk_dlq_filter_parse(struct kpk_dlq_filter *filter, int64_t now_ms, struct kpk_err *err) {
    if (!filter->reason) filter->reason = "";
    if (!filter->key) filter->key = "";
    if (!filter->since) filter->since = "";
    if (!filter->until) filter->until = "";
    filter->since_ms = INT64_MIN;
    filter->until_ms = INT64_MAX;
    if (*filter->since && kpk_where_time(filter->since, now_ms, &filter->since_ms, err))
        return -1;
    if (*filter->until && kpk_where_time(filter->until, now_ms, &filter->until_ms, err))
        return -1;
    return 0;
}

bool kpk_dlq_filter_chooses(const struct kpk_dlq_filter *filter) {
    return *filter->reason || *filter->key || *filter->since || *filter->until;
}

void kpk_dlq_letter_fill(struct kpk_dlq_letter *letter, const rd_kafka_message_t *msg,
                         const struct kpk_dlq_topic *of, const struct kpk_dlq_filter *filter) {
    int64_t partition = 0, offset = 0, redriven;
    const void *value;
    size_t len;

    *letter = (struct kpk_dlq_letter){.of = of, .like = is_like(filter, msg)};
    kpk_dead_letter_fill(&letter->at, msg, of->name);
    letter->nonsense = read_origin(msg, of, &partition, &offset, &redriven);
    letter->redriven = letter->nonsense ? 0 : (int)redriven;
    letter->left_out = kpk_record_header(msg, KPK_LEFT_OUT, &value, &len);
    letter->bytes = count_bytes(msg);
    identify(letter, msg, partition, offset);
}

/* --- copies ------------------------------------------------------------------------------ */

/* Of pointers into one array, in which the older one stands first. */
static int by_id(const void *a, const void *b) {
    const struct kpk_dlq_letter *x = *(struct kpk_dlq_letter *const *)a;
    const struct kpk_dlq_letter *y = *(struct kpk_dlq_letter *const *)b;
    int order = memcmp(x->id, y->id, sizeof(x->id));

    return order ? order : (x > y) - (x < y);
}

static void join(struct kpk_dlq_letter *first, struct kpk_dlq_letter *letter) {
    letter->first = first;
    first->like |= letter->like;
    first->copies++;
    first->bare += !letter->entry;
    if (letter->entry && (!first->done || letter->entry->at_ms > first->done->at_ms))
        first->done = letter->entry;
}

int kpk_dlq_letters_pair(struct kpk_dead_letters *letters, struct kpk_err *err) {
    struct kpk_dlq_letter **order = calloc(letters->count + 1, sizeof(struct kpk_dlq_letter *));
    struct kpk_dlq_letter *first = NULL;

    if (!order) return kpk_fail(err, KPK_FATAL, "dlq: no memory");
    if (letters->count)
        qsort(letters->all, letters->count, sizeof(*letters->all), kpk_dead_letter_compare);
    for (size_t i = 0; i < letters->count; i++) {
        struct kpk_dlq_letter *letter = order[i] = &letters->all[i];
        letter->entry = kpk_ledger_find(&letters->ledger, letter->at.topic,
                                        letter->at.partition, letter->at.offset, letter->at.ms);
    }
    qsort(order, letters->count, sizeof(*order), by_id);
    for (size_t i = 0; i < letters->count; i++) {
        if (!first || memcmp(first->id, order[i]->id, sizeof(first->id)) != 0)
            first = order[i];
        else
            order[i - 1]->next = order[i];
        join(first, order[i]);
    }
    free(order);
    return 0;
}

enum kpk_dlq_state kpk_dlq_state(const struct kpk_dlq_letter *letter) {
    const struct kpk_ledger_entry *done = letter->first->done;

    return done ? done->state : KPK_DLQ_OPEN;
}

const char *kpk_dlq_letter_copies(const struct kpk_dlq_letter *letter, char *out) {
    *out = '\0';
    if (letter->copies == 2) strcpy(out, "twice");
    if (letter->copies > 2) snprintf(out, KPK_COPIES_BYTES, "%zu times", letter->copies);
    return out;
}
