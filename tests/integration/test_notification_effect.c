/* What a worker does with a batch of notifications, step by step: against PostgreSQL, in a schema of its own,
 * and a gateway that this test plays, so that it is known what was sent, how often, and under which key. */
#include "common/clock.h"
#include "common/fault.h"
#include "services/notification/channel.h"
#include "services/notification/database.h"
#include "services/notification/request.h"
#include "tests/support/sms_gateway.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64, BATCH = 16, BACK_MS = 20000, BREAKER_FAILURES = 3 };
enum { TIER_MS = 3600000 }; /* the delay of the last tier, say: longer than a test takes */

static struct kpk_err error, *err = &error;
static struct kpk_pg *pg;
static void *effect_ctx;
static const struct kpk_fanout_effect *const effect = &notify_by_channel;

/* --- the world --------------------------------------------------------------------------- */

static void sql(const char *text) {
    assert_ok(kpk_pg_ensure(pg, err), err);
    assert_ok(kpk_pg_query(pg, text, text, err), err);
}

/* Users 1 to 9 have a number that ends with their digit; 10 has none, 11 forbids, 12 is unknown. */
static void make_users(void) {
    sql("TRUNCATE contacts, preferences, notifications, deliveries");
    sql("INSERT INTO contacts (user_id, phone) "
        "SELECT id, '+4915500000' || id FROM generate_series(1, 9) AS id");
    sql("INSERT INTO contacts (user_id, email) VALUES (10, 'ten@example.com')");
    sql("INSERT INTO contacts (user_id, phone) VALUES (11, '+49155000011')");
    sql("INSERT INTO preferences VALUES (11, 'sms', 'shipping', false)");
}

static const char *row_of(const char *id) {
    char question[512];

    snprintf(question, sizeof(question),
             "SELECT concat_ws(' ', status, attempts, reason, provider_id) FROM deliveries "
             "WHERE notification_id = '%s' AND channel = 'sms'",
             id);
    return sql_ask(pg, question);
}

static void assert_row(const char *id, const char *expected) {
    assert_string_equal(row_of(id), expected);
}

static void assert_row_begins(const char *id, const char *expected) {
    const char *row = row_of(id);

    if (strncmp(row, expected, strlen(expected)) != 0) fail_msg("%s", row);
}

/* --- batches ----------------------------------------------------------------------------- */

struct asked {
    const char *id; /* the last two digits */
    int recipient;
};

static bool last_try;
static int waited_ms;
static char ids[MOST][KPK_UUID_BYTES];

static void note(const struct asked *asked, int i) {
    char json[512];
    struct kpk_event event = {.type = NOTIFICATION_REQUESTED,
                              .data = json,
                              .last_try = last_try,
                              .waited_ms = waited_ms};

    snprintf(ids[i], KPK_UUID_BYTES, "019ab000-0000-7000-8000-0000000000%s", asked->id);
    snprintf(
        json, sizeof(json),
        "{\"notification_id\":\"%s\",\"recipient_id\":\"%d\",\"category\":\"shipping\","
        "\"template\":\"order_delivered\",\"data\":{\"order_id\":\"%s\",\"place\":\"door\"},"
        "\"priority\":\"normal\",\"created_at\":1}",
        ids[i], asked->recipient, asked->id);
    event.len = strlen(json);
    assert_ok(effect->note(effect_ctx, &event, err), err);
}

static int run(const struct asked *batch) {
    effect->begin(effect_ctx);
    for (int i = 0; batch[i].id; i++) note(&batch[i], i);
    return effect->apply(effect_ctx, err);
}

static enum kpk_verdict outcome(size_t index) {
    struct kpk_err why = {0};
    int failed = effect->outcome(effect_ctx, index, &why);

    assert_int_equal(failed, why.verdict == KPK_OK ? 0 : -1);
    error = why;
    return why.verdict;
}

static void open_effect(void) {
    static struct notification_provider_opts opts = {.channel = NOTIFICATION_SMS,
                                                     .breaker_failures = BREAKER_FAILURES,
                                                     .breaker_ms = 50,
                                                     .in_flight =
                                                         1, /* in the order of the batch */
                                                     .timeout_ms = 2000};
    static char url[64];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d", sms_gateway.port);
    opts.url = url;
    notification_channel_use(&opts);
    assert_ok(effect->open(&effect_ctx, BATCH, err), err);
}

