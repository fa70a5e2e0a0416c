/* services/notification/templates: every row of the table, and what strangers put into one. */
#include "services/notification/templates.h"

#include "common/utf8.h"
#include "services/notification/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static cJSON *parse(const char *json) {
    struct kpk_err err;
    cJSON *object = kpk_json_parse(json, strlen(json), &err);

    if (!object) fail_msg("%s: %s", json, err.msg);
    return object;
}

/* --- the table --------------------------------------------------------------------------- */

static bool has_field(const struct notification_template *row, const char *name, size_t len) {
    for (const char *const *field = row->fields; *field; field++)
        if (strlen(*field) == len && memcmp(*field, name, len) == 0) return true;
    return false;
}

/* Its placeholders are closed, and among the fields that the row says it needs. */
static void check_pattern(const struct notification_template *row, const char *pattern) {
    const char *close;

    assert_non_null(pattern);
    for (const char *open = pattern; (open = strchr(open, '{')); open = close) {
        close = strchr(open, '}');
        if (!close) fail_msg("%s: '%s' is not closed", row->name, open);
        if (!has_field(row, open + 1, (size_t)(close - open - 1)))
            fail_msg("%s: '%s' begins with no field of it", row->name, open);
    }
}

static void test_rows(void **state) {
    (void)state;
    for (const struct notification_template *row = notification_templates; row->name; row++) {
        assert_ptr_equal(notification_template_find(row->name), row);
        check_pattern(row, row->subject);
        for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
            check_pattern(row, row->text[channel]);
        /* A mail has all there is to say. */
        for (const char *const *field = row->fields; *field; field++) {
            char placeholder[64];
            snprintf(placeholder, sizeof(placeholder), "{%s}", *field);
            if (!strstr(row->text[NOTIFICATION_EMAIL], placeholder) &&
                !strstr(row->subject, placeholder))
                fail_msg("%s: %s is asked for and not used", row->name, placeholder);
        }
    }
    assert_null(notification_template_find("no_such"));
    assert_null(notification_template_find(""));
}

/* Data with each field of the row, all of 'value'. */
static cJSON *data_for(const struct notification_template *row, const char *value) {
    cJSON *data = cJSON_CreateObject();

    for (const char *const *field = row->fields; *field; field++)
        cJSON_AddStringToObject(data, *field, value);
    return data;
}

static void test_each_field_is_needed(void **state) {
    struct notification_message message;
    struct kpk_err err;

    (void)state;
    for (const struct notification_template *row = notification_templates; row->name; row++)
        for (const char *const *field = row->fields; *field; field++) {
            struct notification_request request = {.template = row};
            cJSON *data = data_for(row, "x");
            char blames[64];
            snprintf(blames, sizeof(blames), "data.%s: missing", *field);
            request.data = data;
            assert_int_equal(notification_request_check(&request, &err), 0);
            cJSON_DeleteItemFromObjectCaseSensitive(data, *field);
            assert_int_equal(notification_render(row, NOTIFICATION_EMAIL, data, &message, &err),
                             -1);
            assert_int_equal(err.verdict, KPK_REJECT);
            assert_string_equal(err.msg, blames);
            assert_int_equal(notification_request_check(&request, &err), -1);
            assert_string_equal(err.msg, blames);
            cJSON_Delete(data);
        }
}

/* The longest data there may be: a mail has it whole, all that is cut is cut within its limit. */
static void test_longest(void **state) {
    static const size_t most[] = {[NOTIFICATION_EMAIL] = NOTIFICATION_TEXT_BYTES,
                                  [NOTIFICATION_SMS] = NOTIFICATION_SMS_POINTS,
                                  [NOTIFICATION_PUSH] = NOTIFICATION_PUSH_POINTS};
    char value[NOTIFICATION_DATA_VALUE_BYTES + 1];
    struct notification_message message;
    size_t points;
    struct kpk_err err;

    (void)state;
    for (const struct notification_template *row = notification_templates; row->name; row++) {
        size_t fields = 0;
        while (row->fields[fields]) fields++;
        size_t len = NOTIFICATION_DATA_BYTES / fields;
        if (len > NOTIFICATION_DATA_VALUE_BYTES) len = NOTIFICATION_DATA_VALUE_BYTES;
        memset(value, 'x', len);
        value[len] = '\0';
        cJSON *data = data_for(row, value);
        for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
            assert_int_equal(notification_render(row, channel, data, &message, &err), 0);
            assert_true(kpk_utf8_valid(message.subject, strlen(message.subject), &points));
            assert_true(points <= NOTIFICATION_SUBJECT_POINTS);
            assert_true(kpk_utf8_valid(message.text, strlen(message.text), &points));
            assert_true(points <= most[channel]);
        }
        assert_int_equal(notification_render(row, NOTIFICATION_EMAIL, data, &message, &err), 0);
        if (strcmp(message.text + strlen(message.text) - 3, "...") == 0)
            fail_msg("%s: a mail is cut", row->name);
        cJSON_Delete(data);
    }
}

