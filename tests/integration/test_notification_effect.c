/* What a worker does with a batch of notifications, step by step: against PostgreSQL, in a schema of its own,
 * and a gateway that this test plays, so that it is known what was sent, how often, and under which key. */
#include "common/fault.h"
#include "common/http.h"
#include "services/notification/channel.h"
#include "services/notification/database.h"
#include "services/notification/request.h"
#include "tests/support/http_raw.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64, BATCH = 16, BACK_MS = 20000, BREAKER_FAILURES = 3, RETRY_AFTER_S = 7 };

static struct kpk_err error, *err = &error;
static struct kpk_pg *pg;
static void *effect_ctx;
static const struct kpk_fanout_effect *const effect = &notify_by_channel;

/* --- the gateway ------------------------------------------------------------------------- */

struct sent {
    char key[80], to[24], body[400];
};

static struct {
    pthread_mutex_t lock;
    struct kpk_http *http;
    int port;
    struct sent sent[MOST]; /* those it accepted */
    int accepted, asked;
    int status[10]; /* its answer, by the last digit of the number; 0: accepted */
} gateway = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void keep(const struct kpk_request *request) {
    struct sent *sent = &gateway.sent[gateway.accepted++ % MOST];

    snprintf(sent->key, sizeof(sent->key), "%s", kpk_http_header(request, "Idempotency-Key"));
    snprintf(sent->to, sizeof(sent->to), "%s", kpk_http_form(request, "To"));
    snprintf(sent->body, sizeof(sent->body), "%s", kpk_http_form(request, "Body"));
}

static void on_message(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    const char *to = kpk_http_form(request, "To");
    char answer[64];

    (void)ctx;
    pthread_mutex_lock(&gateway.lock);
    int status = gateway.status[to[strlen(to) - 1] - '0'];
    gateway.asked++;
    if (!status) keep(request);
    snprintf(answer, sizeof(answer), "{\"sid\":\"SM%d\"}", gateway.accepted);
    pthread_mutex_unlock(&gateway.lock);
    if (status == 429) {
        snprintf(answer, sizeof(answer), "%d", RETRY_AFTER_S);
        kpk_http_set_header(response, "Retry-After", answer);
        kpk_http_json_text(response, status, "{\"message\":\"too many\"}");
    } else if (status) {
        kpk_http_json_text(response, status, "{\"code\":21211,\"message\":\"no such number\"}");
    } else {
        kpk_http_json_text(response, 201, answer);
    }
}

static void gateway_open_again(void) {
    static const struct kpk_route routes[] = {
        {"POST", "/2010-04-01/Accounts/{account}/Messages.json", on_message, 4096}, {0}};

    assert_ok(kpk_http_open(&gateway.http,
                            &(struct kpk_http_opts){
                                .port = gateway.port, .routes = routes, .forms = true},
                            err),
              err);
}

static void gateway_shut(void) {
    kpk_http_close(gateway.http);
    gateway.http = NULL;
}

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

static void assert_row(const char *id, const char *expected) {
    char question[512];

    snprintf(question, sizeof(question),
             "SELECT concat_ws(' ', status, attempts, reason, provider_id) FROM deliveries "
             "WHERE notification_id = '%s' AND channel = 'sms'",
             id);
    assert_string_equal(sql_ask(pg, question), expected);
}

/* --- batches ----------------------------------------------------------------------------- */

struct asked {
    const char *id; /* the last two digits */
    int recipient;
};

static bool last_try;

static char ids[MOST][KPK_UUID_BYTES];

static void note(const struct asked *asked, int i) {
    char json[512];
    struct kpk_event event = {
        .type = NOTIFICATION_REQUESTED, .data = json, .last_try = last_try};

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

    snprintf(url, sizeof(url), "http://127.0.0.1:%d", gateway.port);
    opts.url = url;
    notification_channel_use(&opts);
    assert_ok(effect->open(&effect_ctx, BATCH, err), err);
}

static void fault(const char *asked) {
    setenv("KPK_FAULT", asked, 1);
    assert_ok(kpk_fault_init(err), err);
}

static int begin_test(void **state) {
    (void)state;
    gateway.accepted = gateway.asked = 0;
    last_try = false;
    memset(gateway.status, 0, sizeof(gateway.status));
    make_users();
    open_effect();
    return 0;
}

static int end_test(void **state) {
    (void)state;
    fault("");
    effect->close(effect_ctx);
    if (!gateway.http) gateway_open_again();
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
    assert_int_equal(gateway.asked, 2);
    snprintf(key, sizeof(key), "%s:sms", ids[0]);
    assert_string_equal(gateway.sent[0].key, key);
    assert_string_equal(gateway.sent[0].to, "+49155000001");
    assert_string_equal(gateway.sent[0].body, "Order 01 is delivered: door");
    assert_string_equal(gateway.sent[1].body, "Order 05 is delivered: door");
    assert_row(ids[0], "delivered 1 SM1");
    assert_row(ids[1], "skipped 0 no address");
    assert_row(ids[2], "skipped 0 shipping by sms: not allowed");
    assert_row(ids[3], "rejected 0 recipient_id: no user 12");

    /* Again, and all at once with what is new. */
    assert_ok(run(batch), err);
    assert_int_equal(gateway.asked, 2);
    assert_row(ids[0], "delivered 1 SM1");
    sql("INSERT INTO contacts (user_id, phone) VALUES (12, '+49155000012')");
    assert_ok(run(batch), err); /* the letter of the unknown user, redriven */
    assert_int_equal(outcome(3), KPK_OK);
    assert_int_equal(gateway.asked, 3);
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
    assert_int_equal(gateway.asked, 0);
    assert_row("019ab000-0000-7000-8000-000000000009",
               "skipped 0 mention by sms: not allowed by default");
}