static void fault(const char *asked) {
    setenv("KPK_FAULT", asked, 1);
    assert_ok(kpk_fault_init(err), err);
}

/* The process dies, as far as it can be told from outside: a new one begins without a memory. */
static void die(void) {
    effect->close(effect_ctx);
    fault("");
    open_effect();
}

static bool applied(void *ctx) {
    int failed = run(ctx);

    if (failed) assert_int_equal(err->verdict, KPK_WAIT);
    return !failed;
}

static int begin_test(void **state) {
    (void)state;
    sms_gateway_forget();
    last_try = false;
    waited_ms = 0;
    make_users();
    open_effect();
    return 0;
}

static int end_test(void **state) {
    (void)state;
    fault("");
    effect->close(effect_ctx);
    if (!sms_gateway.http) sms_gateway_open();
    return 0;
}

/* --- the tests --------------------------------------------------------------------------- */

static void each_gets_what_he_allows(void **state) {
    static const struct asked batch[] = {{"01", 1}, {"02", 10}, {"03", 11}, {"04", 12},
                                         {"05", 1}, {"01", 1},  {0}};
    char key[80];

    (void)state;
    assert_ok(run(batch), err);
    assert_int_equal(outcome(0), KPK_OK);
    assert_int_equal(outcome(1), KPK_OK);
    assert_int_equal(outcome(2), KPK_OK);
    assert_int_equal(outcome(3), KPK_REJECT);
    assert_string_equal(error.msg, "recipient_id: no user 12");
    assert_int_equal(outcome(4), KPK_OK);
    assert_int_equal(outcome(5), KPK_OK); /* the same as the first: done once */
    assert_int_equal(sms_gateway.asked, 2);
    snprintf(key, sizeof(key), "%s:sms", ids[0]);
    assert_string_equal(sms_gateway.sent[0].key, key);
    assert_string_equal(sms_gateway.sent[0].to, "+49155000001");
    assert_string_equal(sms_gateway.sent[0].body, "Order 01 is delivered: door");
    assert_string_equal(sms_gateway.sent[1].body, "Order 05 is delivered: door");
    assert_row(ids[0], "delivered 1 SM1");
    assert_row(ids[1], "skipped 0 no address");
    assert_row(ids[2], "skipped 0 shipping by sms: not allowed");
    assert_row(ids[3], "rejected 0 recipient_id: no user 12");

    /* Again, and all at once with what is new. */
    assert_ok(run(batch), err);
    assert_int_equal(sms_gateway.asked, 2);
    assert_row(ids[0], "delivered 1 SM1");
    sql("INSERT INTO contacts (user_id, phone) VALUES (12, '+49155000012')");
    assert_ok(run(batch), err); /* the letter of the unknown user, redriven */
    assert_int_equal(outcome(3), KPK_OK);
    assert_int_equal(sms_gateway.asked, 3);
    assert_row(ids[3], "delivered 1 SM3");
}

static void a_default_that_forbids_says_so(void **state) {
    static const char mention[] =
        "{\"notification_id\":\"019ab000-0000-7000-8000-000000000009\",\"recipient_id\":\"1\","
        "\"category\":\"mention\",\"template\":\"mention\",\"data\":{\"author_handle\":\"ada\","
        "\"text\":\"hi\"},\"priority\":\"normal\",\"created_at\":1}";
    struct kpk_event event = {
        .type = NOTIFICATION_REQUESTED, .data = mention, .len = strlen(mention)};

    (void)state;
    effect->begin(effect_ctx);
    assert_ok(effect->note(effect_ctx, &event, err), err);
    assert_ok(effect->apply(effect_ctx, err), err);
    assert_int_equal(sms_gateway.asked, 0);
    assert_row("019ab000-0000-7000-8000-000000000009",
               "skipped 0 mention by sms: not allowed by default");
}

