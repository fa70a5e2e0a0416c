/* What kpk doctor makes of what it found: the level of each finding, what it names, and what it
 * says to do about it. */
#include "tools/kpk/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { OK = KPK_LEVEL_OK, WARN = KPK_LEVEL_WARN, BAD = KPK_LEVEL_BAD, EXPECTED = 4 };

struct expected {
    const char *text; /* the whole; NULL: no more findings */
    const char *fix;  /* a part of it; NULL: none */
    int level;        /* OK, WARN or BAD */
};

static struct kpk_findings findings;

static void begin(void) { findings = (struct kpk_findings){0}; }

static void check(size_t number, const struct expected *expected) {
    size_t count = 0;

    while (count < EXPECTED && expected[count].text) count++;
    for (size_t i = 0; i < findings.count && i < count; i++) {
        const struct kpk_finding *found = &findings.all[i];
        const char *fix = expected[i].fix;
        if (strcmp(found->text, expected[i].text) != 0)
            fail_msg("case %zu: '%s', not '%s'", number, found->text, expected[i].text);
        if ((int)found->level != expected[i].level)
            fail_msg("case %zu: '%s' is %s", number, found->text, kpk_level_name(found->level));
        if (fix ? !strstr(found->fix, fix) : *found->fix != '\0')
            fail_msg("case %zu: '%s' is mended by '%s'", number, found->text, found->fix);
    }
    if (findings.count != count)
        fail_msg("case %zu: %zu findings, not %zu", number, findings.count, count);
}

/* --- Kafka ------------------------------------------------------------------------------- */

static void test_brokers(void **state) {
    static const struct {
        bool bundled;
        struct kpk_found_broker brokers[3];
        size_t count;
        struct expected expected[EXPECTED];
    } cases[] = {
        {true, {{1, "a:1", true}}, 1, {{"1 of 1 answers", NULL, OK}}},
        {false, {{1, "a:1", true}, {2, "a:2", true}}, 2, {{"2 of 2 answer", NULL, OK}}},
        {true,
         {{1, "a:1", true}, {2, "a:2", true}, {3, "", false}},
         3,
         {{"broker-3 is not there: 2 of 3 answer", "make logs S=broker-3", BAD}}},
        {false,
         {{1, "a:1", true}, {7, "", false}},
         2,
         {{"broker 7 is not there: 1 of 2 answers", "start broker 7 of your cluster", BAD}}},
        {true,
         {{1, "a:1", false}, {2, "a:2", true}},
         2,
         {{"broker-1 at a:1 does not answer: 1 of 2 answers", "make restart S=broker-1", BAD}}},
        {false,
         {{4, "kafka-4:9092", false}},
         1,
         {{"broker 4 at kafka-4:9092 does not answer: 0 of 1 answer", "advertised.listeners",
           BAD}}},
        {true,
         {{1, "", false}, {2, "a:2", false}, {3, "a:3", true}},
         3,
         {{"broker-1 is not there: 1 of 3 answers", "make up", BAD},
          {"broker-2 at a:2 does not answer: 1 of 3 answers", "make restart", BAD}}},
    };
    static struct kpk_found_kafka found; /* large */

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        found.bundled = cases[i].bundled;
        memcpy(found.brokers, cases[i].brokers, sizeof(cases[i].brokers));
        found.broker_count = cases[i].count;
        kpk_decide_brokers(&findings, &found);
        check(i, cases[i].expected);
    }
}

static void test_controller(void **state) {
    static const struct {
        bool bundled;
        const char *controller;
        struct expected expected[EXPECTED];
    } cases[] = {
        {true, "", {{"the quorum answers", NULL, OK}}},
        {true,
         "why",
         {{"no quorum answers (why): no leader is elected, no topic made", "make up", BAD}}},
        {false,
         "why",
         {{"no quorum answers (why): no leader is elected, no topic made", "your cluster",
           BAD}}},
    };
    static struct kpk_found_kafka found;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        found.bundled = cases[i].bundled;
        strcpy(found.controller, cases[i].controller);
        kpk_decide_controller(&findings, &found);
        check(i, cases[i].expected);
    }
}

