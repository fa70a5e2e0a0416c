/* A member that waits for a dependency, with records in hand. It may lose its partitions meanwhile:
 * the records are the next owner's, and when it is the next owner itself, it reads them like any
 * other. And it may be asked to end. Against librdkafka's mock cluster, which forgets a member when
 * it is told to. */
#include "common/clock.h"
#include "common/kafka.h"
#include "tests/support/test.h"

#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORDS = 5, ROOM = 20, POLL_MS = 100, DEADLINE_MS = 20000, HEARTBEAT = 12 };

#define TOPIC "letters"

static struct kpk_err error, *err = &error;

static struct {
    rd_kafka_t *owner; /* of the mock */
    rd_kafka_mock_cluster_t *mock;
    struct kpk_consumer *consumer;
    struct kpk_batch batch;
} cluster;

static int open_cluster(void **state) {
    char why[160];

    (void)state;
    cluster.owner = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, why, sizeof(why));
    cluster.mock = rd_kafka_mock_cluster_new(cluster.owner, 1);
    rd_kafka_mock_topic_create(cluster.mock, TOPIC, 1, 1);
    rd_kafka_mock_group_initial_rebalance_delay_ms(cluster.mock, 0);
    setenv("KPK_BOOTSTRAP_SERVERS", rd_kafka_mock_cluster_bootstraps(cluster.mock), 1);
    setenv("KPK_KAFKA_HEARTBEAT_INTERVAL_MS", "100", 1);
    setenv("KPK_KAFKA_SESSION_TIMEOUT_MS", "1000", 1);
    return 0;
}

static int close_cluster(void **state) {
    (void)state;
    alarm(DEADLINE_MS / 1000); /* a close that hangs is a failure, not a wait */
    kpk_consumer_close(cluster.consumer);
    alarm(0);
    kpk_batch_free(&cluster.batch);
    rd_kafka_mock_cluster_destroy(cluster.mock);
    rd_kafka_destroy(cluster.owner);
    return 0;
}

static void write_letters(void) {
    struct kpk_producer *producer;

    assert_ok(kpk_producer_open(&producer,
                                &(struct kpk_producer_opts){.durability = KPK_CRITICAL}, err),
              err);
    for (int i = 0; i < RECORDS; i++)
        assert_ok(kpk_producer_send(producer, TOPIC, "k", 1, "v", 1, NULL, err), err);
    assert_ok(kpk_producer_wait(producer, DEADLINE_MS, err), err);
    kpk_producer_close(producer);
}

static void poll_once(void) {
    assert_ok(kpk_poll_batch(cluster.consumer, &cluster.batch, POLL_MS, err), err);
}

static bool something_came(void *ctx) {
    (void)ctx;
    poll_once();
    return cluster.batch.count > 0;
}

/* As in a loop whose effect fails while there is something to do, and else has nothing to do. */
static bool lost_while_paused(void *ctx) {
    (void)ctx;
    poll_once();
    return cluster.batch.count == 0;
}

static void read_letters(void) {
    const char *const topics[] = {TOPIC, NULL};

    write_letters();
    assert_ok(kpk_batch_init(&cluster.batch, ROOM, err), err);
    assert_ok(kpk_consumer_open(
                  &cluster.consumer,
                  &(struct kpk_consumer_opts){.group = "readers", .topics = topics}, err),
              err);
    assert_true(wait_until(DEADLINE_MS, something_came, NULL));
}

static void read_and_pause(void) {
    struct kpk_err why;

    read_letters();
    kpk_fail(&why, KPK_WAIT, "the store is down");
    kpk_pause(cluster.consumer, &why);
}

static void lose_them(void) {
    rd_kafka_mock_push_request_errors(cluster.mock, HEARTBEAT, 1,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    assert_true(wait_until(DEADLINE_MS, lost_while_paused, NULL));
}

static void assert_come_back(int64_t first) {
    if (!wait_until(DEADLINE_MS, something_came, NULL))
        fail_msg("%d partitions are ours, and nothing comes from them",
                 (int)cluster.consumer->assigned);
    assert_int_equal(cluster.batch.msgs[0]->offset, first); /* nothing was committed */
}

static void partitions_lost_while_paused_are_read_when_they_come_back(void **state) {
    (void)state;
    read_and_pause();
    int64_t first = cluster.batch.msgs[0]->offset;

    lose_them();
    assert_ok(kpk_commit(cluster.consumer, &cluster.batch, err), err);
    assert_come_back(first);
}

/* Those that their user paused himself, as patterns/retry-dlq does. */
static void so_are_those_paused_one_by_one(void **state) {
    rd_kafka_topic_partition_list_t *parts;

    (void)state;
    read_letters();
    int64_t first = cluster.batch.msgs[0]->offset;

    assert_int_equal(rd_kafka_assignment(cluster.consumer->rk, &parts), 0);
    rd_kafka_pause_partitions(cluster.consumer->rk, parts);
    rd_kafka_topic_partition_list_destroy(parts);
    lose_them();
    assert_come_back(first);
}

static void ending_while_paused_takes_no_time(void **state) {
    (void)state;
    read_and_pause();
    assert_ok(kpk_poll_batch(cluster.consumer, &cluster.batch, POLL_MS, err), err);
    assert_true(cluster.batch.count >
                0); /* still in hand when it is closed: the teardown does */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            partitions_lost_while_paused_are_read_when_they_come_back, open_cluster,
            close_cluster),
        cmocka_unit_test_setup_teardown(so_are_those_paused_one_by_one, open_cluster,
                                        close_cluster),
        cmocka_unit_test_setup_teardown(ending_while_paused_takes_no_time, open_cluster,
                                        close_cluster),
    };

    return cmocka_run_group_tests_name("consumer: pause", tests, NULL, NULL);
}
