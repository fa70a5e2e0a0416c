/* services/notification/request: what is a request to notify, and what a stranger's record says instead.
 * Twitter's own event is among them: it is all that the two systems have in common. */
#include "services/notification/request.h"

#include "services/twitter/mentions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct kpk_event event_of(const char *json) {
    return (struct kpk_event){
        .type = NOTIFICATION_REQUESTED, .data = json, .len = strlen(json)};
}

#define ID "\"notification_id\":\"019ab000-0000-7000-8000-000000000000\","
#define WHO "\"recipient_id\":\"2\","
#define WHAT "\"category\":\"account\",\"template\":\"password_reset\","
#define REST "\"priority\":\"high\",\"created_at\":1"
#define DATA "\"data\":{\"code\":\"123\"},"
#define SAYS(value) "{" ID WHO WHAT "\"data\":{\"code\":" value "}," REST "}"
#define TEN "xxxxxxxxxx"
#define THIRTY TEN TEN TEN

/* clang-format off */
static const struct {
    const char *json;
    const char *blames; /* how the message begins; NULL: it is fine */
} cases[] = {
    {"{" ID WHO WHAT DATA REST "}", NULL},
    {"{" ID WHO WHAT DATA REST ",\"new_member\":[1]}", NULL},
    {SAYS("\"\""), NULL},
    {SAYS("\"a\\nb\\tc\""), NULL},
    {SAYS("\"123\",\"more\":\"x\""), NULL},
    {SAYS("\"" THIRTY "\",\"" TEN TEN TEN "yy\":\"\""), NULL},
    {"", "not JSON"},
    {"good morning", "not"},
    {"[]", "not a JSON object"},
    {"{}", "notification_id: missing"},
    {"{" WHO WHAT DATA REST "}", "notification_id: missing"},
    {"{\"notification_id\":7," WHO WHAT DATA REST "}", "notification_id: must be a string"},
    {"{\"notification_id\":\"7\"," WHO WHAT DATA REST "}", "notification_id: not a UUID"},
    {"{\"notification_id\":\"019AB000-0000-7000-8000-000000000000\"," WHO WHAT DATA REST "}", "notification_id: not a UUID"},
    {"{" ID WHAT DATA REST "}", "recipient_id: missing"},
    {"{" ID "\"recipient_id\":2," WHAT DATA REST "}", "recipient_id: must be a string"},
    {"{" ID "\"recipient_id\":\"0\"," WHAT DATA REST "}", "recipient_id: not a user id"},
    {"{" ID "\"recipient_id\":\"\"," WHAT DATA REST "}", "recipient_id: not a user id"},
    {"{" ID "\"recipient_id\":\"-2\"," WHAT DATA REST "}", "recipient_id: not a user id"},
    {"{" ID "\"recipient_id\":\"9223372036854775807\"," WHAT DATA REST "}", NULL},
    {"{" ID "\"recipient_id\":\"9223372036854775808\"," WHAT DATA REST "}", "recipient_id: not a user id"},
    {"{" ID "\"recipient_id\":\"1 OR 1=1\"," WHAT DATA REST "}", "recipient_id: not a user id"},
    {"{" ID WHO "\"template\":\"password_reset\"," DATA REST "}", "category: missing"},
    {"{" ID WHO "\"category\":\"order\",\"template\":\"password_reset\"," DATA REST "}", "category: template password_reset is of account, not of 'order'"},
    {"{" ID WHO "\"category\":\"account\"," DATA REST "}", "template: missing"},
    {"{" ID WHO "\"category\":\"account\",\"template\":\"nothing\"," DATA REST "}", "template: there is no 'nothing'"},
    {"{" ID WHO "\"category\":\"account\",\"template\":\"\"," DATA REST "}", "template: there is no ''"},
    {"{" ID WHO "\"category\":\"account\",\"template\":\"" THIRTY THIRTY "\"," DATA REST "}", "template: longer than"},
    {"{" ID WHO WHAT DATA "\"created_at\":1}", "priority: missing"},
    {"{" ID WHO WHAT DATA "\"priority\":\"urgent\",\"created_at\":1}", "priority: none of"},
    {"{" ID WHO WHAT DATA "\"priority\":1,\"created_at\":1}", "priority: must be a string"},
    {"{" ID WHO WHAT DATA "\"priority\":\"high\"}", "created_at: missing"},
    {"{" ID WHO WHAT DATA "\"priority\":\"high\",\"created_at\":-1}", "created_at: must be from"},
    {"{" ID WHO WHAT DATA "\"priority\":\"high\",\"created_at\":1.5}", "created_at: must be a whole"},
    {"{" ID WHO WHAT REST "}", "data: missing"},
    {"{" ID WHO WHAT "\"data\":[]," REST "}", "data: must be an object"},
    {"{" ID WHO WHAT "\"data\":\"code\"," REST "}", "data: must be an object"},
    {SAYS("7"), "data.code: must be a string"},
    {SAYS("null"), "data.code: must be a string"},
    {SAYS("{\"a\":\"b\"}"), "data.code: must be a string"},
    {SAYS("\"\\u0000\""), "not JSON: \\u0000"},
    {SAYS("\"\\u001b[2J\""), "data.code: control character U+001B"},
    {SAYS("\"a\\r\\nb\""), "data.code: control character U+000D"},
    {SAYS("\"\\u007f\""), "data.code: control character U+007F"},
    {SAYS("\"\\u0085\""), "data.code: control character U+0085"},
    {SAYS("\"1\",\"\":\"x\""), "data: a member's name"},
    {SAYS("\"1\",\"Code\":\"x\""), "data: a member's name"},
    {SAYS("\"1\",\"a b\":\"x\""), "data: a member's name"},
    {SAYS("\"1\",\"a}\":\"x\""), "data: a member's name"},
    {SAYS("\"1\",\"a\\n\":\"x\""), "data: a member's name"},
    {SAYS("\"1\",\"_a\":\"x\""), "data: a member's name"},
    {SAYS("\"1\",\"" THIRTY "yyy\":\"x\""), "data: a member's name"},
    {SAYS("\"1\",\"code\":\"2\""), "code: given twice"},
};
/* clang-format on */

