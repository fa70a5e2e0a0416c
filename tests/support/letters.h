/* Dead letters that a test puts there itself, as the group charge-workers would, or as a stranger
 * would; and the records that are in that group's topics afterwards. All in the namespace of the
 * test. */
#ifndef KPK_TESTS_SUPPORT_LETTERS_H
#define KPK_TESTS_SUPPORT_LETTERS_H

#include "topology/topology.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Base names. */
#define LETTERS_GROUP KPK_GROUP_CHARGE_WORKERS
#define LETTERS_DLQ KPK_TOPIC_CHARGES "." KPK_GROUP_CHARGE_WORKERS ".dlq"
#define LETTERS_TIER KPK_TOPIC_CHARGES "." KPK_GROUP_CHARGE_WORKERS ".retry-1s"
#define LETTERS_LAST_TIER KPK_TOPIC_CHARGES "." KPK_GROUP_CHARGE_WORKERS ".retry-3s"

struct letter {
    const char *key;      /* NULL: none */
    const char *value;    /* NULL: none */
    size_t value_len;     /* 0: that of the string */
    int64_t offset;       /* in partition 1 of the topic it came from */
    const char *reason;   /* NULL: "a reason" */
    const char *redriven; /* NULL: no such header */
    const char
        *other[7]; /* further headers, name and value in turn; the last of a name counts */
};

/* Headers as charge-workers writes them, and a ce_id: the key. For rd_kafka_headers_destroy() */
rd_kafka_headers_t *letter_headers(const struct letter *letter);

/* Setup and teardown of a group of tests (cmocka): a namespace of its own with the topics of charge-workers, and
 * what writes to them. In between, the rest of this header may be called. */
int letters_open(void **state);
int letters_close(void **state);

/* Write to a topic, by its base name, and wait until it is acknowledged. headers are taken over */
void letters_write(const char *topic, const char *key, const void *value, size_t value_len,
                   rd_kafka_headers_t *headers);
void letters_put(const struct letter *letter); /* into the dead letter topic */

/* All records of a topic with this key (NULL: any), up to its end, as readers of committed records see
 * them. */
enum { LETTERS_READ = 1000 };
struct letters {
    rd_kafka_message_t *msgs[LETTERS_READ];
    size_t count;
    struct kpk_tail *tail; /* private */
};
void letters_read(struct letters *letters, const char *topic, const char *key);
void letters_free(struct letters *letters);
size_t letters_count(const char *topic, const char *key);

/* The position of the only letter with this key, or of the last one: "topic:0:17".
 * returns  what the next call overwrites */
const char *letters_position(const char *key);

/* The letter with this key is in the first tier 'times' times, and listed as open, or not. */
void letters_assert(const char *key, size_t times, bool open);

/* For a test's setup: whatever is open is none of its. */
int letters_purge_all(void **state);

#endif