static void what_is_refused_is_told_apart(void **state) {
    static const struct asked batch[] = {{"11", 1}, {"12", 2}, {"13", 3}, {0}};

    (void)state;
    sms_gateway.status[2] = 400;
    sms_gateway.status[3] = 429;
    assert_ok(run(batch), err);
    assert_int_equal(outcome(0), KPK_OK);
    assert_int_equal(outcome(1), KPK_REJECT);
    assert_int_equal(outcome(2), KPK_RETRY);
    assert_int_equal(error.retry_after_ms, SMS_RETRY_AFTER_S * 1000);
    assert_row(ids[1], "rejected 1 sms: 400 21211 no such number");
    assert_row(ids[2], "retrying 1 sms: 429 0 too many");

    /* From a retry tier, and redriven once the number is right. */
    sms_gateway.status[2] = sms_gateway.status[3] = 0;
    assert_ok(run(batch), err);
    for (size_t i = 0; i < 3; i++) assert_int_equal(outcome(i), KPK_OK);
    assert_int_equal(sms_gateway.accepted, 3);
    assert_row(ids[1], "delivered 2 SM2");
    assert_row(ids[2], "delivered 2 SM3");
}

/* What becomes a dead letter does not go on saying that it will be tried again. */
static void the_last_try_is_told_as_such(void **state) {
    static const struct asked before[] = {{"20", 1}, {0}},
                              batch[] = {{"21", 2}, {"22", 3}, {"23", 4}, {0}};

    (void)state;
    assert_ok(run(before), err); /* while those of the batch were in the last tier */
    last_try = true;
    waited_ms = TIER_MS;
    sms_gateway.status[2] = 503;
    sms_gateway.status[4] = 429;
    assert_ok(run(batch), err);
    assert_int_equal(outcome(0), KPK_REJECT);
    assert_int_equal(outcome(1), KPK_OK);
    assert_int_equal(outcome(2), KPK_REJECT);
    assert_row(ids[0], "rejected 1 tries used up: sms: 503 21211 no such number");
    assert_row(ids[1], "delivered 1 SM2");
    assert_row(ids[2], "rejected 1 tries used up: sms: 429 0 too many");
}

static void pass_a_while(void) {
    int64_t until_ms = kpk_mono_ms() + 10;

    while (kpk_mono_ms() < until_ms) usleep(1000);
}

static void assert_one_more_try(const struct asked *batch, size_t count) {
    assert_ok(run(batch), err);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(outcome(i), KPK_RETRY);
        assert_true(error.uncounted);
    }
}

/* Too few to open a breaker, and each has used up its tries: none is a dead letter, as long as the outage
 * may last, and with it back all are delivered. */
static void an_outage_that_few_see_makes_no_dead_letter(void **state) {
    static const struct asked before[] = {{"30", 1}, {0}},
                              batch[] = {{"31", 2}, {"32", 3}, {0}};

    (void)state;
    assert_ok(run(before), err);
    pass_a_while(); /* that answer is older than the waiting of the batch */
    last_try = true;
    waited_ms = 1;
    sms_gateway.status[2] = sms_gateway.status[3] = 503;
    assert_one_more_try(batch, 2);
    waited_ms = TIER_MS;
    die(); /* the next process knows of no answer at all */
    for (int minutes = 1; minutes < 5; minutes++) assert_one_more_try(batch, 2);
    assert_row(ids[0], "retrying 5 sms: 503 21211 no such number");
    sms_gateway.status[2] = sms_gateway.status[3] = 0;
    assert_ok(run(batch), err);
    for (size_t i = 0; i < 2; i++) assert_int_equal(outcome(i), KPK_OK);
    assert_row(ids[0], "delivered 6 SM2");
}

/* One that fails for a reason of its own, first of all while there is nobody else: it holds up none, and as soon
 * as another has had an answer its next failure is the last. */
static void one_that_fails_alone_ends_as_a_dead_letter(void **state) {
    static const struct asked bad[] = {{"41", 2}, {0}}, good[] = {{"42", 3}, {0}};

    (void)state;
    last_try = true;
    waited_ms = TIER_MS;
    sms_gateway.status[2] = 500;
    for (int minutes = 0; minutes < 5; minutes++) assert_one_more_try(bad, 1);
    assert_ok(run(good), err);
    assert_int_equal(outcome(0), KPK_OK);
    assert_ok(run(bad), err);
    assert_int_equal(outcome(0), KPK_REJECT);
    assert_row(ids[0], "rejected 6 tries used up: sms: 500 21211 no such number");
}

