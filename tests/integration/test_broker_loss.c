/* One of three brokers is killed with -9 under a steady load: the one that leads most of the
 * topic. The two others go on without it, it comes back, and nothing acknowledged is missing. */
#include "common/kafka.h"
#include "tests/support/ordeal.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { BROKERS = 3, ASK_TIMEOUT_MS = 10000, NAME_BYTES = 32 };

static struct ordeal ordeal;

/* Brokers are numbered from 1, in the stack and in Kafka. */
static int busiest_leader(const struct rd_kafka_metadata_topic *topic) {
    int leads[BROKERS + 1] = {0}, busiest = 1;

    for (int i = 0; i < topic->partition_cnt; i++) {
        int leader = topic->partitions[i].leader;
        if (leader < 1 || leader > BROKERS) fail_msg("partition %d has leader %d", i, leader);
        leads[leader]++;
    }
    for (int id = 2; id <= BROKERS; id++)
        if (leads[id] > leads[busiest]) busiest = id;
    return busiest;
}

static void choose_broker(char *name) {
    const struct rd_kafka_metadata *metadata;
    char topic_name[KPK_NAME_BYTES], why[160];
    struct kpk_err err;
    rd_kafka_conf_t *conf = kpk_kafka_conf(NULL, &err);
    rd_kafka_t *rk = conf ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why)) : NULL;

    if (!rk) fail_msg("%s", conf ? why : err.msg);
    kpk_full_name(KPK_TOPIC_TWEETS, topic_name);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, topic_name, NULL);
    if (rd_kafka_metadata(rk, 0, topic, &metadata, ASK_TIMEOUT_MS)) fail_msg("no answer");
    if (metadata->broker_cnt != BROKERS) fail_msg("%d brokers, not 3", metadata->broker_cnt);
    snprintf(name, NAME_BYTES, "broker-%d", busiest_leader(&metadata->topics[0]));
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
}

static void the_busiest_broker_dies(void **state) {
    char broker[NAME_BYTES];

    (void)state;
    choose_broker(broker);
    ordeal_begin(&ordeal);
    pid_t killed = stack_signal(broker, SIGKILL);
    ordeal_follow_late(&ordeal);
    ordeal_go_on(&ordeal);
    ordeal_await_events(&ordeal);
    stack_await_restart(broker, killed);
    ordeal_go_on(&ordeal);
    ordeal_end(&ordeal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_busiest_broker_dies),
    };
    struct kpk_err err;

    if (kpk_topology_init(&err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: a broker of three dies", tests, NULL, NULL);
}
