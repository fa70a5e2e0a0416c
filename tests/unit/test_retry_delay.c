/* A tier's delay: a record comes at its time and not before, its partition alone waits for it, and
 * whatever happens to the member meanwhile, it comes. Against librdkafka's mock cluster, which forgets
 * a member when it is told to. */
#include "common/clock.h"
#include "patterns/retry-dlq/delay.h"
#include "patterns/retry-dlq/headers.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 20, SEEN = 50, POLL_MS = 100, DEADLINE_MS = 20000, HEARTBEAT = 12 };
enum {
    TIER_MS = 1000,
    LATE_MS = 1000
}; /* of the first tier; what is promised of its precision */

static struct kpk_err error, *err = &error;
static char tier[KPK_NAME_BYTES];

/* A record, by its value, and when it was given to the effect. */
struct seen {
    char value[24];
    int64_t ms, not_before_ms;
};

static struct {
    rd_kafka_t *owner; /* of the mock */
    rd_kafka_mock_cluster_t *mock;
    struct kpk_producer *producer;
    struct kpk_consumer *consumer;
    struct kpk_delay *delay;
    struct kpk_batch batch;
    struct seen seen[SEEN];
    int count;
    int polls;
} cluster;

static int open_cluster(void **state) {
    const struct kpk_group *group = kpk_group_find(KPK_GROUP_CHARGE_WORKERS);
    const char *const topics[] = {KPK_TOPIC_CHARGES, tier, NULL};
    struct kpk_topic row;
    char why[160];

    (void)state;
    memset(&cluster, 0, sizeof(cluster));
    kpk_topic_retry(kpk_topic_find(KPK_TOPIC_CHARGES), group, 0, tier, &row);
    assert_int_equal(group->retry_ms[0], TIER_MS);
    cluster.owner = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, why, sizeof(why));
    cluster.mock = rd_kafka_mock_cluster_new(cluster.owner, 1);
    rd_kafka_mock_topic_create(cluster.mock, KPK_TOPIC_CHARGES, 1, 1);
    rd_kafka_mock_topic_create(cluster.mock, tier, 1, 1);
    rd_kafka_mock_group_initial_rebalance_delay_ms(cluster.mock, 0);
    setenv("KPK_BOOTSTRAP_SERVERS", rd_kafka_mock_cluster_bootstraps(cluster.mock), 1);
    unsetenv("KPK_KAFKA_HEARTBEAT_INTERVAL_MS"); /* is no word for a producer */
    unsetenv("KPK_KAFKA_SESSION_TIMEOUT_MS");
    assert_ok(kpk_producer_open(&cluster.producer,
                                &(struct kpk_producer_opts){.durability = KPK_CRITICAL}, err),
              err);
    setenv("KPK_KAFKA_HEARTBEAT_INTERVAL_MS", "100", 1);
    setenv("KPK_KAFKA_SESSION_TIMEOUT_MS", "1000", 1);
    assert_ok(kpk_batch_init(&cluster.batch, ROOM, err), err);
    assert_ok(kpk_delay_open(&cluster.delay, KPK_GROUP_CHARGE_WORKERS, err), err);
    assert_ok(kpk_consumer_open(&cluster.consumer,
                                &(struct kpk_consumer_opts){.group = KPK_GROUP_CHARGE_WORKERS,
                                                            .topics = topics},
                                err),
              err);
    return 0;
}

static int close_cluster(void **state) {
    (void)state;
    kpk_consumer_close(cluster.consumer);
    kpk_producer_close(cluster.producer);
    kpk_delay_close(cluster.delay);
    kpk_batch_free(&cluster.batch);
    rd_kafka_mock_cluster_destroy(cluster.mock);
    rd_kafka_destroy(cluster.owner);
    return 0;
}

/* --- records ----------------------------------------------------------------------------- */

