/* Two of three brokers are gone: one replica is left where two must acknowledge (min ISR 2). Nothing
 * is written to Kafka then, and everybody who tries is told so:
 *
 *   a producer    NOT_ENOUGH_REPLICAS, before anything is appended: what it was refused is nowhere
 *   the relay     the same; its rows stay in the outbox
 *   a post        201 as ever: it is in PostgreSQL, with its row
 *
 * A second broker is enough for all to go on. */
#include "common/clock.h"
#include "common/history.h"
#include "common/kafka.h"
#include "common/tail.h"
#include "common/uuid.h"
#include "tests/support/outage.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/admin.h"
#include "topology/topology.h"

#include <stdio.h>
#include <string.h>

enum {
    BROKERS = 3,
    RECORDS = 20,
    ANSWER_MS = 20000,
    SETTLE_MS = 60000,
    ALL_BACK_MS = 150000, /* as deploy/native/stack waits for them */
    PEEK_MS = 5000,
};

/* The last one stays. */
static const char *const brokers[BROKERS] = {"broker-1", "broker-2", "broker-3"};

static struct outage outage;
static struct kpk_err error, *err = &error;
static bool mended;

/* --- a topic, and a producer that is told at once ---------------------------------------- */

/* Each record waits for its answer: it is known of each what became of it. */
static struct direct {
    char topic[64];
    rd_kafka_t *rk;
    struct kpk_history *history;
    int sent;
    rd_kafka_resp_err_t answer;
    bool answered;
} direct;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *msg, void *opaque) {
    (void)rk, (void)opaque;
    direct.answer = msg->err;
    direct.answered = true;
}

static void create_topic(void) {
    rd_kafka_NewTopic_t *topic;
    struct kpk_admin *admin;
    rd_kafka_event_t *event;
    char why[160], id[KPK_UUID_BYTES];

    kpk_uuid7(id);
    snprintf(direct.topic, sizeof(direct.topic), "min-isr-%s", id);
    topic = rd_kafka_NewTopic_new(direct.topic, 1, BROKERS, why, sizeof(why));
    assert_non_null(topic);
    assert_ok(kpk_admin_open(&admin, &(struct kpk_admin_opts){.brokers = BROKERS}, err), err);
    rd_kafka_AdminOptions_t *opts = kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(admin->rk, &topic, 1, opts, kpk_admin_queue(admin));
    event = kpk_admin_answer(admin, opts, direct.topic, err);
    if (!event) fail_msg("%s", err->msg);
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(topic);
    kpk_admin_close(admin);
}

/* acks=all, and no retries, which would hide the refusal until they end. */
static void direct_open(void) {
    static const char *const pairs[] = {
        "acks", "all", "message.send.max.retries", "0", "linger.ms", "0", NULL};
    rd_kafka_conf_t *conf = kpk_kafka_conf(pairs, err);
    char why[160];

    create_topic();
    direct.history = kpk_history_new();
    if (!conf || !direct.history) fail_msg("%s", err->msg);
    kpk_history_order(direct.history, "the topic", KPK_ORDER_OLDEST_FIRST);
    kpk_history_expect(direct.history, "the topic", "the producer");
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    direct.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!direct.rk) fail_msg("%s", why);
}

static bool is_answered(void *ctx) {
    (void)ctx;
    rd_kafka_poll(direct.rk, 0);
    return direct.answered;
}

/* One record. Only a refusal before it was appended says for sure that it is nowhere. */
static rd_kafka_resp_err_t write_one(void) {
    char text[32];

    snprintf(text, sizeof(text), "record %d", ++direct.sent);
    direct.answered = false;
    assert_int_equal(rd_kafka_producev(direct.rk, RD_KAFKA_V_TOPIC(direct.topic),
                                       RD_KAFKA_V_VALUE(text, strlen(text)),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_END),
                     0);
    assert_true(wait_until(ANSWER_MS, is_answered, NULL));
    kpk_history_write(direct.history, "the producer", text,
                      direct.answer == RD_KAFKA_RESP_ERR_NO_ERROR ? KPK_WRITE_OK
                      : direct.answer == RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS
                          ? KPK_WRITE_FAILED
                          : KPK_WRITE_UNKNOWN);
    return direct.answer;
}