/* One is enough to see that there is no connection: it waits, and is no attempt, last try or not. */
static void no_connection_is_nobodys_failure(void **state) {
    static const struct asked batch[] = {{"51", 2}, {0}};

    (void)state;
    last_try = true;
    waited_ms = TIER_MS;
    sms_gateway_shut();
    for (int times = 0; times < 3; times++) {
        assert_int_equal(run(batch), -1);
        assert_int_equal(err->verdict, KPK_WAIT);
        assert_row_begins(ids[0], "waiting 0 sms: down for ");
    }
    /* Back, it fails by itself: the breaker is no reason to wait any more. */
    sms_gateway.status[2] = 500;
    sms_gateway_open();
    assert_true(wait_until(BACK_MS, applied, (void *)batch));
    assert_int_equal(outcome(0), KPK_RETRY);
    assert_row(ids[0], "retrying 1 sms: 500 21211 no such number");
    sms_gateway.status[2] = 0;
    assert_ok(run(batch), err);
    assert_row(ids[0], "delivered 2 SM1");
}

/* A failure at each step, and the same batch again: by the same process, or by the next one. */
static void check_crash(const char *point, bool dies, int sent_before, int sent_in_all) {
    static const struct asked batch[] = {{"21", 1}, {"22", 2}, {"23", 12}, {0}};
    char asked[64];

    make_users();
    sms_gateway.asked = sms_gateway.accepted = 0;
    snprintf(asked, sizeof(asked), "notification:%s=error", point);
    fault(asked);
    assert_int_equal(run(batch), -1);
    assert_int_equal(err->verdict, KPK_WAIT);
    assert_int_equal(sms_gateway.asked, sent_before);
    if (dies) die();
    assert_ok(run(batch), err);
    assert_int_equal(outcome(0), KPK_OK);
    assert_int_equal(outcome(2), KPK_REJECT);
    if (sms_gateway.asked != sent_in_all)
        fail_msg("%s, %s: sent %d times, not %d", point, dies ? "dies" : "fails",
                 sms_gateway.asked, sent_in_all);
    /* Whoever sends again does so under the same key, in the same order. */
    for (int i = 2; i < sms_gateway.accepted; i++)
        assert_string_equal(sms_gateway.sent[i].key, sms_gateway.sent[i - 2].key);
    assert_string_equal(
        sql_ask(pg, "SELECT count(*) FROM deliveries WHERE status = 'delivered'"), "2");
    assert_string_equal(sql_ask(pg, "SELECT count(*) FROM deliveries"), "3");
}

static void a_failure_at_each_step(void **state) {
    (void)state;
    check_crash("after-claim", false, 0, 2);
    check_crash("after-claim", true, 0, 2);
    check_crash("after-send", false, 2, 2); /* what could not be recorded is kept */
    check_crash("after-send", true, 2, 4);  /* nobody knows: again, under the same keys */
    check_crash("after-record", false, 2, 2);
    check_crash("after-record", true, 2, 2);
}

static void a_gateway_that_is_down(void **state) {
    static const struct asked batch[] = {{"31", 1}, {"32", 2}, {"33", 3}, {"34", 10},
                                         {"35", 4}, {"36", 5}, {0}};

    (void)state;
    sms_gateway_shut();
    assert_int_equal(run(batch), -1);
    assert_int_equal(err->verdict, KPK_WAIT);
    /* Those that need no gateway are done; what was not delivered was no attempt. */
    assert_row(ids[3], "skipped 0 no address");
    assert_string_equal(
        sql_ask(pg,
                "SELECT count(*) FROM deliveries WHERE status = 'waiting' AND attempts = 0"),
        "5");
    assert_int_equal(run(batch), -1);
    assert_int_equal(err->verdict, KPK_WAIT);
    sms_gateway_open();
    assert_true(wait_until(BACK_MS, applied, (void *)batch));
    for (size_t i = 0; i < 6; i++) assert_int_equal(outcome(i), KPK_OK);
    assert_int_equal(sms_gateway.accepted, 5);
    assert_string_equal(
        sql_ask(pg,
                "SELECT count(*) FROM deliveries WHERE status = 'delivered' AND attempts = 1"),
        "5");
}

