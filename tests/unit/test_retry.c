/* Retry without a broker: which topic next, what a record says of itself at each hop, and what is
 * made of it when a stranger wrote it. */
#include "patterns/retry-dlq/headers.h"
#include "patterns/retry-dlq/letter.h"
#include "patterns/retry-dlq/tier.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TOPIC KPK_TOPIC_NOTIFICATIONS_PENDING

static const struct kpk_group *group_of(const char *name) {
    const struct kpk_group *group = kpk_group_find(name);

    assert_non_null(group);
    return group;
}

/* --- which topic next -------------------------------------------------------------------- */

static void a_record_goes_from_tier_to_tier(void **state) {
    /* The tiers of email-workers: 2 s, 10 s, 1 min; of fanout-workers: none. */
    static const struct {
        const char *group;
        int tier, retry_after_ms, next;
    } cases[] = {
        {KPK_GROUP_EMAIL_WORKERS, KPK_TIER_NONE, 0, 0},
        {KPK_GROUP_EMAIL_WORKERS, 0, 0, 1},
        {KPK_GROUP_EMAIL_WORKERS, 1, 0, 2},
        {KPK_GROUP_EMAIL_WORKERS, 2, 0, KPK_TIER_NONE},
        /* the smallest that is long enough */
        {KPK_GROUP_EMAIL_WORKERS, KPK_TIER_NONE, 1, 0},
        {KPK_GROUP_EMAIL_WORKERS, KPK_TIER_NONE, 2000, 0},
        {KPK_GROUP_EMAIL_WORKERS, KPK_TIER_NONE, 2001, 1},
        {KPK_GROUP_EMAIL_WORKERS, KPK_TIER_NONE, 10000, 1},
        {KPK_GROUP_EMAIL_WORKERS, KPK_TIER_NONE, 10001, 2},
        /* none is: the longest */
        {KPK_GROUP_EMAIL_WORKERS, KPK_TIER_NONE, 3600000, 2},
        {KPK_GROUP_EMAIL_WORKERS, 1, 3600000, 2},
        /* never back to one that it has been in */
        {KPK_GROUP_EMAIL_WORKERS, 0, 1, 1},
        {KPK_GROUP_EMAIL_WORKERS, 1, 2000, 2},
        /* no tier is left, whatever was asked for */
        {KPK_GROUP_EMAIL_WORKERS, 2, 1, KPK_TIER_NONE},
        {KPK_GROUP_FANOUT_WORKERS, KPK_TIER_NONE, 0, KPK_TIER_NONE},
        {KPK_GROUP_FANOUT_WORKERS, KPK_TIER_NONE, 1, KPK_TIER_NONE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct kpk_err why = {.verdict = KPK_RETRY,
                                    .retry_after_ms = cases[i].retry_after_ms};
        int next = kpk_tier_next(group_of(cases[i].group), cases[i].tier, &why);
        if (next != cases[i].next)
            fail_msg("%s, tier %d, %d ms asked for: tier %d", cases[i].group, cases[i].tier,
                     cases[i].retry_after_ms, next);
    }
}

/* A try that does not count is never the last: the last tier again, and no other. */
static void a_record_stays_in_the_last_tier(void **state) {
    static const struct {
        const char *group;
        int tier, next;
    } cases[] = {
        {KPK_GROUP_EMAIL_WORKERS, KPK_TIER_NONE, 0},
        {KPK_GROUP_EMAIL_WORKERS, 1, 2},
        {KPK_GROUP_EMAIL_WORKERS, 2, 2},
        {KPK_GROUP_FANOUT_WORKERS, KPK_TIER_NONE, KPK_TIER_NONE},
    };
    static const struct kpk_err why = {.verdict = KPK_RETRY, .uncounted = true};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (kpk_tier_next(group_of(cases[i].group), cases[i].tier, &why) != cases[i].next)
            fail_msg("%s, tier %d", cases[i].group, cases[i].tier);
}

static void a_place_is_known_by_its_topic(void **state) {
    static const struct {
        const char *group, *name;
        const char *topic; /* NULL: not of the group */
        int tier;
    } cases[] = {
        {KPK_GROUP_EMAIL_WORKERS, "t." TOPIC, TOPIC, KPK_TIER_NONE},
        {KPK_GROUP_EMAIL_WORKERS, "t." TOPIC ".email-workers.retry-2s", TOPIC, 0},
        {KPK_GROUP_EMAIL_WORKERS, "t." TOPIC ".email-workers.retry-10s", TOPIC, 1},
        {KPK_GROUP_EMAIL_WORKERS, "t." TOPIC ".email-workers.retry-1m", TOPIC, 2},
        {KPK_GROUP_EMAIL_WORKERS, "t." TOPIC ".email-workers.retry-3s", NULL, 0},
        {KPK_GROUP_EMAIL_WORKERS, "t." TOPIC ".email-workers.dlq", NULL, 0},
        {KPK_GROUP_EMAIL_WORKERS, "t." TOPIC ".sms-workers.retry-2s", NULL, 0},
        {KPK_GROUP_EMAIL_WORKERS, TOPIC, NULL, 0}, /* another namespace */
        {KPK_GROUP_EMAIL_WORKERS, "t." KPK_TOPIC_TWEETS, NULL, 0},
        {KPK_GROUP_EMAIL_WORKERS, "", NULL, 0},
        {KPK_GROUP_FANOUT_WORKERS, "t." KPK_TOPIC_FOLLOWS, KPK_TOPIC_FOLLOWS, KPK_TIER_NONE},
    };
    struct kpk_place place;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool found = kpk_place_find(group_of(cases[i].group), cases[i].name, &place);
        if (found != (cases[i].topic != NULL)) fail_msg("%s: %d", cases[i].name, found);
        if (!found) continue;
        assert_string_equal(place.topic->name, cases[i].topic);
        assert_int_equal(place.tier, cases[i].tier);
    }
}