/* --- filling ----------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
    const char *template;
    enum notification_channel channel;
    const char *data;
    const char *subject; /* NULL: refused ... */
    const char *text;    /* ... and this is how the message begins */
} cases[] = {
    {"mention", NOTIFICATION_EMAIL, "{\"author_handle\":\"ada\",\"text\":\"hi\"}",
     "@ada mentioned you", "@ada mentioned you:\n\nhi\n"},
    {"mention", NOTIFICATION_SMS, "{\"author_handle\":\"ada\",\"text\":\"hi\"}", "", "@ada mentioned you: hi"},
    {"mention", NOTIFICATION_PUSH, "{\"author_handle\":\"ada\",\"text\":\"hi\",\"tweet_id\":\"7\"}",
     "@ada mentioned you", "hi"},
    {"mention", NOTIFICATION_PUSH, "{\"author_handle\":\"\",\"text\":\"\"}", "@ mentioned you", ""},
    /* A value means nothing but itself. */
    {"mention", NOTIFICATION_PUSH, "{\"author_handle\":\"{text}\",\"text\":\"{author_handle} {x} {\"}",
     "@{text} mentioned you", "{author_handle} {x} {"},
    {"mention", NOTIFICATION_PUSH, "{\"author_handle\":\"%s%n\",\"text\":\"%s%n\"}", "@%s%n mentioned you", "%s%n"},
    /* Newline and tab are text, and no subject. */
    {"mention", NOTIFICATION_PUSH, "{\"author_handle\":\"ada\",\"text\":\"a\\nb\\tc\"}", "@ada mentioned you", "a\nb\tc"},
    {"mention", NOTIFICATION_EMAIL, "{\"author_handle\":\"ada\\nBcc: all@example.com\",\"text\":\"x\"}",
     NULL, "data.author_handle: control character U+000A"},
    {"mention", NOTIFICATION_PUSH, "{\"author_handle\":\"ada\\r\",\"text\":\"x\"}",
     NULL, "data.author_handle: control character U+000D"},
    {"mention", NOTIFICATION_EMAIL, "{\"author_handle\":\"ada\\u0085\",\"text\":\"x\"}",
     NULL, "data.author_handle: control character U+0085"},
    {"mention", NOTIFICATION_SMS, "{\"author_handle\":\"ada\\nb\",\"text\":\"x\"}", "", "@ada\nb mentioned you: x"},
    {"mention", NOTIFICATION_SMS, "{\"text\":\"x\"}", NULL, "data.author_handle: missing"},
    {"mention", NOTIFICATION_SMS, "{\"Author_handle\":\"ada\",\"text\":\"x\"}", NULL, "data.author_handle: missing"},
    {"mention", NOTIFICATION_SMS, "{\"author_handle\":7,\"text\":\"x\"}", NULL, "data.author_handle: must be"},
    {"mention", NOTIFICATION_SMS, "{\"author_handle\":null,\"text\":\"x\"}", NULL, "data.author_handle: must be"},
    {"mention", NOTIFICATION_SMS, "{\"author_handle\":{},\"text\":\"x\"}", NULL, "data.author_handle: must be"},
};
/* clang-format on */

static void test_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct notification_template *row = notification_template_find(cases[i].template);
        struct notification_message message;
        cJSON *data = parse(cases[i].data);
        struct kpk_err err = {0};
        int failed = notification_render(row, cases[i].channel, data, &message, &err);
        cJSON_Delete(data);
        if (!cases[i].subject) {
            assert_int_equal(failed, -1);
            assert_int_equal(err.verdict, KPK_REJECT);
            if (strncmp(err.msg, cases[i].text, strlen(cases[i].text)) != 0)
                fail_msg("%s: says '%s'", cases[i].data, err.msg);
            continue;
        }
        if (failed) fail_msg("%s: %s", cases[i].data, err.msg);
        assert_string_equal(message.subject, cases[i].subject);
        assert_string_equal(message.text, cases[i].text);
    }
}

