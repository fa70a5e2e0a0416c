/* What a person may write to say where: starts, moments, positions, topics. */
#include "tests/support/test.h"
#include "tests/support/topology.h"
#include "tools/kpk/where.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { REFUSED = -1 };

static const int64_t now_ms = 1800000000000; /* 2027-01-15T08:00:00Z */

static void test_from(void **state) {
    /* clang-format off */
    static const struct {
        const char *text;
        int start; /* REFUSED, or of enum kpk_tail_start */
        int64_t at;
    } cases[] = {
        {"beginning", KPK_TAIL_BEGINNING, 0},
        {"end", KPK_TAIL_END, 0},
        {"0", KPK_TAIL_OFFSET, 0},
        {"128", KPK_TAIL_OFFSET, 128},
        {"9223372036854775807", KPK_TAIL_OFFSET, INT64_MAX},
        {"90s", KPK_TAIL_TIME, 1800000000000 - 90000},
        {"5m", KPK_TAIL_TIME, 1800000000000 - 300000},
        {"2h", KPK_TAIL_TIME, 1800000000000 - 7200000},
        {"7d", KPK_TAIL_TIME, 1800000000000 - 604800000},
        {"0s", KPK_TAIL_TIME, 1800000000000},
        {"99999d", KPK_TAIL_TIME, 0}, /* before there was time */
        {"2027-01-15T08:00:00Z", KPK_TAIL_TIME, 1800000000000},
        {"2027-01-15T09:00:00.250+01:00", KPK_TAIL_TIME, 1800000000250},
        {"", REFUSED, 0},
        {"start", REFUSED, 0},
        {"Beginning", REFUSED, 0},
        {"-1", REFUSED, 0},
        {"+1", REFUSED, 0},
        {" 1", REFUSED, 0},
        {"1 ", REFUSED, 0},
        {"9223372036854775808", REFUSED, 0},
        {"m", REFUSED, 0},
        {"-5m", REFUSED, 0},
        {"5M", REFUSED, 0},
        {"5 m", REFUSED, 0},
        {"1.5h", REFUSED, 0},
        {"5min", REFUSED, 0},
        {"9223372036854775807d", REFUSED, 0},
        {"2027-01-15", REFUSED, 0},
        {"2027-01-15T08:00:00", REFUSED, 0},
        {"1960-01-01T00:00:00Z", REFUSED, 0},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_tail_from from;
        struct kpk_err err = {0};
        int64_t ms = -1;
        int refused = kpk_where_from(cases[i].text, now_ms, &from, &err);
        if (refused != (cases[i].start == REFUSED ? -1 : 0))
            fail_msg("'%s' is %s", cases[i].text, refused ? err.msg : "taken");
        if (refused) assert_non_null(strstr(err.msg, "none of: beginning, end, an offset"));
        if (refused) assert_int_equal(err.verdict, KPK_REJECT);
        if (!refused) assert_int_equal(from.start, cases[i].start);
        if (!refused) assert_int_equal(from.at, cases[i].at);

        /* Of these, a moment is what has a time. */
        refused = kpk_where_time(cases[i].text, now_ms, &ms, &err);
        assert_int_equal(refused, cases[i].start == KPK_TAIL_TIME ? 0 : -1);
        if (!refused) assert_int_equal(ms, cases[i].at);
    }
}

static void test_position(void **state) {
    static const struct {
        const char *text, *topic; /* topic NULL: refused */
        int32_t partition;
        int64_t offset;
    } cases[] = {
        {"a:0:0", "a", 0, 0},
        {"a.b-c_D9:3:128", "a.b-c_D9", 3, 128},
        {"a:2147483647:9223372036854775807", "a", INT32_MAX, INT64_MAX},
        {"", NULL, 0, 0},
        {"a", NULL, 0, 0},
        {"a:1", NULL, 0, 0},
        {":1:2", NULL, 0, 0},
        {"a::2", NULL, 0, 0},
        {"a:1:", NULL, 0, 0},
        {"a:1:-2", NULL, 0, 0},
        {"a:-1:2", NULL, 0, 0},
        {"a:1:2x", NULL, 0, 0},
        {"a:b:1:2", NULL, 0, 0},
        {"a b:1:2", NULL, 0, 0},
        {"a:2147483648:0", NULL, 0, 0},
        {"a:0:9223372036854775808", NULL, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_position position;
        struct kpk_err err = {0};
        int refused = kpk_where_position(cases[i].text, &position, &err);
        if (refused != (cases[i].topic ? 0 : -1))
            fail_msg("'%s' is %s", cases[i].text, refused ? err.msg : "taken");
        if (refused) continue;
        assert_string_equal(position.topic, cases[i].topic);
        assert_int_equal(position.partition, cases[i].partition);
        assert_int_equal(position.offset, cases[i].offset);
    }
}

/* What the table has gets the namespace, dead letter topics too; any other name is taken as it
 * is on the cluster. */
static void test_topic(void **state) {
    char dlq[KPK_NAME_BYTES], full_name[KPK_NAME_BYTES], long_name[KPK_NAME_BYTES + 1],
        out[KPK_NAME_BYTES];
    struct kpk_topic row;
    struct kpk_err err;

    (void)state;
    topology_use("ci", NULL);
    kpk_topic_dlq(kpk_topic_find(KPK_TOPIC_TWEETS), kpk_group_find(KPK_GROUP_FANOUT_WORKERS),
                  dlq, &row);
    const char *const cases[][2] = {
        {KPK_TOPIC_TWEETS, "ci." KPK_TOPIC_TWEETS},
        {"ci." KPK_TOPIC_TWEETS, "ci." KPK_TOPIC_TWEETS},
        {dlq, kpk_full_name(dlq, full_name)},
        {"elsewhere", "elsewhere"},
        {"other." KPK_TOPIC_TWEETS, "other." KPK_TOPIC_TWEETS},
        {"__consumer_offsets", "__consumer_offsets"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(kpk_where_topic(cases[i][0], out, &err), 0);
        assert_string_equal(out, cases[i][1]);
    }

    memset(long_name, 'x', KPK_NAME_BYTES);
    long_name[KPK_NAME_BYTES] = '\0';
    const char *const refused[] = {"", "a b", "a/b", "a:0", "\x1b[2J", long_name};
    for (size_t i = 0; i < COUNT(refused); i++)
        assert_int_equal(kpk_where_topic(refused[i], out, &err), -1);
    topology_use(NULL, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from),
        cmocka_unit_test(test_position),
        cmocka_unit_test(test_topic),
    };

    return cmocka_run_group_tests_name("kpk: where", tests, NULL, NULL);
}
