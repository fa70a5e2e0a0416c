#include "tests/support/letters.h"

#include "common/kafka.h"
#include "patterns/retry-dlq/headers.h"
#include "tests/support/cli.h"
#include "tests/support/offsets.h"
#include "tests/support/test.h"
#include "topology/scratch.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 30000, POLL_MS = 500, LARGEST_BYTES = 2 * 1024 * 1024 };

static struct kpk_scratch *scratch;
static struct kpk_producer *producer;

static struct kpk_err error, *err = &error;

static void add(rd_kafka_headers_t *headers, const char *name, const char *value) {
    assert_int_equal(rd_kafka_header_add(headers, name, -1, value, -1), 0);
}

rd_kafka_headers_t *letter_headers(const struct letter *letter) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(16);
    char topic[KPK_NAME_BYTES], group[KPK_NAME_BYTES], offset[24];

    snprintf(offset, sizeof(offset), "%" PRId64, letter->offset);
    if (letter->key) add(headers, "ce_id", letter->key);
    add(headers, KPK_ERRORS_TOPIC, kpk_full_name(KPK_TOPIC_CHARGES, topic));
    add(headers, KPK_ERRORS_PARTITION, "1");
    add(headers, KPK_ERRORS_OFFSET, offset);
    add(headers, KPK_ERRORS_GROUP, kpk_full_name(LETTERS_GROUP, group));
    add(headers, KPK_ERRORS_DELIVERY_COUNT, "3");
    add(headers, KPK_ERRORS_MESSAGE, letter->reason ? letter->reason : "a reason");
    if (letter->redriven) add(headers, KPK_REDRIVEN, letter->redriven);
    for (size_t i = 0; i + 1 < sizeof(letter->other) / sizeof(letter->other[0]); i += 2)
        if (letter->other[i]) add(headers, letter->other[i], letter->other[i + 1]);
    return headers;
}

int letters_open(void **state) {
    (void)state;
    if (kpk_scratch_open(&scratch, "retry-dlq", err)) {
        fprintf(stderr, "%s\n", err->msg);
        return -1;
    }
    assert_ok(kpk_producer_open(&producer,
                                &(struct kpk_producer_opts){.durability = KPK_CRITICAL,
                                                            .max_message_bytes = LARGEST_BYTES},
                                err),
              err);
    return 0;
}

int letters_close(void **state) {
    (void)state;
    kpk_producer_close(producer);
    producer = NULL;
    kpk_scratch_close(scratch);
    scratch = NULL;
    return 0;
}

void letters_write(const char *topic, const char *key, const void *value, size_t value_len,
                   rd_kafka_headers_t *headers) {
    char full_name[KPK_NAME_BYTES];

    assert_ok(kpk_producer_send(producer, kpk_full_name(topic, full_name), key,
                                key ? strlen(key) : 0, value, value_len, headers, err),
              err);
    assert_ok(kpk_producer_wait(producer, WAIT_MS, err), err);
}

void letters_put(const struct letter *letter) {
    size_t len = letter->value_len;

    if (!len && letter->value) len = strlen(letter->value);
    letters_write(LETTERS_DLQ, letter->key, letter->value, len, letter_headers(letter));
}

static bool has_key(const rd_kafka_message_t *msg, const char *key) {
    return msg->key && msg->key_len == strlen(key) && memcmp(msg->key, key, msg->key_len) == 0;
}

void letters_read(struct letters *letters, const char *topic, const char *key) {
    char full_name[KPK_NAME_BYTES];

    letters->count = 0;
    letters->tail = offsets_tail(kpk_full_name(topic, full_name));
    while (!kpk_tail_done(letters->tail)) {
        rd_kafka_message_t *msg;
        assert_ok(kpk_tail_next(letters->tail, POLL_MS, &msg, err), err);
        if (msg && (!key || has_key(msg, key))) {
            assert_true(letters->count < LETTERS_READ);
            letters->msgs[letters->count++] = msg;
        } else if (msg) {
            rd_kafka_message_destroy(msg);
        }
    }
}

void letters_free(struct letters *letters) {
    for (size_t i = 0; i < letters->count; i++) rd_kafka_message_destroy(letters->msgs[i]);
    kpk_tail_close(letters->tail);
}

size_t letters_count(const char *topic, const char *key) {
    static struct letters letters; /* large */

    letters_read(&letters, topic, key);
    letters_free(&letters);
    return letters.count;
}

const char *letters_position(const char *key) {
    static struct letters letters;
    static char position[KPK_NAME_BYTES + 40];
    const rd_kafka_message_t *last;

    letters_read(&letters, LETTERS_DLQ, key);
    if (!letters.count) fail_msg("no letter has the key %s", key);
    last = letters.msgs[letters.count - 1];
    snprintf(position, sizeof(position), "%s:%" PRId32 ":%" PRId64,
             rd_kafka_topic_name(last->rkt), last->partition, last->offset);
    letters_free(&letters);
    return position;
}

void letters_assert(const char *key, size_t times, bool open) {
    size_t found = letters_count(LETTERS_TIER, key);

    if (found != times) fail_msg("%s is in the tier %zu times, not %zu", key, found, times);
    cli_assert_says(cli_run("", "dlq list --key %s", key),
                    open ? "dead letters: 1 open" : "dead letters: 0 open");
}

int letters_purge_all(void **state) {
    (void)state;
    cli_assert_status(cli_run("", "dlq purge --group " LETTERS_GROUP " --all"), 0);
    return 0;
}
