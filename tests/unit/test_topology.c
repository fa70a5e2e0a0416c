/* The tables of topology/ are what every program believes: are they sane, and are their names legal? */
#include "tests/support/test.h"
#include "tests/support/topology.h"
#include "topology/plan.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define DAYS(n) ((int64_t)(n)*24 * 3600 * 1000)

/* The longest that is allowed. */
#define N16 "abcdefghijklmnop"
#define LONGEST N16 N16 N16 N16

enum { KAFKA_NAME_MAX = 249 };

/* --- the environment --------------------------------------------------------------------- */

static void test_environment(void **state) {
    static const struct {
        const char *name, *scale;
        const char *prefix; /* NULL: refused */
        bool small;
        const char *message; /* a part of it */
    } cases[] = {
        {NULL, NULL, "", false, NULL},
        {"", "", "", false, NULL},
        {"ci", "guide", "ci.", false, NULL},
        {"a", "small", "a.", true, NULL},
        {"ci_2", "small", "ci_2.", true, NULL},
        {LONGEST, NULL, LONGEST ".", false, NULL},
        {LONGEST "x", NULL, NULL, false, "KPK_NAMESPACE: longer than 64"},
        {"2ci", NULL, NULL, false, "KPK_NAMESPACE: '2ci'"},
        {"_ci", NULL, NULL, false, "KPK_NAMESPACE: '_ci'"},
        {"Ci", NULL, NULL, false, "KPK_NAMESPACE: 'Ci'"},
        {"cI", NULL, NULL, false, "KPK_NAMESPACE: 'cI'"},
        {"c.i", NULL, NULL, false, "KPK_NAMESPACE: 'c.i'"},
        {"c-i", NULL, NULL, false, "KPK_NAMESPACE: 'c-i'"},
        {"c i", NULL, NULL, false, "KPK_NAMESPACE: 'c i'"},
        {"c\n", NULL, NULL, false, "KPK_NAMESPACE"},
        {"\xc3\xbc", NULL, NULL, false, "KPK_NAMESPACE"},
        {NULL, "Small", NULL, false, "KPK_SCALE: 'Small' is none of guide, small"},
        {NULL, "10", NULL, false, "KPK_SCALE: '10'"},
    };
    struct kpk_err err;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int rc = topology_try(cases[i].name, cases[i].scale, &err);
        if (!cases[i].prefix) {
            assert_int_equal(rc, -1);
            assert_int_equal(err.verdict, KPK_FATAL);
            assert_non_null(strstr(err.msg, cases[i].message));
            continue;
        }
        assert_int_equal(rc, 0);
        assert_string_equal(kpk_namespace(), cases[i].prefix);
        assert_int_equal(kpk_scale_small(), cases[i].small);
    }
}

static void test_names(void **state) {
    char full[KPK_NAME_BYTES];

    (void)state;
    topology_use(NULL, NULL);
    assert_string_equal(kpk_full_name(KPK_TOPIC_TWEETS, full), KPK_TOPIC_TWEETS);
    assert_string_equal(kpk_base_name("ci.things"), "ci.things");
    assert_string_equal(kpk_schema_name("twitter", full), "twitter");
    topology_use("ci", NULL);
    assert_string_equal(kpk_full_name(KPK_TOPIC_TWEETS, full), "ci." KPK_TOPIC_TWEETS);
    assert_string_equal(kpk_base_name("ci.things"), "things");
    assert_string_equal(kpk_schema_name("twitter", full), "ci_twitter");
    assert_null(kpk_base_name("things"));
    assert_null(kpk_base_name("ci_2.things"));
    assert_null(kpk_base_name("ci"));
}

static void test_find(void **state) {
    (void)state;
    assert_ptr_equal(kpk_topic_find(kpk_topics[0].name), &kpk_topics[0]);
    assert_null(kpk_topic_find("no-such-topic"));
    assert_null(kpk_topic_find(""));
    assert_ptr_equal(kpk_group_find(kpk_groups[0].name), &kpk_groups[0]);
    assert_null(kpk_group_find(kpk_topics[0].name));
}

/* --- the tables -------------------------------------------------------------------------- */

static void test_dlq(void **state) {
    static const struct kpk_group group = {.name = "readers", .system = "theirs"};
    static const struct {
        int max_bytes, dlq_bytes;
    } cases[] = {{0, 1048588 + 16384}, {1000, 1000 + 16384}, {8 << 20, (8 << 20) + 16384}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_topic dlq, topic = {.name = "things",
                                       .system = "ours",
                                       .partitions = 50,
                                       .retention_ms = DAYS(3),
                                       .durability = KPK_TELEMETRY,
                                       .max_message_bytes = cases[i].max_bytes,
                                       .schema = "thing.json"};
        char name[KPK_NAME_BYTES];
        kpk_topic_dlq(&topic, &group, name, &dlq);
        assert_string_equal(dlq.name, "things.readers.dlq");
        assert_string_equal(dlq.system, "theirs");
        assert_int_equal(dlq.partitions, 3);
        assert_int_equal(dlq.retention_ms, DAYS(30));
        assert_int_equal(dlq.durability, KPK_CRITICAL);
        assert_int_equal(dlq.max_message_bytes, cases[i].dlq_bytes);
        assert_null(dlq.schema);
    }
}