/* --- what a record says of itself -------------------------------------------------------- */

static const char *value_of(const rd_kafka_headers_t *headers, const char *name) {
    const void *value;
    size_t len;

    return rd_kafka_header_get_last(headers, name, &value, &len) ? NULL : value;
}

static size_t bytes_of(const rd_kafka_headers_t *headers) {
    size_t bytes = 0, len;
    const char *name;
    const void *value;

    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &len); i++)
        bytes += strlen(name) + len;
    return bytes;
}

static void a_record_does_not_grow_on_its_way(void **state) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
    size_t bytes = 0;
    char tries[16];

    (void)state;
    rd_kafka_header_add(headers, "ce_id", -1, "1", -1);
    rd_kafka_header_add(headers, "note", -1, "twice", -1);
    rd_kafka_header_add(headers, "note", -1, "kept", -1);
    for (int hop = 1; hop <= 10; hop++) {
        /* Each hop is read from another place; the first is kept. */
        struct kpk_letter letter = {hop == 1 ? "t." TOPIC : "a tier", hop == 1 ? 7 : 0,
                                    hop == 1 ? 4711 : hop, 0, 0};
        const struct kpk_letter_stamp stamp = {"t.email-workers", "503", 1700000000000, 0};
        rd_kafka_headers_t *next;

        if (hop > 1) kpk_letter_read(headers, "t." TOPIC, &letter);
        letter.tries++;
        next = kpk_letter_write(headers, &letter, &stamp);
        rd_kafka_headers_destroy(headers);
        headers = next;
        assert_int_equal(rd_kafka_header_cnt(headers), 3 + 7);
        snprintf(tries, sizeof(tries), "%d", hop);
        assert_string_equal(value_of(headers, KPK_ERRORS_TOPIC), "t." TOPIC);
        assert_string_equal(value_of(headers, KPK_ERRORS_PARTITION), "7");
        assert_string_equal(value_of(headers, KPK_ERRORS_OFFSET), "4711");
        assert_string_equal(value_of(headers, KPK_ERRORS_DELIVERY_COUNT), tries);
        if (hop == 1) bytes = bytes_of(headers);
        assert_int_equal(bytes_of(headers), bytes + (hop == 10));
    }
    rd_kafka_headers_destroy(headers);
}