static bool is_taken(void *ctx) {
    (void)ctx;
    return write_one() == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool is_refused(void *ctx) {
    (void)ctx;
    return write_one() == RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
}

static void write_all(rd_kafka_resp_err_t wanted) {
    for (int i = 0; i < RECORDS; i++) {
        rd_kafka_resp_err_t answer = write_one();
        if (answer != wanted)
            fail_msg("record %d: %s, not %s", direct.sent, rd_kafka_err2name(answer),
                     rd_kafka_err2name(wanted));
    }
}

static void direct_judge(void) {
    struct kpk_report report;
    struct kpk_tail *tail;
    rd_kafka_message_t *msg;
    char text[400];

    assert_ok(kpk_tail_open_at(
                  &tail,
                  &(struct kpk_tail_opts){.topics = (const char *const[]){direct.topic, NULL},
                                          .partition = KPK_TAIL_ALL,
                                          .until_end = true},
                  err),
              err);
    while (!kpk_tail_done(tail)) {
        assert_ok(kpk_tail_next(tail, PEEK_MS, &msg, err), err);
        if (!msg) continue;
        snprintf(text, sizeof(text), "%.*s", (int)msg->len, (const char *)msg->payload);
        kpk_history_see(direct.history, "the topic", text);
        rd_kafka_message_destroy(msg);
    }
    kpk_tail_close(tail);
    bool clean = kpk_history_check(direct.history, &report);
    kpk_report_text(&report, text, sizeof(text));
    if (!clean) fail_msg("%s", text);
    print_message("directly, %d records: %s\n", direct.sent, text);
    kpk_history_free(direct.history);
    rd_kafka_destroy(direct.rk);
}

/* --- the test ---------------------------------------------------------------------------- */

static int64_t published(void) {
    int64_t sum = 0;

    for (int i = 0; i < ORDEAL_RELAYS; i++) {
        int64_t count = stack_metric(ordeal_relays[i], "kpk_outbox_published_total");
        if (count > 0) sum += count;
    }
    return sum;
}

static bool relay_says_so(void *ctx) {
    (void)ctx;
    return !stack_ready(ordeal_relays[0]) || !stack_ready(ordeal_relays[1]);
}

static void nothing_is_written_below_min_isr(void **state) {
    (void)state;
    mended = false;
    direct_open();
    write_all(RD_KAFKA_RESP_ERR_NO_ERROR);
    outage_begin(&outage);
    outage_starts(&outage, "one of three brokers is left", 0);

    stack_stop(brokers[0]);
    stack_stop(brokers[1]);
    if (!wait_until(SETTLE_MS, is_refused, NULL))
        fail_msg("a producer is not refused but told %s", rd_kafka_err2name(direct.answer));
    if (!wait_until(SETTLE_MS, relay_says_so, NULL)) fail_msg("no relay says that it waits");
    int64_t before = published(), until_ms = outage.since_ms + outage_seconds() * 1000;
    do {
        outage_ask(&outage);
        outage_watch_outbox(&outage);
        assert_true(relay_says_so(NULL));
        write_all(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    } while (kpk_mono_ms() < until_ms);
    assert_int_equal(published(), before);

    stack_start(brokers[1]);
    if (!wait_until(SETTLE_MS, is_taken, NULL))
        fail_msg("two brokers are there, and a producer is told %s",
                 rd_kafka_err2name(direct.answer));
    outage_ends(&outage);
    write_all(RD_KAFKA_RESP_ERR_NO_ERROR);
    stack_start(brokers[0]);
    mended = true;
    outage_judge(&outage);
    direct_judge();
}

static bool is_ready(void *ctx) { return stack_ready(ctx); }

/* The next test finds three brokers, whatever became of this one. */
static int mend_all(void **state) {
    (void)state;
    if (!mended)
        for (int i = 0; i < BROKERS; i++) stack_start(brokers[i]);
    return wait_until(ALL_BACK_MS, is_ready, (void *)brokers[0]) ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nothing_is_written_below_min_isr, mend_all),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: too few replicas", tests, NULL, NULL);
}