/* What a member subscribes to, in order; and the same asked about one name. */
static void test_group_topics(void **state) {
    static const struct kpk_group group = {.name = "charge-workers",
                                           .topics = {KPK_TOPIC_CHARGES, KPK_TOPIC_ORDERS},
                                           .retry_ms = {1500, 2000, 60000}};
    static const char *const expected[] = {
        KPK_TOPIC_CHARGES,
        KPK_TOPIC_CHARGES ".charge-workers.retry-1500ms",
        KPK_TOPIC_CHARGES ".charge-workers.retry-2s",
        KPK_TOPIC_CHARGES ".charge-workers.retry-1m",
        KPK_TOPIC_ORDERS,
        KPK_TOPIC_ORDERS ".charge-workers.retry-1500ms",
        KPK_TOPIC_ORDERS ".charge-workers.retry-2s",
        KPK_TOPIC_ORDERS ".charge-workers.retry-1m",
    };
    static const char *const others[] = {
        "ci." KPK_TOPIC_TWEETS,
        KPK_TOPIC_CHARGES,
        "ci." KPK_TOPIC_CHARGES ".charge-workers.retry-3s",
        "ci." KPK_TOPIC_CHARGES ".charge-workers.dlq",
        "ci." KPK_TOPIC_CHARGES ".other-workers.retry-2s",
    };
    char name[KPK_NAME_BYTES], full[KPK_NAME_BYTES];

    (void)state;
    topology_use("ci", NULL);
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_ptr_equal(kpk_group_topic(&group, i, name), name);
        assert_string_equal(name, expected[i]);
        assert_int_equal(kpk_group_reading(&group, kpk_full_name(name, full)),
                         i % 4 ? KPK_READS_TIER : KPK_READS_TOPIC);
    }
    assert_null(kpk_group_topic(&group, COUNT(expected), name));
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(kpk_group_reading(&group, others[i]), KPK_READS_NOT);
}

static bool legal(const char *name) {
    size_t len = strlen(name);

    return len > 0 && len <= KAFKA_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               len;
}

/* Kafka's metrics write '.' as '_', so it warns of names that differ in nothing else. */
static bool collide(const char *a, const char *b) {
    for (; *a && *b; a++, b++)
        if ((*a == '.' ? '_' : *a) != (*b == '.' ? '_' : *b)) return false;
    return *a == *b;
}

static void test_derived_names(void **state) {
    struct kpk_plan plan;
    struct kpk_err err;

    (void)state;
    topology_use(LONGEST, NULL);
    assert_int_equal(kpk_plan_open(&plan, NULL, &err), 0);
    for (size_t i = 0; i < plan.count; i++) {
        const struct kpk_topic_plan *topic = &plan.topics[i];
        if (!legal(topic->name)) fail_msg("%s: not a topic's name", topic->name);
        /* Nothing was cut. */
        assert_int_equal(strlen(topic->name), strlen(LONGEST ".") + strlen(topic->base_name));
        assert_true(strlen(topic->base_name) + strlen(LONGEST ".") < KPK_NAME_BYTES - 1);
        for (size_t j = 0; j < i; j++) assert_false(collide(topic->name, plan.topics[j].name));
    }
    kpk_plan_close(&plan);
    for (const struct kpk_group *group = kpk_groups; group->name; group++) {
        char full[KPK_NAME_BYTES];
        assert_true(legal(kpk_full_name(group->name, full)));
        for (const struct kpk_group *other = kpk_groups; other < group; other++)
            assert_string_not_equal(group->name, other->name);
    }
}

static void check_schema(const char *name) {
    char path[256];
    long size;

    snprintf(path, sizeof(path), "topology/schemas/%s", name);
    FILE *file = fopen(path, "r");
    if (!file) fail_msg("%s: not there (run from the top of the tree)", path);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    cJSON *schema = cJSON_ParseWithOpts(text, NULL, 1);
    if (!schema) fail_msg("%s: not JSON", path);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(schema, "type")), "object");
    assert_non_null(cJSON_GetObjectItem(schema, "properties"));
    cJSON_Delete(schema);
    free(text);
}