/* kpk dlq redrive refuses what came back too often, or not in a number: whoever writes to the topic that the group
 * reads, a dead letter copied by hand say, must not have the last word on that. */
static void only_a_tier_says_how_often_it_was_redriven(void **state) {
    static const struct {
        const char *said;
        bool tier;
        const char *kept; /* NULL: no such header */
    } cases[] = {
        {"2", true, "2"},        {"1000000", true, "1000000"},
        {"1000001", true, NULL}, {"often", true, NULL},
        {"", true, NULL},        {"2", false, NULL},
        {"99", false, NULL},     {"often", false, NULL},
    };
    const struct kpk_letter_stamp stamp = {"t.email-workers", "503", 0, 0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_letter letter = {"t." TOPIC, 1, 2, 0, 0};
        rd_kafka_headers_t *own = kpk_letter_write(NULL, &letter, &stamp), *next;

        rd_kafka_header_add(own, KPK_REDRIVEN, -1, cases[i].said, -1);
        if (cases[i].tier) kpk_letter_read(own, "t." TOPIC, &letter);
        next = kpk_letter_write(own, &letter, &stamp);
        if (!cases[i].kept)
            assert_null(value_of(next, KPK_REDRIVEN));
        else
            assert_string_equal(value_of(next, KPK_REDRIVEN), cases[i].kept);
        rd_kafka_headers_destroy(own);
        rd_kafka_headers_destroy(next);
    }
}

static void a_dead_letter_waits_for_nothing(void **state) {
    const struct kpk_letter letter = {"t." TOPIC, 1, 2, 4, 0};
    struct kpk_letter_stamp stamp = {"t.email-workers", "503", 1700000000000, 0};
    rd_kafka_headers_t *tier = kpk_letter_write(NULL, &letter, &stamp), *dead;

    (void)state;
    assert_string_equal(value_of(tier, KPK_NOT_BEFORE), "1700000000000");
    assert_null(value_of(tier, KPK_LEFT_OUT));
    stamp = (struct kpk_letter_stamp){"t.email-workers", "410: gone", 0, 99};
    dead = kpk_letter_write(tier, &letter, &stamp);
    assert_null(value_of(dead, KPK_NOT_BEFORE));
    assert_string_equal(value_of(dead, KPK_ERRORS_GROUP), "t.email-workers");
    assert_string_equal(value_of(dead, KPK_ERRORS_MESSAGE), "410: gone");
    assert_string_equal(value_of(dead, KPK_LEFT_OUT), "99");
    rd_kafka_headers_destroy(tier);
    rd_kafka_headers_destroy(dead);
}

/* --- records by strangers ---------------------------------------------------------------- */

#define TEXT(literal) literal, sizeof(literal) - 1

