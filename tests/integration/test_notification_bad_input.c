/* Bad input over HTTP, against notification-service as it runs: each is refused with a problem that names the
 * field, and leaves no trace; and whatever is made of its own /openapi.json, it has an answer. */
#include "common/pg.h"
#include "services/notification/database.h"
#include "tests/support/http_stream.h"
#include "tests/support/notify.h"
#include "tests/support/openapi_fuzz.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REQUESTS = 4000, DOCUMENT_BYTES = 1 << 20 };

static struct kpk_err error, *err = &error;

static int post(const char *key, const char *body, cJSON **answer) {
    return notify_call(&(struct notification_call){.method = "POST",
                                                   .path = "/v1/notifications",
                                                   .idempotency_key = key,
                                                   .body = body},
                       answer);
}

static const char *text_of(const cJSON *object, const char *name) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));

    return text ? text : "";
}

/* How many notifications of 'recipient' there are. */
static long rows_of(const char *recipient) {
    static const struct kpk_pg_stmt stmt = {
        "count", "SELECT count(*) FROM notifications WHERE recipient_id = $1"};
    struct kpk_pg *pg;
    PGresult *result;

    assert_ok(notification_database_open(&pg, err), err);
    result = kpk_pg_exec(pg, &stmt, &recipient, 1, err);
    if (!result) fail_msg("%s", err->msg);
    long count = atol(PQgetvalue(result, 0, 0));
    PQclear(result);
    kpk_pg_close(pg);
    return count;
}

#define SHIPPED(data)                                                                          \
    "{\"recipient_id\":\"$\",\"template\":\"order_shipped\",\"data\":" data "}"
#define DATA "{\"order_id\":\"A\",\"carrier\":\"B\",\"tracking\":\"C\"}"

/* $ is the recipient's id. */
/* clang-format off */
static const struct {
    const char *body;
    int status;
    const char *field;
} refused[] = {
    {"", 422, "body"},
    {"[]", 422, "body"},
    {"{}", 422, "recipient_id"},
    {"{\"recipient_id\":\"$\"}", 422, "template"},
    {"{\"recipient_id\":\"$\",\"template\":\"order_shopped\",\"data\":" DATA "}", 422, "template"},
    {"{\"recipient_id\":\"$\",\"template\":\"order_shipped\"}", 422, "data"},
    {SHIPPED("{\"order_id\":\"A\",\"carrier\":\"B\"}"), 422, "data.tracking"},
    {SHIPPED("{\"order_id\":\"A\",\"carrier\":\"B\",\"tracking\":7}"), 422, "data.tracking"},
    {SHIPPED("{\"order_id\":\"A\\r\\nBcc: all@example.com\",\"carrier\":\"B\",\"tracking\":\"C\"}"), 422, "data.order_id"},
    {SHIPPED("{\"order_id\":\"A\\nB\",\"carrier\":\"B\",\"tracking\":\"C\"}"), 422, "data.order_id"},
    {SHIPPED("{\"order_id\":\"\\u001b[2J\",\"carrier\":\"B\",\"tracking\":\"C\"}"), 422, "data.order_id"},
    {SHIPPED("{\"order_id\":\"A\",\"carrier\":\"B\",\"tracking\":\"C\",\"to all\":\"x\"}"), 422, "data"},
    {"{\"recipient_id\":\"4\",\"template\":\"order_shipped\",\"data\":" DATA "}", 422, "recipient_id"},
    {"{\"recipient_id\":\"0\",\"template\":\"order_shipped\",\"data\":" DATA "}", 422, "recipient_id"},
    {"{\"recipient_id\":4,\"template\":\"order_shipped\",\"data\":" DATA "}", 422, "recipient_id"},
    {"{\"recipient_id\":\"$\",\"category\":\"order\",\"template\":\"marketing_offer\",\"data\":{\"title\":\"x\",\"text\":\"y\"}}", 422, "category"},
    {"{\"recipient_id\":\"$\",\"template\":\"order_shipped\",\"priority\":\"now\",\"data\":" DATA "}", 422, "priority"},
    {"{\"recipient_id\":\"$\",\"template\":\"order_shipped\",\"urgent\":true,\"data\":" DATA "}", 422, "urgent"},
};

static const struct {
    const char *body, *field;
} refused_contacts[] = {
    {"{\"email\":\"ada@example.com\\r\\nBcc: all@example.com\"}", "email"},
    {"{\"email\":\"ada@example.com\\nX: y\"}", "email"},
    {"{\"email\":\"ada@example.com, all@example.com\"}", "email"},
    {"{\"email\":\"<ada@example.com>\"}", "email"},
    {"{\"email\":\"ada\"}", "email"},
    {"{\"email\":\"\"}", "email"},
    {"{\"email\":null}", "email"},
    {"{\"phone\":\"+4917012345\\u0000\"}", "body"},
    {"{\"phone\":\"+491701234567&To=+49\"}", "phone"},
    {"{\"phone\":\"01701234567\"}", "phone"},
    {"{\"push_token\":\"../../v1/x\",\"platform\":\"fcm\"}", "push_token"},
    {"{\"push_token\":\"token-token-token\"}", "platform"},
    {"{\"platform\":\"fcm\"}", "push_token"},
    {"{\"push_token\":\"token-token-token\",\"platform\":\"fax\"}", "platform"},
    {"{\"mail\":\"ada@example.com\"}", "mail"},
};
/* clang-format on */