static void test_topics(void **state) {
    (void)state;
    for (const struct kpk_topic *topic = kpk_topics; topic->name; topic++) {
        assert_true(topic->system && *topic->system);
        assert_true(topic->partitions >= 1);
        assert_true(topic->retention_ms > 0 || topic->retention_ms == KPK_RETENTION_INFINITE);
        assert_true(!strcmp(topic->cleanup, "delete") || !strcmp(topic->cleanup, "compact"));
        assert_true(topic->max_message_bytes >= 0);
        /* A log of keys needs keys. */
        assert_true(strcmp(topic->cleanup, "compact") != 0 || topic->key);
        if (topic->schema) check_schema(topic->schema);
    }
}

/* Each tier is longer than the one before. And a group that began at the end would pass over what was
 * handed over to a partition of a tier before its first commit. */
static void check_retries(const struct kpk_group *group) {
    int count = kpk_group_retries(group);

    assert_true(count <= KPK_GROUP_RETRIES);
    if (count == 0) return;
    assert_true(group->dlq);
    assert_int_equal(group->start, KPK_FROM_BEGINNING);
    for (int tier = 1; tier < count; tier++)
        assert_true(group->retry_ms[tier] > group->retry_ms[tier - 1]);
}

static void test_groups(void **state) {
    static const char *const scales[] = {"guide", "small"};

    (void)state;
    for (size_t scale = 0; scale < COUNT(scales); scale++) {
        topology_use(NULL, scales[scale]);
        for (const struct kpk_group *group = kpk_groups; group->name; group++) {
            assert_true(group->system && *group->system);
            assert_true(group->program && *group->program);
            assert_non_null(group->topics[0]);
            int most = 0;
            for (size_t i = 0; group->topics[i]; i++) {
                const struct kpk_topic *topic = kpk_topic_find(group->topics[i]);
                if (!topic)
                    fail_msg("%s reads %s: no such topic", group->name, group->topics[i]);
                assert_true(kpk_group_reads(group, topic));
                if (kpk_scaled_partitions(topic) > most) most = kpk_scaled_partitions(topic);
            }
            check_retries(group);
            /* One more would have nothing to do. */
            if (kpk_scaled_consumers(group) > most)
                fail_msg("%s: %d consumers for %d partitions at scale %s", group->name,
                         kpk_scaled_consumers(group), most, scales[scale]);
        }
    }
}

static void test_scale(void **state) {
    static const struct {
        int guide, partitions, consumers; /* the last two at scale small */
    } cases[] = {{1, 3, 2},  {12, 3, 2}, {20, 3, 2},   {21, 3, 3},
                 {50, 5, 5}, {55, 6, 6}, {500, 50, 50}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_topic topic = {.partitions = cases[i].guide};
        struct kpk_group group = {.consumers = cases[i].guide};
        topology_use(NULL, "guide");
        assert_int_equal(kpk_scaled_partitions(&topic), cases[i].guide);
        assert_int_equal(kpk_scaled_consumers(&group), cases[i].guide);
        topology_use(NULL, "small");
        assert_int_equal(kpk_scaled_partitions(&topic), cases[i].partitions);
        assert_int_equal(kpk_scaled_consumers(&group), cases[i].consumers);
    }
}

/* What the guide says, word for word; a change of the table that leaves it should be seen. */
static void test_guide(void **state) {
    static const struct {
        const char *topic;
        int partitions;
        const char *key;
        int days;
        enum kpk_durability durability;
    } topics[] = {{KPK_TOPIC_TWEETS, 50, "author user_id", 7, KPK_CRITICAL}};
    static const struct {
        const char *group, *topic;
        int consumers;
    } groups[] = {{KPK_GROUP_FANOUT_WORKERS, KPK_TOPIC_TWEETS, 10}};

    (void)state;
    for (size_t i = 0; i < COUNT(topics); i++) {
        const struct kpk_topic *topic = kpk_topic_find(topics[i].topic);
        assert_non_null(topic);
        assert_int_equal(topic->partitions, topics[i].partitions);
        assert_string_equal(topic->key, topics[i].key);
        assert_int_equal(topic->retention_ms, DAYS(topics[i].days));
        assert_int_equal(topic->durability, topics[i].durability);
    }
    for (size_t i = 0; i < COUNT(groups); i++) {
        const struct kpk_group *group = kpk_group_find(groups[i].group);
        assert_non_null(group);
        assert_true(kpk_group_reads(group, kpk_topic_find(groups[i].topic)));
        assert_int_equal(group->consumers, groups[i].consumers);
    }
    assert_int_equal(kpk_durability_replicas(KPK_CRITICAL), 3);
    assert_int_equal(kpk_durability_min_isr(KPK_CRITICAL), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment),  cmocka_unit_test(test_names),
        cmocka_unit_test(test_find),         cmocka_unit_test(test_dlq),
        cmocka_unit_test(test_group_topics), cmocka_unit_test(test_derived_names),
        cmocka_unit_test(test_topics),       cmocka_unit_test(test_groups),
        cmocka_unit_test(test_scale),        cmocka_unit_test(test_guide),
    };

    return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