/* not_before  NULL: without the header */
static void write_record(const char *topic, const char *value, const char *not_before) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);

    if (not_before) rd_kafka_header_add(headers, KPK_NOT_BEFORE, -1, not_before, -1);
    assert_ok(
        kpk_producer_send(cluster.producer, topic, "k", 1, value, strlen(value), headers, err),
        err);
    assert_ok(kpk_producer_wait(cluster.producer, DEADLINE_MS, err), err);
}

static void write_delayed(const char *value, int delay_ms) {
    char not_before[24];

    snprintf(not_before, sizeof(not_before), "%" PRId64, kpk_now_ms() + delay_ms);
    write_record(tier, value, not_before);
}

static void see(const rd_kafka_message_t *msg) {
    struct seen *seen = &cluster.seen[cluster.count++];
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;

    assert_true(cluster.count < SEEN);
    *seen = (struct seen){.ms = kpk_now_ms()};
    snprintf(seen->value, sizeof(seen->value), "%.*s", (int)msg->len, (char *)msg->payload);
    if (!rd_kafka_message_headers(msg, &headers) &&
        !rd_kafka_header_get_last(headers, KPK_NOT_BEFORE, &value, &len))
        seen->not_before_ms = strtoll(value, NULL, 10);
}

static const struct seen *find(const char *value) {
    for (int i = 0; i < cluster.count; i++)
        if (strcmp(cluster.seen[i].value, value) == 0) return &cluster.seen[i];
    return NULL;
}

/* --- the loop of a member ---------------------------------------------------------------- */

static void poll_once(void) {
    int wait_ms = kpk_delay_resume(cluster.delay, cluster.consumer, POLL_MS);

    assert_ok(kpk_poll_batch(cluster.consumer, &cluster.batch, wait_ms, err), err);
    assert_ok(kpk_delay_put_back(cluster.delay, cluster.consumer, &cluster.batch, err), err);
    cluster.polls++;
}

static void turn(void) {
    poll_once();
    for (size_t i = 0; i < cluster.batch.count; i++) see(cluster.batch.msgs[i]);
    assert_ok(kpk_commit(cluster.consumer, &cluster.batch, err), err);
    kpk_batch_clear(&cluster.batch);
}

static bool is_seen(void *value) {
    turn();
    return find(value) != NULL;
}

static void await(const char *value) {
    if (!wait_until(DEADLINE_MS, is_seen, (void *)value))
        fail_msg("%s does not come; %d partitions are ours", value,
                 (int)cluster.consumer->assigned);
}

static bool is_joined(void *ctx) {
    (void)ctx;
    turn();
    return cluster.consumer->assigned == 2;
}

/* The member has its partitions, and the producer knows who leads them: what is measured is waiting. */
static void begin(void) {
    assert_true(wait_until(DEADLINE_MS, is_joined, NULL));
    write_record(KPK_TOPIC_CHARGES, "first", NULL);
    write_record(tier, "first of the tier", NULL);
    await("first");
    await("first of the tier");
    cluster.count = 0;
}

static void assert_in_time(const char *value) {
    const struct seen *seen = find(value);
    int64_t late_ms = seen->ms - seen->not_before_ms;

    if (late_ms < 0 || late_ms > LATE_MS)
        fail_msg("%s came %" PRId64 " ms after its time", value, late_ms);
}

/* --- tests ------------------------------------------------------------------------------- */

static void a_record_comes_at_its_time_and_others_go_on(void **state) {
    (void)state;
    begin();
    write_delayed("later", TIER_MS);
    write_record(KPK_TOPIC_CHARGES, "one", NULL);
    await("one");
    write_record(KPK_TOPIC_CHARGES, "two", NULL);
    await("two");
    if (find("later")) fail_msg("it came before the others, and so before its time");
    await("later");
    assert_in_time("later");
    write_delayed("again", TIER_MS);
    await("again");
    assert_in_time("again");
}

static void what_is_behind_it_waits_too(void **state) {
    (void)state;
    begin();
    write_delayed("a", -1);
    write_delayed("b", TIER_MS);
    write_delayed("c", -1);
    await("c");
    assert_int_equal(cluster.count, 3);
    assert_string_equal(cluster.seen[0].value, "a");
    assert_string_equal(cluster.seen[1].value, "b");
    assert_in_time("b");
}