static void what_is_refused_is_told_apart(void **state) {
    static const struct asked batch[] = {{"11", 1}, {"12", 2}, {"13", 3}, {0}};

    (void)state;
    gateway.status[2] = 400;
    gateway.status[3] = 429;
    assert_ok(run(batch), err);
    assert_int_equal(outcome(0), KPK_OK);
    assert_int_equal(outcome(1), KPK_REJECT);
    assert_int_equal(outcome(2), KPK_RETRY);
    assert_int_equal(error.retry_after_ms, RETRY_AFTER_S * 1000);
    assert_row(ids[1], "rejected 1 sms: 400 21211 no such number");
    assert_row(ids[2], "retrying 1 sms: 429 0 too many");

    /* From a retry tier, and redriven once the number is right. */
    gateway.status[2] = gateway.status[3] = 0;
    assert_ok(run(batch), err);
    for (size_t i = 0; i < 3; i++) assert_int_equal(outcome(i), KPK_OK);
    assert_int_equal(gateway.accepted, 3);
    assert_row(ids[1], "delivered 2 SM2");
    assert_row(ids[2], "delivered 2 SM3");
}

/* What becomes a dead letter does not go on saying that it will be tried again. */
static void the_last_try_is_told_as_such(void **state) {
    static const struct asked batch[] = {{"21", 2}, {"22", 3}, {0}};

    (void)state;
    last_try = true;
    gateway.status[2] = 503;
    assert_ok(run(batch), err);
    assert_int_equal(outcome(0), KPK_REJECT);
    assert_int_equal(outcome(1), KPK_OK);
    assert_row(ids[0], "rejected 1 tries used up: sms: 503 21211 no such number");
    assert_row(ids[1], "delivered 1 SM1");
}

/* The process dies, as far as it can be told from outside: a new one begins without a memory. */
static void die(void) {
    effect->close(effect_ctx);
    fault("");
    open_effect();
}

/* A failure at each step, and the same batch again: by the same process, or by the next one. */
static void check_crash(const char *point, bool dies, int sent_before, int sent_in_all) {
    static const struct asked batch[] = {{"21", 1}, {"22", 2}, {"23", 12}, {0}};
    char asked[64];

    make_users();
    gateway.asked = gateway.accepted = 0;
    snprintf(asked, sizeof(asked), "notification:%s=error", point);
    fault(asked);
    assert_int_equal(run(batch), -1);
    assert_int_equal(err->verdict, KPK_WAIT);
    assert_int_equal(gateway.asked, sent_before);
    if (dies) die();
    assert_ok(run(batch), err);
    assert_int_equal(outcome(0), KPK_OK);
    assert_int_equal(outcome(2), KPK_REJECT);
    if (gateway.asked != sent_in_all)
        fail_msg("%s, %s: sent %d times, not %d", point, dies ? "dies" : "fails", gateway.asked,
                 sent_in_all);
    /* Whoever sends again does so under the same key, in the same order. */
    for (int i = 2; i < gateway.accepted; i++)
        assert_string_equal(gateway.sent[i].key, gateway.sent[i - 2].key);
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

static bool applied(void *ctx) {
    int failed = run(ctx);

    if (failed) assert_int_equal(err->verdict, KPK_WAIT);
    return !failed;
}

static void a_gateway_that_is_down(void **state) {
    static const struct asked batch[] = {{"31", 1}, {"32", 2}, {"33", 3}, {"34", 10},
                                         {"35", 4}, {"36", 5}, {0}};

    (void)state;
    gateway_shut();
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
    gateway_open_again();
    assert_true(wait_until(BACK_MS, applied, (void *)batch));
    for (size_t i = 0; i < 6; i++) assert_int_equal(outcome(i), KPK_OK);
    assert_int_equal(gateway.accepted, 5);
    assert_string_equal(
        sql_ask(pg,
                "SELECT count(*) FROM deliveries WHERE status = 'delivered' AND attempts = 1"),
        "5");
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
    assert_int_equal(gateway.asked, 3);
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
    gateway.port = raw_free_port();
    gateway_open_again();
    return 0;
}

static int close_all(void **state) {
    char drop[KPK_NAME_BYTES + 64];

    (void)state;
    snprintf(drop, sizeof(drop), "DROP SCHEMA %s CASCADE", notification_schema());
    sql(drop);
    kpk_pg_close(pg);
    gateway_shut();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_gets_what_he_allows, begin_test, end_test),
        cmocka_unit_test_setup_teardown(a_default_that_forbids_says_so, begin_test, end_test),
        cmocka_unit_test_setup_teardown(what_is_refused_is_told_apart, begin_test, end_test),
        cmocka_unit_test_setup_teardown(the_last_try_is_told_as_such, begin_test, end_test),
        cmocka_unit_test_setup_teardown(a_failure_at_each_step, begin_test, end_test),
        cmocka_unit_test_setup_teardown(a_gateway_that_is_down, begin_test, end_test),
        cmocka_unit_test_setup_teardown(two_at_once, begin_test, end_test),
    };

    return cmocka_run_group_tests_name("notification: the effect of a worker", tests, open_all,
                                       close_all);
}