static void test_decode(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_event event = event_of(cases[i].json);
        const char *blames = cases[i].blames;
        struct notification_request request;
        struct kpk_err err = {0};
        cJSON *object;
        int failed = notification_request_decode(&event, &object, &request, &err);
        if ((failed != 0) != (blames != NULL))
            fail_msg("%s: returned %d %s", cases[i].json, failed, err.msg);
        assert_int_equal(object == NULL, failed != 0);
        cJSON_Delete(object);
        if (!blames) continue;
        assert_int_equal(err.verdict, KPK_REJECT);
        if (strncmp(err.msg, blames, strlen(blames)) != 0)
            fail_msg("%s: says '%s', must blame '%s'", cases[i].json, err.msg, blames);
    }
}

static void test_another_type(void **state) {
    struct kpk_event event = event_of("{" ID WHO WHAT DATA REST "}");
    struct notification_request request;
    struct kpk_err err;
    cJSON *object;

    (void)state;
    event.type = "tweet.created";
    assert_int_equal(notification_request_decode(&event, &object, &request, &err), -1);
    assert_int_equal(err.verdict, KPK_REJECT);
    assert_null(object);
}

/* 'members' values of 'bytes' each. returns  the text of the refusal, or "" */
static const char *say(int members, size_t bytes, struct kpk_err *err) {
    char name[16], *value = calloc(bytes + 1, 1), *json;
    struct notification_request request;
    cJSON *data = cJSON_CreateObject(), *root, *object;
    struct kpk_event event;

    memset(value, 'x', bytes);
    for (int i = 0; i < members; i++) {
        snprintf(name, sizeof(name), "m%d", i);
        cJSON_AddStringToObject(data, name, value);
    }
    root = cJSON_Parse("{" ID WHO WHAT REST "}");
    cJSON_AddItemToObject(root, "data", data);
    json = cJSON_PrintUnformatted(root);
    event = event_of(json);
    err->msg[0] = '\0';
    if (!notification_request_decode(&event, &object, &request, err)) cJSON_Delete(object);
    cJSON_Delete(root);
    free(json);
    free(value);
    return err->msg;
}