static void test_topics(void **state) {
    static const struct {
        struct kpk_topic_plan topics[3];
        struct expected expected[EXPECTED];
    } cases[] = {
        {{{.name = "a"}, {.name = "b"}, {.name = "c"}}, {{"3, as the table says", NULL, OK}}},
        {{{.name = "a", .outcome = KPK_TOPIC_CREATED},
          {.name = "b"},
          {.name = "c", .outcome = KPK_TOPIC_CREATED}},
         {{"2 of 3 missing: a c", "build/bin/kpk topics apply", BAD}}},
        {{{.name = "a", .outcome = KPK_TOPIC_ALTERED, .detail = "retention.ms 1 -> 2"},
          {.name = "b"},
          {.name = "c"}},
         {{"a differs from the table: retention.ms 1 -> 2", "build/bin/kpk topics apply",
           WARN}}},
        {{{.name = "a"},
          {.name = "b",
           .outcome = KPK_TOPIC_REFUSED,
           .found = {.partitions = 5},
           .partitions = 50},
          {.name = "c"}},
         {{"b has 5 partitions, and the table says 50 (SCALE=small is satisfied with less)",
           "topics apply --grow", BAD}}},
        {{{.name = "a"},
          {.name = "b", .found = {.replicas = 1}, .replicas = 3},
          {.name = "c", .found = {.replicas = 3}, .replicas = 1}},
         {{"b has 1 replica of each record, and the table says 3", "kafka-reassign-partitions",
           WARN}}},
        {{{.name = "a", .outcome = KPK_TOPIC_ALTERED, .detail = "x"},
          {.name = "b", .outcome = KPK_TOPIC_CREATED},
          {.name = "c"}},
         {{"1 of 3 missing: b", "topics apply", BAD},
          {"a differs from the table: x", "topics apply", WARN}}},
    };
    static struct kpk_found_kafka found;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        found.topics = (struct kpk_plan){(struct kpk_topic_plan *)cases[i].topics, 3};
        kpk_decide_topics(&findings, &found);
        check(i, cases[i].expected);
    }
}

static void test_partitions(void **state) {
    /* topic, partition, leader, replicas, isr, min isr */
    static const struct {
        bool bundled;
        struct kpk_found_partition partitions[4];
        size_t count;
        struct expected expected[EXPECTED];
    } cases[] = {
        {true, {{0}}, 0, {{"0", NULL, OK}}},
        {true,
         {{"t", 0, 1, 3, 3, 2}, {"t", 1, 2, 3, 3, 2}},
         2,
         {{"2, each with a leader and all its replicas in sync", NULL, OK}}},
        {true,
         {{"t", 0, 1, 3, 2, 2}, {"t", 1, 2, 3, 3, 2}},
         2,
         {{"1 of 2 lack a replica in sync: one loss nearer to standing still: t:0", "make up",
           WARN}}},
        {true,
         {{"t", 0, 1, 3, 1, 2}, {"t", 1, 2, 3, 3, 2}},
         2,
         {{"1 of 2 have too few replicas in sync (min.insync.replicas): writes fail: t:0",
           "make up", BAD}}},
        {true, /* what is needed is not known: then only that one is missing */
         {{"__t", 0, 1, 3, 1, 0}},
         1,
         {{"1 of 1 lack a replica in sync: one loss nearer to standing still: __t:0", "make up",
           WARN}}},
        {false, /* each partition once, by its worst */
         {{"t", 0, -1, 3, 0, 2},
          {"t", 1, 1, 3, 1, 2},
          {"t", 2, 1, 3, 2, 2},
          {"u", 0, -1, 1, 1, 1}},
         4,
         {{"2 of 4 have no leader: nobody can write or read: t:0 u:0", "brokers of these", BAD},
          {"1 of 4 have too few replicas in sync (min.insync.replicas): writes fail: t:1",
           "brokers of these", BAD},
          {"1 of 4 lack a replica in sync: one loss nearer to standing still: t:2",
           "brokers of these", WARN}}},
        {true, /* a whole topic has one name */
         {{"t", 0, -1, 3, 0, 2},
          {"t", 1, -1, 3, 0, 2},
          {"u", 0, 1, 3, 3, 2},
          {"u", 1, -1, 3, 0, 2}},
         4,
         {{"3 of 4 have no leader: nobody can write or read: t (all 2) u:1", "make up", BAD}}},
    };
    static struct kpk_found_kafka found;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        found.bundled = cases[i].bundled;
        found.partitions = (struct kpk_found_partition *)cases[i].partitions;
        found.partition_count = cases[i].count;
        kpk_decide_partitions(&findings, &found);
        check(i, cases[i].expected);
    }
}

