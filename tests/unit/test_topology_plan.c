/* What topics apply decides is what plan.h promises: which topics there are to be, what is done about each,
 * and how that is said. */
#include "tests/support/test.h"
#include "tests/support/topology.h"
#include "topology/plan.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define DAYS(n) ((int64_t)(n)*24 * 3600 * 1000)

/* --- which topics ------------------------------------------------------------------------ */

static void test_plan(void **state) {
    static const char *const none[] = {NULL}, *const twitter[] = {"twitter", NULL},
                             *const wrong[] = {"twitter", "twiter", NULL};
    const char *const *const all[] = {NULL, none, twitter};
    struct kpk_plan plan;
    struct kpk_err err;

    (void)state;
    topology_use("ci", NULL);
    for (size_t i = 0; i < COUNT(all); i++) {
        assert_int_equal(kpk_plan_open(&plan, all[i], &err), 0);
        assert_non_null(kpk_plan_find(&plan, "ci." KPK_TOPIC_TWEETS));
        assert_non_null(
            kpk_plan_find(&plan, "ci." KPK_TOPIC_TWEETS "." KPK_GROUP_FANOUT_WORKERS ".dlq"));
        assert_null(kpk_plan_find(&plan, KPK_TOPIC_TWEETS));
        assert_ptr_equal(plan.topics[0].row.name, plan.topics[0].base_name);
        kpk_plan_close(&plan);
    }
    assert_int_equal(kpk_plan_open(&plan, wrong, &err), -1);
    assert_int_equal(err.verdict, KPK_REJECT);
    assert_non_null(strstr(err.msg, "'twiter'; there is twitter"));
    kpk_plan_close(&plan);
    kpk_plan_close(NULL);
}

/* --- what to do about one ---------------------------------------------------------------- */

/* 'there' 0: it does not exist. Settings found are as the table wants them, but for min ISR. */
static const struct decision {
    const char *name, *key;
    enum kpk_durability durability;
    int there, replicas;
    const char *min_isr;
    int brokers;
    bool grow;
    enum kpk_topic_outcome outcome;
    int want_replicas;
    const char *want_min_isr;
    bool grows;
    const char *detail; /* a part of it */
} decisions[] = {
    /* clang-format off */
    {"new, 3 brokers",          "k",  KPK_CRITICAL,   0, 0, NULL, 3, false, KPK_TOPIC_CREATED,   3, "2", false, "12 partitions, RF 3, min ISR 2, 7 days"},
    {"new, 5 brokers",          "k",  KPK_CRITICAL,   0, 0, NULL, 5, false, KPK_TOPIC_CREATED,   3, "2", false, "RF 3"},
    {"new, 2 brokers",          "k",  KPK_CRITICAL,   0, 0, NULL, 2, false, KPK_TOPIC_CREATED,   2, "2", false, "RF 2, min ISR 2"},
    {"new, 1 broker",           "k",  KPK_CRITICAL,   0, 0, NULL, 1, false, KPK_TOPIC_CREATED,   1, "1", false, "RF 1, min ISR 1"},
    {"new telemetry",           NULL, KPK_TELEMETRY,  0, 0, NULL, 3, false, KPK_TOPIC_CREATED,   2, "1", false, "RF 2, min ISR 1"},
    {"new lossy",               NULL, KPK_LOSSY,      0, 0, NULL, 3, false, KPK_TOPIC_CREATED,   1, "1", false, "RF 1, min ISR 1"},
    {"as it should be",         "k",  KPK_CRITICAL,  12, 3, "2",  3, false, KPK_TOPIC_UNCHANGED, 3, "2", false, "12 partitions"},
    {"larger is kept",          "k",  KPK_CRITICAL,  50, 3, "2",  3, true,  KPK_TOPIC_UNCHANGED, 3, "2", false, "50 partitions kept (the table says 12)"},
    {"keyed, must grow",        "k",  KPK_CRITICAL,   5, 3, "2",  3, false, KPK_TOPIC_REFUSED,   3, "2", false, "keys would move"},
    {"keyed, may grow",         "k",  KPK_CRITICAL,   5, 3, "2",  3, true,  KPK_TOPIC_ALTERED,   3, "2", true,  "partitions 5 -> 12"},
    {"not keyed, grows",        NULL, KPK_CRITICAL,   5, 3, "2",  3, false, KPK_TOPIC_ALTERED,   3, "2", true,  "partitions 5 -> 12"},
    {"refused, yet altered",    "k",  KPK_CRITICAL,   5, 3, "1",  3, false, KPK_TOPIC_REFUSED,   3, "2", false, "min.insync.replicas 1 -> 2"},
    {"min ISR differs",         "k",  KPK_CRITICAL,  12, 3, "1",  3, false, KPK_TOPIC_ALTERED,   3, "2", false, "min.insync.replicas 1 -> 2"},
    {"brokers down for now",    "k",  KPK_CRITICAL,  12, 3, "2",  1, false, KPK_TOPIC_UNCHANGED, 1, "2", false, "RF 3"},
    {"made when there was one", "k",  KPK_CRITICAL,  12, 1, "1",  3, false, KPK_TOPIC_UNCHANGED, 3, "1", false, "RF 1 kept (the table says 3)"},
    /* clang-format on */
};