static void test_limits(void **state) {
    struct kpk_err err;

    (void)state;
    assert_string_equal(say(NOTIFICATION_DATA_MEMBERS, 1, &err), "");
    assert_string_equal(say(NOTIFICATION_DATA_MEMBERS + 1, 1, &err),
                        "data: more than 16 members");
    assert_string_equal(say(2, NOTIFICATION_DATA_VALUE_BYTES, &err), "");
    assert_string_equal(say(1, NOTIFICATION_DATA_VALUE_BYTES + 1, &err),
                        "data.m0: longer than 2000 bytes");
    assert_string_equal(say(5, 800, &err), "");
    assert_string_equal(say(5, 801, &err), "data: 4005 bytes, at most 4000");
}

static void test_round_trip(void **state) {
    struct notification_request request, again;
    struct kpk_event event = event_of(SAYS("\"1 \\\"2\\\" \\u00e4\",\"tweet_id\":\"7\""));
    cJSON *object, *copy;
    struct kpk_err err;
    char *json;

    (void)state;
    assert_int_equal(notification_request_decode(&event, &object, &request, &err), 0);
    json = notification_request_encode(&request);
    event = event_of(json);
    assert_int_equal(notification_request_decode(&event, &copy, &again, &err), 0);
    assert_string_equal(again.id, request.id);
    assert_string_equal(again.recipient_id, request.recipient_id);
    assert_ptr_equal(again.template, request.template);
    assert_int_equal(again.priority, NOTIFICATION_HIGH);
    assert_int_equal(again.created_at, 1);
    assert_true(cJSON_Compare(again.data, request.data, true));
    free(json);
    cJSON_Delete(object);
    cJSON_Delete(copy);
}

/* Over HTTP a category and a priority may be left out. */
static void test_defaults(void **state) {
    cJSON *object = cJSON_Parse("{" WHO "\"template\":\"password_reset\",\"data\":{}}");
    struct notification_request request;
    struct kpk_err err;

    (void)state;
    assert_int_equal(notification_request_read(object, &request, &err), 0);
    assert_int_equal(request.priority, NOTIFICATION_NORMAL);
    assert_int_equal(request.template->category, NOTIFICATION_ACCOUNT);
    assert_int_equal(notification_request_check(&request, &err), -1);
    assert_string_equal(err.msg, "data.code: missing");
    cJSON_Delete(object);
}

/* The longest mention that Twitter may ask to tell of is one that can be told. */
static void test_mention(void **state) {
    struct twitter_mention mention = {.id = "8af14b0d-4f19-5d1e-bb0a-0d7a1b3c5e6f",
                                      .recipient_id = "9223372036854775807",
                                      .tweet_id = "019ab000-0000-7000-8000-000000000000",
                                      .author_id = "9223372036854775807",
                                      .author_handle = THIRTY,
                                      .created_at = 1};
    struct notification_request request;
    struct kpk_event event;
    struct kpk_err err;
    cJSON *object;
    char *json;

    (void)state;
    for (int i = 0; i < TWITTER_TEXT_POINTS; i++) strcat(mention.text, "\xf0\x9f\x98\x80");
    memcpy(mention.text, "a\n\tb", 4);
    json = twitter_mention_encode(&mention);
    event = event_of(json);
    assert_int_equal(notification_request_decode(&event, &object, &request, &err), 0);
    assert_string_equal(request.id, mention.id);
    assert_int_equal(request.template->category, NOTIFICATION_MENTION);
    assert_int_equal(notification_request_check(&request, &err), 0);
    cJSON_Delete(object);
    free(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),   cmocka_unit_test(test_another_type),
        cmocka_unit_test(test_limits),   cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_mention),
    };

    return cmocka_run_group_tests_name("notification_request", tests, NULL, NULL);
}