/* Of many, the first few are named. */
static void test_long_list(void **state) {
    static const struct expected expected[EXPECTED] = {
        {"49 of 50 have no leader: nobody can write or read: t:1 t:2 t:3 t:4 t:5 t:6 and 43 "
         "more",
         "make up", BAD}};
    static struct kpk_found_partition partitions[50];
    static struct kpk_found_kafka found = {
        .bundled = true, .partitions = partitions, .partition_count = COUNT(partitions)};

    (void)state;
    for (int i = 0; i < (int)COUNT(partitions); i++)
        partitions[i] = (struct kpk_found_partition){"t", i, i ? -1 : 1, 3, i ? 0 : 3, 2};
    begin();
    kpk_decide_partitions(&findings, &found);
    check(0, expected);
}

static const struct kpk_group g = {
    .name = "g", .consumers = 10, .program = "g-worker", .system = "s"};
static const struct kpk_group h = {
    .name = "h", .consumers = 3, .program = "h-worker", .system = "s"};

static void test_groups(void **state) {
    /* row, exists, members, lag, in/s, out/s */
    static const struct {
        struct kpk_found_group groups[2];
        size_t count;
        struct expected expected[EXPECTED];
    } cases[] = {
        {{{&g, true, 10, {0}}},
         1,
         {{"1 of 1 keep up, with all their 10 members; records waiting: 0", NULL, OK}}},
        {{{&g, true, 12, {.lag = 7, .in_s = 5, .out_s = 5}}, {&h, true, 3, {0}}},
         2,
         {{"2 of 2 keep up, with all their 15 members; records waiting: 7", NULL, OK}}},
        {{{&g, true, 0, {.lag = 7}}, {&h, true, 3, {0}}},
         2,
         {{"g has no members; records waiting: 7", "make up starts g-worker", BAD},
          {"1 of 2 keep up, with all their 3 members; records waiting: 0", NULL, OK}}},
        {{{&g, false, 0, {0}}},
         1,
         {{"g has no members, and never had", "make up starts g-worker", BAD}}},
        {{{&g, true, 9, {0}}},
         1,
         {{"g has 9 of 10 members", "make up starts what is missing of g-worker", WARN}}},
        {{{&g, true, 10, {.lag = 7, .in_s = 3}}},
         1,
         {{"g stands still: none done for a second; records waiting: 7",
           "make status tells what g-worker waits for", WARN}}},
        {{{&g, true, 10, {.lag = 7, .retrying = 7}}}, /* they are not due yet */
         1,
         {{"1 of 1 keep up, with all their 10 members; records waiting: 7", NULL, OK}}},
        {{{&g, true, 10, {.lag = 8, .retrying = 7}}},
         1,
         {{"g stands still: none done for a second; records waiting: 8",
           "make status tells what g-worker waits for", WARN}}},
        {{{&g, true, 10, {.lag = 70, .in_s = 30, .out_s = 20}}},
         1,
         {{"g falls behind: 30 a second come, 20 are done; records waiting: 70",
           "kpk lag --watch", WARN}}},
    };
    static struct kpk_found_kafka found;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        memcpy(found.groups, cases[i].groups, sizeof(cases[i].groups));
        found.group_count = cases[i].count;
        kpk_decide_groups(&findings, &found);
        check(i, cases[i].expected);
    }
}