/* A batch that waits for its provider does not ask again, each time, for those that it has an answer to. */
static void while_it_waits_an_answer_stands(void **state) {
    static const struct asked batch[] = {{"61", 1}, {"62", 2}, {"63", 3},
                                         {"64", 4}, {"65", 5}, {0}};

    (void)state;
    sms_gateway.status[1] = 400;
    sms_gateway.status[2] = 429;
    for (int i = 3; i <= 5; i++) sms_gateway.status[i] = 503;
    for (int times = 0; times < 10; times++) {
        assert_int_equal(run(batch), -1);
        assert_int_equal(err->verdict, KPK_WAIT);
    }
    assert_row(ids[0], "rejected 1 sms: 400 21211 no such number");
    assert_row(ids[1], "retrying 1 sms: 429 0 too many");
    memset(sms_gateway.status, 0, sizeof(sms_gateway.status));
    assert_true(wait_until(BACK_MS, applied, (void *)batch));
    assert_int_equal(outcome(0), KPK_REJECT);
    assert_int_equal(outcome(1), KPK_RETRY);
    assert_int_equal(error.retry_after_ms, SMS_RETRY_AFTER_S * 1000);
    for (size_t i = 2; i < 5; i++) assert_int_equal(outcome(i), KPK_OK);
    /* That was that batch. In the next one, which may be from a tier, they are tried. */
    assert_ok(run(batch), err);
    assert_row(ids[0], "delivered 2 SM4");
    assert_row(ids[1], "delivered 2 SM5");
}

/* Two workers, as while partitions move: whoever comes second finds it done. */
static void two_at_once(void **state) {
    static const struct asked batch[] = {{"41", 1}, {"42", 2}, {"43", 3}, {0}};
    void *first = effect_ctx, *second;

    (void)state;
    open_effect();
    second = effect_ctx;
    effect_ctx = first;
    assert_ok(run(batch), err);
    effect_ctx = second;
    assert_ok(run(batch), err);
    for (size_t i = 0; i < 3; i++) assert_int_equal(outcome(i), KPK_OK);
    assert_int_equal(sms_gateway.asked, 3);
    effect->close(second);
    effect_ctx = first;
}

/* --- begin and end ----------------------------------------------------------------------- */

static int open_all(void **state) {
    const char *own = getenv("KPK_NAMESPACE");
    char name[128];

    (void)state;
    snprintf(name, sizeof(name), "%s%sx_effect_%d", own ? own : "", own && *own ? "_" : "",
             (int)getpid());
    setenv("KPK_NAMESPACE", name, 1);
    assert_ok(kpk_topology_init(err), err);
    assert_ok(notification_database_open(&pg, err), err);
    assert_ok(notification_database_migrate(pg, err), err);
    sms_gateway_open();
    return 0;
}

static int close_all(void **state) {
    char drop[KPK_NAME_BYTES + 64];

    (void)state;
    snprintf(drop, sizeof(drop), "DROP SCHEMA %s CASCADE", notification_schema());
    sql(drop);
    kpk_pg_close(pg);
    sms_gateway_shut();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_gets_what_he_allows, begin_test, end_test),
        cmocka_unit_test_setup_teardown(a_default_that_forbids_says_so, begin_test, end_test),
        cmocka_unit_test_setup_teardown(what_is_refused_is_told_apart, begin_test, end_test),
        cmocka_unit_test_setup_teardown(the_last_try_is_told_as_such, begin_test, end_test),
        cmocka_unit_test_setup_teardown(an_outage_that_few_see_makes_no_dead_letter, begin_test,
                                        end_test),
        cmocka_unit_test_setup_teardown(one_that_fails_alone_ends_as_a_dead_letter, begin_test,
                                        end_test),
        cmocka_unit_test_setup_teardown(no_connection_is_nobodys_failure, begin_test, end_test),
        cmocka_unit_test_setup_teardown(a_failure_at_each_step, begin_test, end_test),
        cmocka_unit_test_setup_teardown(a_gateway_that_is_down, begin_test, end_test),
        cmocka_unit_test_setup_teardown(while_it_waits_an_answer_stands, begin_test, end_test),
        cmocka_unit_test_setup_teardown(two_at_once, begin_test, end_test),
    };

    return cmocka_run_group_tests_name("notification: the effect of a worker", tests, open_all,
                                       close_all);
}
