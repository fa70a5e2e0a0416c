/* services/notification/preferences: the defaults as they are promised, and what a client may say. */
#include "services/notification/preferences.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* As preferences.h and the README draw it. */
static void test_defaults(void **state) {
    static const char *const allowed[NOTIFICATION_CATEGORIES] = {
        [NOTIFICATION_MENTION] = "--x",  [NOTIFICATION_ORDER] = "x-x",
        [NOTIFICATION_SHIPPING] = "xxx", [NOTIFICATION_MARKETING] = "x--",
        [NOTIFICATION_ACCOUNT] = "xx-",
    };
    struct notification_preferences preferences;

    (void)state;
    notification_preferences_defaults(&preferences);
    for (int category = 0; category < NOTIFICATION_CATEGORIES; category++)
        for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
            bool yes = allowed[category][channel] == 'x';
            assert_int_equal(preferences.allowed[category][channel], yes);
            assert_int_equal(notification_allowed_by_default(category, channel), yes);
        }
}

/* clang-format off */
static const struct {
    const char *json;
    const char *blames; /* how the message begins; NULL: it is fine */
} cases[] = {
    {"{}", NULL},
    {"{\"mention\":{}}", NULL},
    {"{\"mention\":{\"email\":true},\"marketing\":{\"email\":false,\"sms\":false,\"push\":false}}", NULL},
    {"{\"mentions\":{}}", "mentions: no such field"},
    {"{\"mention\":true}", "mention: must be an object"},
    {"{\"mention\":[]}", "mention: must be an object"},
    {"{\"mention\":null}", "mention: must be an object"},
    {"{\"mention\":{\"fax\":true}}", "mention.fax: no such field"},
    {"{\"mention\":{\"Email\":true}}", "mention.Email: no such field"},
    {"{\"mention\":{\"email\":1}}", "mention.email: must be true or false"},
    {"{\"mention\":{\"email\":\"true\"}}", "mention.email: must be true or false"},
    {"{\"account\":{\"push\":null}}", "account.push: must be true or false"},
    {"{\"id\":\"7\"}", "id: no such field"},
};
/* clang-format on */

static void test_read(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct notification_preferences preferences;
        const char *blames = cases[i].blames;
        struct kpk_err err = {0};
        cJSON *object = kpk_json_parse(cases[i].json, strlen(cases[i].json), &err);
        assert_non_null(object);
        int failed = notification_preferences_read(object, &preferences, &err);
        cJSON_Delete(object);
        if ((failed != 0) != (blames != NULL))
            fail_msg("%s: returned %d %s", cases[i].json, failed, err.msg);
        if (!blames) continue;
        assert_int_equal(err.verdict, KPK_REJECT);
        if (strncmp(err.msg, blames, strlen(blames)) != 0)
            fail_msg("%s: says '%s', must blame '%s'", cases[i].json, err.msg, blames);
    }
}

/* What is named is changed, what is not is at its default; and what is written is read back. */
static void test_round_trip(void **state) {
    static const char text[] = "{\"mention\":{\"email\":true,\"push\":false}}";
    struct notification_preferences preferences, expected, again;
    struct kpk_err err;
    cJSON *object;

    (void)state;
    notification_preferences_defaults(&expected);
    expected.allowed[NOTIFICATION_MENTION][NOTIFICATION_EMAIL] = true;
    expected.allowed[NOTIFICATION_MENTION][NOTIFICATION_PUSH] = false;
    object = kpk_json_parse(text, strlen(text), &err);
    assert_int_equal(notification_preferences_read(object, &preferences, &err), 0);
    cJSON_Delete(object);
    assert_memory_equal(&preferences, &expected, sizeof(expected));
    object = notification_preferences_json(&preferences);
    assert_int_equal(cJSON_GetArraySize(object), NOTIFICATION_CATEGORIES);
    assert_int_equal(notification_preferences_read(object, &again, &err), 0);
    cJSON_Delete(object);
    assert_memory_equal(&again, &expected, sizeof(expected));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_round_trip),
    };

    return cmocka_run_group_tests_name("notification_preferences", tests, NULL, NULL);
}