static void what_a_stranger_says_of_a_record_is_not_believed(void **state) {
    static const struct {
        const char *what, *topic;
        const char *partition, *offset, *tries; /* NULL: no such header */
        int64_t found_offset;                   /* 50: where it lies */
        int found_tries;
    } cases[] = {
        {"as it should be", "t." TOPIC, "3", "128", "2", 128, 2},
        {"as large as can be", "t." TOPIC, "2147483647", "999999999999999999", "2",
         999999999999999999, 2},
        {"another topic", "t." KPK_TOPIC_TWEETS, "3", "128", "2", 50, 0},
        {"no topic", NULL, "3", "128", "2", 50, 0},
        {"no partition", "t." TOPIC, NULL, "128", "2", 50, 0},
        {"no offset", "t." TOPIC, "3", NULL, "2", 50, 0},
        {"partition too large", "t." TOPIC, "2147483648", "128", "2", 50, 0},
        {"partition below 0", "t." TOPIC, "-1", "128", "2", 50, 0},
        {"offset too long", "t." TOPIC, "3", "9999999999999999999", "2", 50, 0},
        {"offset in hex", "t." TOPIC, "3", "0x80", "2", 50, 0},
        {"offset with a blank", "t." TOPIC, "3", " 128", "2", 50, 0},
        {"no tries", "t." TOPIC, "3", "128", NULL, 128, 0},
        {"tries no number", "t." TOPIC, "3", "128", "often", 128, 0},
        {"tries past counting", "t." TOPIC, "3", "128", "2147483647", 128, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const pairs[][2] = {{KPK_ERRORS_TOPIC, cases[i].topic},
                                        {KPK_ERRORS_PARTITION, cases[i].partition},
                                        {KPK_ERRORS_OFFSET, cases[i].offset},
                                        {KPK_ERRORS_DELIVERY_COUNT, cases[i].tries}};
        struct kpk_letter letter = {"a tier", 0, 50, 0, 0};
        rd_kafka_headers_t *headers = rd_kafka_headers_new(4);

        for (size_t n = 0; n < COUNT(pairs); n++)
            if (pairs[n][1]) rd_kafka_header_add(headers, pairs[n][0], -1, pairs[n][1], -1);
        kpk_letter_read(headers, "t." TOPIC, &letter);
        if (letter.offset != cases[i].found_offset || letter.tries != cases[i].found_tries)
            fail_msg("%s: offset %lld, %d tries", cases[i].what, (long long)letter.offset,
                     letter.tries);
        assert_string_equal(letter.topic, letter.offset == 50 ? "a tier" : "t." TOPIC);
        rd_kafka_headers_destroy(headers);
    }
}

static void a_time_that_is_none_is_now(void **state) {
    static const struct {
        const char *value;
        size_t len;
        int64_t ms;
    } cases[] = {
        {TEXT("1700000000000"), 1700000000000},
        {TEXT("0"), 0},
        {TEXT("999999999999999999"), 999999999999999999}, /* delay.c bounds it */
        {TEXT("9999999999999999999"), 0},
        {TEXT(""), 0},
        {TEXT("soon"), 0},
        {TEXT("-1"), 0},
        {TEXT("+1"), 0},
        {TEXT("1e12"), 0},
        {TEXT("1700000000000 "), 0},
        {TEXT("17\0"), 0},
        {TEXT("\xff\xfe"), 0},
        {NULL, 0, 0},
    };

    (void)state;
    assert_int_equal(kpk_letter_not_before(NULL), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
        rd_kafka_header_add(headers, KPK_NOT_BEFORE, -1, cases[i].value, (ssize_t)cases[i].len);
        if (kpk_letter_not_before(headers) != cases[i].ms)
            fail_msg("'%s': %lld", cases[i].value ? cases[i].value : "null",
                     (long long)kpk_letter_not_before(headers));
        rd_kafka_headers_destroy(headers);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_goes_from_tier_to_tier),
        cmocka_unit_test(a_record_stays_in_the_last_tier),
        cmocka_unit_test(a_place_is_known_by_its_topic),
        cmocka_unit_test(a_record_does_not_grow_on_its_way),
        cmocka_unit_test(only_a_tier_says_how_often_it_was_redriven),
        cmocka_unit_test(a_dead_letter_waits_for_nothing),
        cmocka_unit_test(what_a_stranger_says_of_a_record_is_not_believed),
        cmocka_unit_test(a_time_that_is_none_is_now),
    };
    struct kpk_err err;

    setenv("KPK_NAMESPACE", "t", 1);
    if (kpk_topology_init(&err)) return 1;
    return cmocka_run_group_tests_name("retry: tiers and letters", tests, NULL, NULL);
}
