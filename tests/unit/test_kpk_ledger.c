/* The ledger of dead letters: what it makes of its records, and of those that are none. */
#include "tools/kpk/dlq_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define DLQ KPK_TOPIC_CHARGES "." KPK_GROUP_CHARGE_WORKERS ".dlq"
#define OTHER_DLQ KPK_TOPIC_TWEETS "." KPK_GROUP_FANOUT_WORKERS ".dlq"

enum { REDRIVEN = KPK_DLQ_REDRIVEN, PARKED = KPK_DLQ_PARKED, PURGED = KPK_DLQ_PURGED };

static struct kpk_dlq_topics topics;

static int open_topics(void **state) {
    struct kpk_err err;

    (void)state;
    return kpk_topology_init(&err) || kpk_dlq_topics_open(&topics, NULL, &err);
}

static int close_topics(void **state) {
    (void)state;
    kpk_dlq_topics_close(&topics);
    return 0;
}

/* --- topics ------------------------------------------------------------------------------ */

static void test_topics(void **state) {
    const struct kpk_dlq_topic *with = kpk_dlq_topic_find(&topics, DLQ);
    const struct kpk_dlq_topic *without = kpk_dlq_topic_find(&topics, OTHER_DLQ);

    (void)state;
    assert_non_null(with);
    assert_non_null(without);
    assert_null(kpk_dlq_topic_find(&topics, KPK_TOPIC_CHARGES));
    assert_string_equal(with->tier, KPK_TOPIC_CHARGES "." KPK_GROUP_CHARGE_WORKERS ".retry-1s");
    assert_string_equal(with->source, KPK_TOPIC_CHARGES);
    assert_string_equal(with->rejecter, KPK_GROUP_CHARGE_WORKERS);
    assert_true(with->there && with->tier_there);
    assert_string_equal(without->tier, "");
}

/* --- the ledger -------------------------------------------------------------------------- */

static void add(struct kpk_ledger *ledger, const char *key, const char *value) {
    struct kpk_err err;

    assert_int_equal(kpk_ledger_add(ledger, key, key ? strlen(key) : 0, value,
                                    value ? strlen(value) : 0, &err),
                     0);
}

static void add_entry(struct kpk_ledger *ledger, const char *topic, int partition,
                      int64_t offset, int state, int64_t at_ms) {
    const struct kpk_ledger_entry entry = {.topic = topic,
                                           .partition = partition,
                                           .offset = offset,
                                           .letter_ms = 7000 + offset,
                                           .state = (enum kpk_dlq_state)state,
                                           .at_ms = at_ms,
                                           .times = 1,
                                           .by = "root@host"};
    char key[KPK_LEDGER_KEY_BYTES], *value = kpk_ledger_value(&entry);

    assert_non_null(value);
    add(ledger, kpk_ledger_key(&entry, key), value);
    free(value);
}

static void test_ledger(void **state) {
    struct kpk_ledger ledger = {.topics = &topics};
    const struct kpk_ledger_entry *entry;

    (void)state;
    kpk_ledger_settle(&ledger);
    assert_null(kpk_ledger_find(&ledger, DLQ, 0, 0, 7000));
    add_entry(&ledger, DLQ, 2, 7, REDRIVEN, 1795514400123);
    add_entry(&ledger, DLQ, 0, 9, PURGED, 1);
    add_entry(&ledger, OTHER_DLQ, 0, 9, PARKED, 1);
    for (int i = 0; i < 1000; i++) add_entry(&ledger, DLQ, 1, i, i % 2 ? PARKED : PURGED, i);
    kpk_ledger_settle(&ledger);
    assert_int_equal(ledger.odd, 0);
    assert_int_equal(ledger.count, 1003);

    entry = kpk_ledger_find(&ledger, DLQ, 2, 7, 7007);
    assert_non_null(entry);
    assert_int_equal(entry->state, REDRIVEN);
    assert_int_equal(entry->at_ms, 1795514400123);
    assert_int_equal(entry->times, 1);
    assert_string_equal(entry->by, "root@host");
    for (int i = 0; i < 1000; i++)
        assert_int_equal(kpk_ledger_find(&ledger, DLQ, 1, i, 7000 + i)->state,
                         i % 2 ? PARKED : PURGED);

    assert_null(kpk_ledger_find(&ledger, DLQ, 2, 6, 7006));
    assert_null(kpk_ledger_find(&ledger, DLQ, 3, 7, 7007));
    assert_null(kpk_ledger_find(&ledger, KPK_TOPIC_CHARGES, 2, 7, 7007));
    /* Another letter lies there now: the topic was made anew. */
    assert_null(kpk_ledger_find(&ledger, DLQ, 2, 7, 7008));

    assert_int_equal(kpk_ledger_count(&ledger, DLQ, 1, 0, 1000), 1000);
    assert_int_equal(kpk_ledger_count(&ledger, DLQ, 1, 990, 5000), 10);
    assert_int_equal(kpk_ledger_count(&ledger, DLQ, 1, 5, 5), 0);
    assert_int_equal(kpk_ledger_count(&ledger, DLQ, 0, 0, 9), 0);
    assert_int_equal(kpk_ledger_count(&ledger, DLQ, 0, 0, 10), 1);
    assert_int_equal(kpk_ledger_count(&ledger, OTHER_DLQ, 0, 0, 10), 1);
    assert_int_equal(kpk_ledger_count(&ledger, KPK_TOPIC_CHARGES, 0, 0, 10), 0);
    kpk_ledger_free(&ledger);
}