/* An SMS of 'points' characters, each of 'character', behind "@: ": is it cut, and where? */
static void check_sms(size_t points, const char *character) {
    const size_t head = strlen("@ mentioned you: ");
    char text[NOTIFICATION_DATA_VALUE_BYTES + 1] = "";
    struct notification_message message;
    size_t found, whole = 0;
    struct kpk_err err;
    cJSON *data;

    for (size_t i = 0; i < points; i++) strcat(text, character);
    data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "author_handle", "");
    cJSON_AddStringToObject(data, "text", text);
    assert_int_equal(notification_render(notification_template_find("mention"),
                                         NOTIFICATION_SMS, data, &message, &err),
                     0);
    cJSON_Delete(data);
    assert_true(kpk_utf8_valid(message.text, strlen(message.text), &found));
    if (head + points <= NOTIFICATION_SMS_POINTS) {
        assert_int_equal(found, head + points);
        assert_string_equal(message.text + head, text);
        return;
    }
    assert_int_equal(found, NOTIFICATION_SMS_POINTS);
    for (const char *at = message.text + head; strncmp(at, character, strlen(character)) == 0;
         at += strlen(character))
        whole++;
    assert_int_equal(whole, NOTIFICATION_SMS_POINTS - head - 3);
    assert_string_equal(message.text + head + whole * strlen(character), "...");
}

static void test_sms_is_cut_between_characters(void **state) {
    static const char *const characters[] = {"x", "\xc3\xa4", "\xe4\xb8\xad",
                                             "\xf0\x9f\x98\x80"};
    const size_t fits = NOTIFICATION_SMS_POINTS - strlen("@ mentioned you: ");

    (void)state;
    for (size_t i = 0; i < COUNT(characters); i++) {
        check_sms(fits - 1, characters[i]);
        check_sms(fits, characters[i]);
        check_sms(fits + 1, characters[i]);
        check_sms(fits + 4, characters[i]);
        check_sms(NOTIFICATION_DATA_VALUE_BYTES / 4, characters[i]);
    }
}

/* --- what the API says of them ----------------------------------------------------------- */

static cJSON *schemas_of(const char *path, cJSON **document) {
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;
    struct kpk_err err;

    assert_non_null(file);
    ssize_t len = getdelim(&text, &room, EOF, file);
    fclose(file);
    assert_true(len > 0);
    *document = kpk_json_parse(text, (size_t)len, &err);
    free(text);
    assert_non_null(*document);
    return cJSON_GetObjectItem(cJSON_GetObjectItem(*document, "components"), "schemas");
}

static void test_openapi(void **state) {
    cJSON *document,
        *schemas =
            schemas_of("services/notification/notification-service/openapi.json", &document);
    const cJSON *template = cJSON_GetObjectItem(schemas, "Template");
    const cJSON *names = cJSON_GetObjectItem(template, "enum");
    const char *says = cJSON_GetStringValue(cJSON_GetObjectItem(template, "description"));
    int rows = 0;

    (void)state;
    assert_non_null(says);
    for (const struct notification_template *row = notification_templates; row->name; row++) {
        char needs[128];
        int len = snprintf(needs, sizeof(needs), "%s", row->name);
        for (size_t i = 0; row->fields[i]; i++)
            len += snprintf(needs + len, sizeof(needs) - (size_t)len, "%s%s", i ? ", " : " ",
                            row->fields[i]);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(names, rows++)), row->name);
        if (!strstr(says, needs)) fail_msg("openapi.json does not say '%s'", needs);
    }
    assert_int_equal(cJSON_GetArraySize(names), rows);
    names = cJSON_GetObjectItem(cJSON_GetObjectItem(schemas, "Category"), "enum");
    assert_int_equal(cJSON_GetArraySize(names), NOTIFICATION_CATEGORIES);
    for (int i = 0; i < NOTIFICATION_CATEGORIES; i++)
        assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(names, i)),
                            notification_category_name(i));
    cJSON_Delete(document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_each_field_is_needed),
        cmocka_unit_test(test_longest), cmocka_unit_test(test_cases),
        cmocka_unit_test(test_openapi), cmocka_unit_test(test_sms_is_cut_between_characters),
    };

    return cmocka_run_group_tests_name("notification_templates", tests, NULL, NULL);
}