static void test_letters(void **state) {
    static const struct {
        bool ledger_unread;
        struct kpk_found_letters letters[2];
        struct expected expected[EXPECTED];
    } cases[] = {
        {false, {{&g, 0, 0}, {&h, 0, 0}}, {{"none", NULL, OK}}},
        {false,
         {{&g, 12, 0}, {&h, 0, 0}},
         {{"of g: 12", "build/bin/kpk dlq list --group g", WARN}}},
        {true,
         {{&g, 12, 0}, {&h, 0, 0}},
         {{"of g: 12, those that were dealt with included", "build/bin/kpk dlq list", WARN}}},
        {false,
         {{&g, 1, 0}, {&h, 0, 2}},
         {{"of g: 1", "kpk dlq list --group g", WARN},
          {"of h: not counted in 2 partitions, which do not answer", "bad above", WARN}}},
    };
    static struct kpk_found_kafka found;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        memcpy(found.letters, cases[i].letters, sizeof(cases[i].letters));
        found.letter_count = 2;
        found.ledger_unread = cases[i].ledger_unread;
        kpk_decide_letters(&findings, &found);
        check(i, cases[i].expected);
    }
}

static void test_hang(void **state) {
    static const struct {
        bool bundled;
        struct expected expected[EXPECTED];
    } cases[] = {
        {true, {{"nobody", "make up", BAD}}},
        {false, {{"nobody", "KPK_BOOTSTRAP_SERVERS", BAD}}},
    };
    static const struct expected expected[EXPECTED] = {
        {"not looked at: the broker that does not answer may be the one that knows them",
         "bad above", WARN}};
    static struct kpk_found_kafka found;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        found.bundled = cases[i].bundled;
        kpk_decide_unreachable(&findings, &found,
                               &(struct kpk_err){.verdict = KPK_WAIT, .msg = "nobody"});
        check(i, cases[i].expected);
    }
    found.broker_count = 1;
    found.brokers[0] = (struct kpk_found_broker){1, "a:1", true};
    assert_false(kpk_broker_hangs(&found));
    found.brokers[0] = (struct kpk_found_broker){1, "", false}; /* gone: others do its work */
    assert_false(kpk_broker_hangs(&found));
    found.brokers[0] = (struct kpk_found_broker){1, "a:1", false};
    assert_true(kpk_broker_hangs(&found));
    begin();
    kpk_decide_groups(&findings, &found);
    check(0, expected);
}

/* --- PostgreSQL and Redis ---------------------------------------------------------------- */