static void what_is_wrong_is_refused(void **state) {
    char body[600], key[KPK_UUID_BYTES];
    struct person ada;
    cJSON *answer;

    (void)state;
    person_make(&ada);
    person_register(&ada, 0);
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        const char *at = strchr(refused[i].body, '$');
        size_t head = at ? (size_t)(at - refused[i].body) : strlen(refused[i].body);
        snprintf(body, sizeof(body), "%.*s%s%s", (int)head, refused[i].body, at ? ada.id : "",
                 at ? at + 1 : "");
        kpk_uuid7(key);
        int status = post(key, body, &answer);
        if (status != refused[i].status ||
            strcmp(text_of(answer, "field"), refused[i].field) != 0)
            fail_msg("%s: %d %s %s", body, status, text_of(answer, "field"),
                     text_of(answer, "detail"));
        cJSON_Delete(answer);
    }
    char *large = malloc(20001);
    memset(large, ' ', 20000);
    large[20000] = '\0';
    assert_int_equal(post(key, large, NULL), 413);
    free(large);
    assert_int_equal(post(NULL, "{}", NULL), 400);
    assert_int_equal(rows_of(ada.id), 0);
}

static void addresses_that_are_none(void **state) {
    struct person ada;
    char path[128];
    cJSON *answer;

    (void)state;
    person_make(&ada);
    snprintf(path, sizeof(path), "/v1/users/%s", ada.id);
    for (size_t i = 0; i < sizeof(refused_contacts) / sizeof(*refused_contacts); i++) {
        int status = notify_call(&(struct notification_call){.method = "PUT",
                                                             .path = path,
                                                             .body = refused_contacts[i].body},
                                 &answer);
        if (status != 422 || strcmp(text_of(answer, "field"), refused_contacts[i].field) != 0)
            fail_msg("%s: %d %s %s", refused_contacts[i].body, status, text_of(answer, "field"),
                     text_of(answer, "detail"));
        cJSON_Delete(answer);
    }
    assert_int_equal(notify_call(&(struct notification_call){.path = path}, NULL), 404);
}

/* --- whatever comes ---------------------------------------------------------------------- */

static struct fuzz *open_fuzz(const char *recipient, const char *notification) {
    FILE *file = fopen("services/notification/notification-service/openapi.json", "r");
    char *document = calloc(1, DOCUMENT_BYTES);
    struct fuzz *fuzz;

    assert_non_null(file);
    assert_non_null(document);
    assert_true(fread(document, 1, DOCUMENT_BYTES - 1, file) > 0);
    fclose(file);
    fuzz = fuzz_open(document, 1);
    free(document);
    assert_non_null(fuzz);
    fuzz_know(fuzz, "recipient_id", recipient);
    fuzz_know(fuzz, "id", recipient);
    fuzz_know(fuzz, "uuid", notification);
    fuzz_know(fuzz, "template", "password_reset");
    fuzz_know(fuzz, "category", "account");
    fuzz_know(fuzz, "email", "fuzz@example.com");
    fuzz_know(fuzz, "phone", "+491701234567");
    return fuzz;
}

/* The answer's class. What ends without one, or is a 5xx that HTTP does not ask for, fails. */
static int judge(struct http_stream *stream, const struct fuzz_request *request) {
    static struct stream_answer answer;
    enum stream_result result = http_stream_read(stream, request->head, &answer);

    if (result != STREAM_ANSWER || (answer.status >= 500 && answer.status != 501))
        fail_msg("%s: %s\n--- sent\n%.600s\n--- answer\n%.300s", request->what,
                 result ? "no answer" : "a 5xx", request->bytes, result ? "" : answer.head);
    if (answer.closes) http_stream_close(stream);
    return answer.status / 100;
}

static void whatever_comes_is_answered(void **state) {
    static struct fuzz_request request;
    static struct http_stream stream = {.fd = -1};
    pid_t before = stack_pid("notification-service");
    char id[KPK_UUID_BYTES];
    int by_class[6] = {0};
    struct person ada;
    struct fuzz *fuzz;

    (void)state;
    person_make(&ada);
    person_register(&ada, 0);
    notify_ship(&ada, "A-22", id);
    fuzz = open_fuzz(ada.id, id);
    stream.port = stack_port("notification-service");
    for (int i = 0; i < REQUESTS;) {
        fuzz_make(fuzz, i % fuzz_paths(fuzz), &request);
        if (!request.whole) continue;
        if (http_stream_open(&stream, stream.port)) fail_msg("it takes no connection");
        http_stream_send(&stream, request.bytes, request.len);
        by_class[judge(&stream, &request) % 6]++;
        i++;
    }
    http_stream_close(&stream);
    fuzz_close(fuzz);
    print_message("answered 2xx %d, 4xx %d, 501 %d\n", by_class[2], by_class[4], by_class[5]);
    /* A generator that never gets through to a handler, or always, would prove little. */
    assert_true(by_class[2] > REQUESTS / 20 && by_class[4] > REQUESTS / 20);
    assert_int_equal(stack_pid("notification-service"), before);
}

static int open_all(void **state) {
    (void)state;
    assert_ok(kpk_topology_init(err), err);
    notify_open();
    return 0;
}

static int close_all(void **state) {
    (void)state;
    notify_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(addresses_that_are_none),
        cmocka_unit_test(whatever_comes_is_answered),
    };

    return cmocka_run_group_tests_name("notification-service: bad input", tests, open_all,
                                       close_all);
}