/* The last record of a key counts, whatever is between them. */
static void test_ledger_order(void **state) {
    struct kpk_ledger ledger = {.topics = &topics};

    (void)state;
    add_entry(&ledger, DLQ, 0, 1, PARKED, 9);
    add_entry(&ledger, DLQ, 0, 2, REDRIVEN, 1);
    add_entry(&ledger, DLQ, 0, 1, REDRIVEN, 2);
    add_entry(&ledger, DLQ, 0, 3, PARKED, 2);
    add(&ledger, DLQ ":0:3", NULL); /* taken back */
    add(&ledger, DLQ ":0:4", NULL);
    add_entry(&ledger, DLQ, 0, 4, PURGED, 2);
    add(&ledger, DLQ ":0:5", NULL);
    kpk_ledger_settle(&ledger);
    assert_int_equal(ledger.count, 3);
    assert_int_equal(kpk_ledger_find(&ledger, DLQ, 0, 1, 7001)->state, REDRIVEN);
    assert_int_equal(kpk_ledger_find(&ledger, DLQ, 0, 2, 7002)->state, REDRIVEN);
    assert_null(kpk_ledger_find(&ledger, DLQ, 0, 3, 7003));
    assert_int_equal(kpk_ledger_find(&ledger, DLQ, 0, 4, 7004)->state, PURGED);
    kpk_ledger_free(&ledger);
}

/* A record that says nothing hides nothing, and takes nothing back. */
static void test_ledger_nonsense(void **state) {
#define BY ",\"by\":\"a@b\",\"times\":1,\"letter_at\":7001}"
    static const struct {
        const char *key, *value;
    } cases[] = {
        {NULL, NULL},
        {"", NULL},
        {":0:1", NULL},
        {DLQ, NULL},
        {DLQ ":0", NULL},
        {DLQ ":0:1x", NULL},
        {DLQ ":0:-1", NULL},
        {DLQ ":4294967296:1", NULL},
        {DLQ ":0:9223372036854775808", NULL},
        {KPK_TOPIC_CHARGES ":0:1", NULL},
        {"other." DLQ ":0:1", NULL},
        {DLQ ":0:1", ""},
        {DLQ ":0:1", "redriven"},
        {DLQ ":0:1", "{}"},
        {DLQ ":0:1", "{\"action\":\"open\",\"at\":1" BY},
        {DLQ ":0:1", "{\"action\":\"eaten\",\"at\":1" BY},
        {DLQ ":0:1", "{\"action\":\"purged\",\"at\":\"now\"" BY},
        {DLQ ":0:1", "{\"action\":\"purged\",\"at\":1,\"by\":\"a@b\",\"times\":1}"},
        {DLQ ":0:1", "{\"action\":\"purged\",\"at\":1,\"times\":1,\"letter_at\":7001}"},
        {DLQ ":0:1",
         "{\"action\":\"purged\",\"at\":1,\"by\":\"0123456789012345678901234567890123456789"
         "01234567\",\"times\":1,\"letter_at\":7001}"},
    };
    char key[2 * KPK_LEDGER_KEY_BYTES];
    struct kpk_ledger ledger = {.topics = &topics};
    struct kpk_err err;

    (void)state;
    add_entry(&ledger, DLQ, 0, 1, PARKED, 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        add(&ledger, cases[i].key, cases[i].value);
        if (ledger.odd != i + 1) fail_msg("case %zu was taken for an entry", i);
    }
    memset(key, 'x', sizeof(key));
    assert_int_equal(kpk_ledger_add(&ledger, key, sizeof(key), NULL, 0, &err), 0);
    assert_int_equal(kpk_ledger_add(&ledger, DLQ ":0:1\0", strlen(DLQ) + 5, NULL, 0, &err), 0);
    assert_int_equal(ledger.odd, COUNT(cases) + 2);
    kpk_ledger_settle(&ledger);
    assert_int_equal(ledger.count, 1);
    assert_int_equal(kpk_ledger_find(&ledger, DLQ, 0, 1, 7001)->state, PARKED);
    kpk_ledger_free(&ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics),
        cmocka_unit_test(test_ledger),
        cmocka_unit_test(test_ledger_order),
        cmocka_unit_test(test_ledger_nonsense),
    };

    return cmocka_run_group_tests_name("kpk: the ledger", tests, open_topics, close_topics);
}