static void test_decide(void **state) {
    (void)state;
    topology_use(NULL, NULL);
    for (size_t i = 0; i < COUNT(decisions); i++) {
        const struct decision *c = &decisions[i];
        struct kpk_topic_plan topic = {
            .row = {.name = "things",
                    .partitions = 12,
                    .key = c->key,
                    .retention_ms = DAYS(7),
                    .cleanup = "delete",
                    .durability = c->durability},
            .found = {.exists = c->there > 0,
                      .partitions = c->there,
                      .replicas = c->replicas,
                      .settings = {"604800000", "delete", "", "1048588"}},
        };
        if (c->min_isr) strcpy(topic.found.settings[KPK_MIN_ISR], c->min_isr);
        for (int again = 0; again < 2; again++) { /* a second decision starts from nothing */
            kpk_topic_decide(&topic, c->brokers, c->grow);
            if (topic.outcome != c->outcome || !strstr(topic.detail, c->detail))
                fail_msg("%s: %s, %s", c->name, kpk_topic_outcome_name(topic.outcome),
                         topic.detail);
            assert_int_equal(topic.partitions, 12);
            assert_int_equal(topic.replicas, c->want_replicas);
            assert_string_equal(topic.settings[KPK_MIN_ISR], c->want_min_isr);
            assert_int_equal(topic.grow, c->grows);
        }
    }
}

static void test_decide_settings(void **state) {
    static const struct {
        enum kpk_setting setting;
        const char *found, *detail;
    } cases[] = {
        {KPK_RETENTION, "1000", "retention.ms 1000 -> -1"},
        {KPK_CLEANUP, "delete", "cleanup.policy delete -> compact"},
        {KPK_MAX_BYTES, "1048588", "max.message.bytes 1048588 -> 2000000"},
    };

    (void)state;
    topology_use(NULL, NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_topic_plan topic = {
            .row = {.name = "things",
                    .partitions = 3,
                    .key = "k",
                    .cleanup = "compact",
                    .retention_ms = KPK_RETENTION_INFINITE,
                    .max_message_bytes = 2000000},
            .found = {.exists = true,
                      .partitions = 3,
                      .replicas = 3,
                      .settings = {"-1", "compact", "2", "2000000"}},
        };
        kpk_topic_decide(&topic, 3, false);
        assert_int_equal(topic.outcome, KPK_TOPIC_UNCHANGED);
        strcpy(topic.found.settings[cases[i].setting], cases[i].found);
        kpk_topic_decide(&topic, 3, false);
        assert_int_equal(topic.outcome, KPK_TOPIC_ALTERED);
        assert_non_null(strstr(topic.detail, cases[i].detail));
        for (size_t s = 0; s < KPK_SETTINGS; s++)
            assert_int_equal(topic.alter[s], s == cases[i].setting);
    }
}

static void test_verdict(void **state) {
    struct kpk_topic_plan topics[] = {
        {.name = "a", .outcome = KPK_TOPIC_CREATED},
        {.name = "b", .outcome = KPK_TOPIC_ALTERED},
        {.name = "c", .outcome = KPK_TOPIC_REFUSED, .detail = "why"}};
    struct kpk_plan plan = {.topics = topics, .count = 2};
    struct kpk_err err;

    (void)state;
    assert_int_equal(kpk_plan_verdict(&plan, &err), 0);
    plan.count = 3;
    assert_int_equal(kpk_plan_verdict(&plan, &err), -1);
    assert_string_equal(err.msg, "c: why");
    topics[0].outcome = KPK_TOPIC_FAILED;
    assert_int_equal(kpk_plan_verdict(&plan, &err), -1);
    assert_string_equal(err.msg, "a: ");
}

static void test_retention(void **state) {
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {KPK_RETENTION_INFINITE, "forever"},
        {0, "0 ms"},
        {1, "1 ms"},
        {1500, "1500 ms"},
        {1000, "1 second"},
        {90000, "90 seconds"},
        {60000, "1 minute"},
        {3600000, "1 hour"},
        {36 * 3600000, "36 hours"},
        {DAYS(1), "1 day"},
        {DAYS(7), "7 days"},
        {DAYS(365), "365 days"},
        {DAYS(7) + 1, "604800001 ms"},
        {INT64_MAX, "9223372036854775807 ms"},
    };
    char out[KPK_RETENTION_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(kpk_retention_text(cases[i].ms, out), cases[i].text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_decide),
        cmocka_unit_test(test_decide_settings),
        cmocka_unit_test(test_verdict),
        cmocka_unit_test(test_retention),
    };

    return cmocka_run_group_tests_name("topology: plans", tests, NULL, NULL);
}