/* A record's time has come when it says so, or when its tier's delay has passed. */
static void nobody_stops_a_tier(void **state) {
    static const char *const times[] = {"999999999999999999",
                                        "999999999999999999",
                                        "999999999999999999",
                                        "soon",
                                        "",
                                        "-1",
                                        NULL};
    char value[16];
    int64_t begun_ms;

    (void)state;
    begin();
    begun_ms = kpk_mono_ms();
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        snprintf(value, sizeof(value), "v%zu", i);
        write_record(tier, value, times[i]);
    }
    await("v6");
    assert_int_equal(cluster.count, 7);
    assert_true(kpk_mono_ms() - begun_ms >= TIER_MS);
    assert_true(kpk_mono_ms() - begun_ms < 3 * TIER_MS); /* not one after the other */
}

static void a_record_waits_without_work(void **state) {
    (void)state;
    begin();
    cluster.polls = 0;
    write_delayed("later", TIER_MS);
    await("later");
    if (cluster.polls > 3 * TIER_MS / POLL_MS)
        fail_msg("%d polls in %d ms", cluster.polls, TIER_MS);
}

static bool is_revoked(void *ctx) {
    (void)ctx;
    turn();
    return cluster.consumer->assigned == 0;
}

static void a_partition_that_is_lost_and_comes_back_is_not_silent(void **state) {
    (void)state;
    begin();
    write_delayed("later", TIER_MS);
    write_record(KPK_TOPIC_CHARGES, "one", NULL);
    await("one");
    rd_kafka_mock_push_request_errors(cluster.mock, HEARTBEAT, 1,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    assert_true(wait_until(DEADLINE_MS, is_revoked, NULL));
    await("later");
    assert_int_equal(cluster.count, 2);
    assert_true(find("later")->ms >= find("later")->not_before_ms);
    write_delayed("again", TIER_MS);
    await("again");
    assert_in_time("again");
}

/* A store is down: everything pauses and everything is resumed, what waits included. */
static void an_outage_while_it_waits_changes_nothing(void **state) {
    struct kpk_err why;

    (void)state;
    begin();
    write_delayed("later", TIER_MS);
    write_record(KPK_TOPIC_CHARGES, "one", NULL);
    while (cluster.batch.count == 0) poll_once();
    kpk_fail(&why, KPK_WAIT, "the store is down");
    kpk_pause(cluster.consumer, &why);
    poll_once();
    assert_int_equal(cluster.batch.count, 1);
    await("one");
    await("later");
    assert_int_equal(cluster.count, 2);
    assert_in_time("later");
}

/* ... and is down when its time comes. */
static void an_outage_past_its_time_too(void **state) {
    struct kpk_err why;

    (void)state;
    begin();
    write_delayed("later", TIER_MS);
    write_record(KPK_TOPIC_CHARGES, "one", NULL);
    while (cluster.batch.count == 0) poll_once();
    kpk_fail(&why, KPK_WAIT, "the store is down");
    kpk_pause(cluster.consumer, &why);
    for (int64_t until = kpk_mono_ms() + TIER_MS + 500; kpk_mono_ms() < until;) poll_once();
    assert_int_equal(cluster.batch.count, 1);
    await("one");
    await("later");
    assert_int_equal(cluster.count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_cluster, close_cluster)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_record_comes_at_its_time_and_others_go_on),
        TEST(what_is_behind_it_waits_too),
        TEST(nobody_stops_a_tier),
        TEST(a_record_waits_without_work),
        TEST(a_partition_that_is_lost_and_comes_back_is_not_silent),
        TEST(an_outage_while_it_waits_changes_nothing),
        TEST(an_outage_past_its_time_too),
    };

    unsetenv("KPK_NAMESPACE");
    if (kpk_topology_init(err)) return 1;
    return cmocka_run_group_tests_name("retry: delays", tests, NULL, NULL);
}