static void test_postgres(void **state) {
    /* system, exists, waiting, parked, oldest, relay */
    static const struct {
        struct kpk_found_postgres found;
        struct expected expected[EXPECTED];
    } cases[] = {
        {{.bundled = true, .reason = "why"},
         {{"cannot be asked: why", "make restart S=postgres", BAD}}},
        {{.reason = "why"}, {{"cannot be asked: why", "PGHOST", BAD}}},
        {{.outboxes = {{"s", false, 0, 0, 0, false}}, .outbox_count = 1},
         {{"answers", NULL, OK}, {"s has none", NULL, OK}}},
        {{.outboxes = {{"s", true, 3, 0, 9, true}}, .outbox_count = 1},
         {{"answers", NULL, OK}, {"s: a relay is active; events waiting: 3", NULL, OK}}},
        {{.outboxes = {{"s", true, 3, 0, 10, true}}, .outbox_count = 1},
         {{"answers", NULL, OK},
          {"s: the oldest event waits for 10 s now; events waiting: 3", "make status", WARN}}},
        {{.outboxes = {{"s", true, 3, 0, 10, false}}, .outbox_count = 1},
         {{"answers", NULL, OK},
          {"s: no relay is active; events waiting: 3", "make up starts outbox-relay", BAD}}},
        {{.outboxes = {{"s", true, 0, 2, 0, true}}, .outbox_count = 1},
         {{"answers", NULL, OK},
          {"s: a relay is active; events waiting: 0", NULL, OK},
          {"s: events parked, which can never be published: 2", "FROM s.outbox", WARN}}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        kpk_decide_postgres(&findings, &cases[i].found);
        check(i, cases[i].expected);
    }
}

static void test_redis(void **state) {
    static const struct {
        struct kpk_found_redis found;
        struct expected expected[EXPECTED];
    } cases[] = {
        {{true, "why", "", "", ""}, {{"cannot be asked: why", "make restart S=redis", BAD}}},
        {{false, "why", "", "", ""}, {{"cannot be asked: why", "KPK_REDIS_URL", BAD}}},
        {{true, "", "yes", "always", "noeviction"},
         {{"answers, and has each write on disk first", NULL, OK}}},
        {{false, "", "", "", ""}, {{"answers", NULL, OK}}},
        {{false, "", "yes", "everysec", ""},
         {{"may lose what it answered for (appendonly yes, appendfsync everysec), and "
           "consumers "
           "commit their offsets over that",
           "appendfsync always", WARN}}},
        {{false, "", "no", "always", "allkeys-lru"},
         {{"may lose what it answered for (appendonly no, appendfsync always), and consumers "
           "commit their offsets over that",
           "appendonly yes", WARN},
          {"throws keys away when its memory is full (maxmemory-policy allkeys-lru)",
           "noeviction", WARN}}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        kpk_decide_redis(&findings, &cases[i].found);
        check(i, cases[i].expected);
    }
}

/* --- the rest ---------------------------------------------------------------------------- */

static void test_bundled(void **state) {
    static const struct {
        const char *address, *stack_env;
        bool bundled;
    } cases[] = {
        {NULL, NULL, true},
        {"", "a:1", true},
        {"a:1", NULL, false},
        {"a:1", "", false},
        {"a:1", "a:1 b:2 redis://c:3", true},
        {"b:2", "a:1 b:2 redis://c:3", true},
        {"redis://c:3", "a:1 b:2 redis://c:3", true},
        {"redis://c:3", "  redis://c:3", true}, /* the others are the user's own */
        {"a:1", "a:11 b:2", false},
        {"a:11", "a:1", false},
        {"2", "a:1 b:2", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (kpk_is_bundled(cases[i].address, cases[i].stack_env) != cases[i].bundled)
            fail_msg("case %zu", i);
}

/* Those that are not held still count, and nobody else's fix is overwritten. */
static void test_too_many(void **state) {
    (void)state;
    begin();
    for (int i = 0; i < KPK_FINDINGS + 2; i++) {
        kpk_find(&findings, i < KPK_FINDINGS ? KPK_LEVEL_OK : KPK_LEVEL_BAD, "x", "%d", i);
        kpk_fix(&findings, "fix %d", i);
    }
    assert_int_equal(findings.count, KPK_FINDINGS);
    assert_int_equal(findings.levels[KPK_LEVEL_BAD], 2);
    assert_int_equal(kpk_findings_total(&findings), KPK_FINDINGS + 2);
    assert_string_equal(findings.all[KPK_FINDINGS - 1].fix, "fix 63");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_brokers),   cmocka_unit_test(test_controller),
        cmocka_unit_test(test_topics),    cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_long_list), cmocka_unit_test(test_groups),
        cmocka_unit_test(test_letters),   cmocka_unit_test(test_hang),
        cmocka_unit_test(test_postgres),  cmocka_unit_test(test_redis),
        cmocka_unit_test(test_bundled),   cmocka_unit_test(test_too_many),
    };

    return cmocka_run_group_tests_name("kpk: doctor", tests, NULL, NULL);
}
