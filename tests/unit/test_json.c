/* What is taken for JSON and what is not, and the message that says why: it reaches the client.
 */
#include "common/json.h"

#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A literal with NUL bytes in it, and its length. */
#define BYTES(literal) literal, sizeof(literal) - 1

/* ---- UTF-8 ---- */

static void utf8_is_what_rfc_3629_says(void **state) {
    static const struct {
        const char *text;
        size_t len;
        int valid;
        size_t code_points;
        const char *repaired;
    } cases[] = {
        {BYTES(""), 1, 0, ""},
        {BYTES("abc"), 1, 3, "abc"},
        {BYTES("\xc3\xa9"), 1, 1, "\xc3\xa9"},
        {BYTES("\xe2\x82\xac"), 1, 1, "\xe2\x82\xac"},
        {BYTES("\xf0\x9f\x98\x80!"), 1, 2, "\xf0\x9f\x98\x80!"},
        {BYTES("\xed\x9f\xbf"), 1, 1, "\xed\x9f\xbf"},
        {BYTES("\xf4\x8f\xbf\xbf"), 1, 1, "\xf4\x8f\xbf\xbf"},
        {BYTES("a\x80z"), 0, 0, "a?z"},            /* nothing begins like this */
        {BYTES("\xc0\xaf"), 0, 0, "??"},           /* an overlong slash */
        {BYTES("\xe0\x80\xaf"), 0, 0, "???"},      /* another */
        {BYTES("\xf0\x80\x80\xaf"), 0, 0, "????"}, /* and another */
        {BYTES("\xed\xa0\x80"), 0, 0, "???"},      /* half of a surrogate pair */
        {BYTES("\xf4\x90\x80\x80"), 0, 0, "????"}, /* above U+10FFFF */
        {BYTES("\xf5\x80\x80\x80"), 0, 0, "????"},
        {BYTES("\xe2\x82"), 0, 0, "??"}, /* cut */
        {BYTES("\xe2\x82x"), 0, 0, "??x"},
        {BYTES("\xff"), 0, 0, "?"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t code_points = 0;
        char copy[16];

        assert_int_equal(kpk_utf8_valid(cases[i].text, cases[i].len, &code_points),
                         cases[i].valid);
        if (cases[i].valid) assert_int_equal(code_points, cases[i].code_points);
        strcpy(copy, cases[i].text);
        kpk_utf8_repair(copy);
        assert_string_equal(copy, cases[i].repaired);
    }
    assert_true(kpk_utf8_valid(BYTES("a\0b"), NULL)); /* NUL is a character like others */
}

static void utf8_tells_characters_apart(void **state) {
    static const struct {
        const char *text;
        uint32_t point;
        bool control, space;
    } cases[] = {
        {"\t", 0x09, true, true},
        {"\x1b", 0x1b, true, false},
        {" ", 0x20, false, true},
        {"~", 0x7e, false, false},
        {"\x7f", 0x7f, true, false},
        {"\xc2\x85", 0x85, true, true},
        {"\xc2\x9f", 0x9f, true, false},
        {"\xc2\xa0", 0xa0, false, true},
        {"\xe2\x80\x8a", 0x200a, false, true},
        {"\xe2\x80\x8b", 0x200b, false, false}, /* zero width, and no White_Space */
        {"\xe3\x80\x80", 0x3000, false, true},
        {"\xf4\x8f\xbf\xbf", 0x10ffff, false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len = strlen(cases[i].text);

        assert_int_equal(kpk_utf8_next(cases[i].text, len), len);
        assert_int_equal(kpk_utf8_point(cases[i].text, len), cases[i].point);
        assert_int_equal(kpk_utf8_control(cases[i].point), cases[i].control);
        assert_int_equal(kpk_utf8_space(cases[i].point), cases[i].space);
    }
}

/* ---- parsing ---- */

static const struct {
    const char *text;
    size_t len;
    const char *why; /* NULL: it is taken */
} documents[] = {
    {BYTES("{}"), NULL},
    {BYTES(" \t\r\n{ } \n"), NULL},
    {BYTES("{\"a\":[1,-2.5,3e2,0,0.5E-1,true,false,null,\"\\u00e9\\n\"]}"), NULL},
    {BYTES("{\"a\":{\"x\":1},\"b\":{\"x\":2}}"), NULL}, /* one name in two objects */
    {BYTES("{\"a\":\"\\\\u0000\"}"), NULL},             /* a backslash and u0000 */
    {BYTES("{\"a\":1,\"A\":2}"), NULL},
    {BYTES(""), "not JSON: empty"},
    {BYTES("  "), "not JSON: empty"},
    {BYTES("[]"), "not a JSON object"},
    {BYTES("\"text\""), "not a JSON object"},
    {BYTES("17"), "not a JSON object"},
    {BYTES("\xef\xbb\xbf{}"), "not a JSON object"}, /* a byte order mark */
    {BYTES("{"), "not JSON: malformed near byte 0"},
    {BYTES("{\"a\":1,}"), "not JSON: malformed near byte 7"},
    {BYTES("{'a':1}"), "not JSON: malformed near byte 2"},
    {BYTES("{\"a\" 1}"), "not JSON: malformed near byte 5"},
    {BYTES("{\"a\":nul}"), "not JSON: malformed near byte 5"},
    {BYTES("{} x"), "not JSON: more after its end, at byte 3"},
    {BYTES("{}{}"), "not JSON: more after its end, at byte 2"},
    {BYTES("{}\0"), "not JSON: a control character at byte 2"},
    {BYTES("{\"a\":\0}"), "not JSON: a control character at byte 5"},
    {BYTES("{\v}"), "not JSON: a control character at byte 1"},
    {BYTES("{\"a\":\"x\ny\"}"), "not JSON: a control character in a string at byte 5"},
    {BYTES("{\"a\":\"x\0y\"}"), "not JSON: a control character in a string at byte 5"},
    {BYTES("{\"a\":\"\\u0000\"}"), "not JSON: \\u0000 in a string at byte 5"},
    {BYTES("{\"a\":\"\\u12\"}"), "not JSON: \\u without four digits in a string at byte 5"},
    {BYTES("{\"a\":\"x\\uxyz!hidden\"}"),
     "not JSON: \\u without four digits in a string at byte 5"},
    {BYTES("{\"a\":\"\\u00"), "not JSON: \\u without four digits in a string at byte 5"},
    {BYTES("{\"a\":\"\\x41\"}"), "not JSON: malformed near byte 6"},
    {BYTES("{\"a\":\"x"), "not JSON: a string without end at byte 5"},
    {BYTES("{\"a\":\"x\\"), "not JSON: a string without end at byte 5"},
    {BYTES("{\"a\":\"\\ud800\"}"), "not JSON: malformed near byte 6"},
    {BYTES("{\"a\":\"\xff\"}"), "not JSON: not UTF-8"},
    {BYTES("{\"a\":01}"), "not JSON: a malformed number at byte 5"},
    {BYTES("{\"a\":1.}"), "not JSON: a malformed number at byte 5"},
    {BYTES("{\"a\":-}"), "not JSON: a malformed number at byte 5"},
    {BYTES("{\"a\":1e}"), "not JSON: a malformed number at byte 5"},
    {BYTES("{\"a\":.5}"), "not JSON: malformed near byte 5"},
    {BYTES("{\"a\":+5}"), "not JSON: malformed near byte 5"},
    {BYTES("{\"a\":1e999}"), "not JSON: a number too large for a double"},
    {BYTES("{\"a\":1,\"b\":2,\"a\":3}"), "a: given twice"},
    {BYTES("{\"o\":[{\"a\":1,\"a\":1}]}"), "a: given twice"},
    {BYTES("{\"a\":1,\"\\u0061\":1}"), "a: given twice"},
    {BYTES("{\"a\\n\":1,\"a\\n\":1}"), "a?: given twice"}, /* a message is one line */
};

static void parses_one_object_or_says_why_not(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct kpk_err err = {.msg = "taken"};
        /* On the heap without a NUL behind it, so that ASan sees a byte too many being read. */
        char *exact = malloc(documents[i].len + 1);
        cJSON *json;

        assert_non_null(exact);
        exact = realloc(exact, documents[i].len ? documents[i].len : 1);
        memcpy(exact, documents[i].text, documents[i].len);
        json = kpk_json_parse(exact, documents[i].len, &err);
        assert_string_equal(err.msg, documents[i].why ? documents[i].why : "taken");
        assert_true((json != NULL) == (documents[i].why == NULL));
        if (!json) assert_int_equal(err.verdict, KPK_REJECT);
        cJSON_Delete(json);
        free(exact);
    }
}

/* {"a":{"a":...{}}}: 'depth' objects. */
static cJSON *parse_nested(int depth, struct kpk_err *err) {
    char text[1024] = "";

    for (int i = 1; i < depth; i++) strcat(text, "{\"a\":");
    strcat(text, "{}");
    for (int i = 1; i < depth; i++) strcat(text, "}");
    return kpk_json_parse(text, strlen(text), err);
}

static void depth_is_bounded(void **state) {
    struct kpk_err err;
    cJSON *json = parse_nested(KPK_JSON_DEPTH, &err);

    (void)state;
    assert_non_null(json);
    cJSON_Delete(json);
    assert_null(parse_nested(KPK_JSON_DEPTH + 1, &err));
    assert_string_equal(err.msg, "JSON nested deeper than 32");
}

/* 20,000 members, the last name twice: the work must not grow with the square of their number.
 */
static void many_members_cost_little(void **state) {
    enum { MEMBERS = 20000, ROOM = 16 };
    char *text = malloc(MEMBERS * ROOM), *at = text;
    int64_t start_ms = kpk_mono_ms();
    struct kpk_err err;

    (void)state;
    assert_non_null(text);
    *at++ = '{';
    for (int i = 0; i < MEMBERS; i++) at += sprintf(at, "\"k%d\":0,", i);
    at += sprintf(at, "\"k%d\":0}", MEMBERS - 1);
    assert_null(kpk_json_parse(text, (size_t)(at - text), &err));
    assert_string_equal(err.msg, "k19999: given twice");
    assert_true(kpk_mono_ms() - start_ms < 5000);
    free(text);
}

/* ---- fields ---- */

static const char record[] =
    "{\"text\":\"hi\",\"empty\":\"\",\"n\":42,\"neg\":-7,\"half\":0.5,\"big\":9007199254740992,"
    "\"huge\":1e300,\"yes\":true,\"no\":false,\"nil\":null,\"list\":[],\"exp\":1e2}";

static void fields_are_typed_and_named(void **state) {
    static const struct {
        char kind; /* s, i, b: which function */
        const char *field;
        const char *got; /* the value, or the message */
        int64_t min, max;
    } cases[] = {
        {'s', "text", "hi", 0, 2},
        {'s', "empty", "", 0, 0},
        {'s', "text", "text: longer than 1 bytes", 0, 1},
        {'s', "Text", "Text: missing", 0, 9}, /* names are case sensitive */
        {'s', "none", "none: missing", 0, 9},
        {'s', "n", "n: must be a string", 0, 9},
        {'s', "nil", "nil: must be a string", 0, 9},
        {'i', "n", "42", 42, 42},
        {'i', "neg", "-7", INT64_MIN, INT64_MAX},
        {'i', "exp", "100", 0, 100},
        {'i', "big", "9007199254740992", INT64_MIN, INT64_MAX},
        {'i', "n", "n: must be from 1 to 41", 1, 41},
        {'i', "neg", "neg: must be from 0 to 9", 0, 9},
        {'i', "half", "half: must be a whole number", 0, 9},
        {'i', "huge", "huge: must be from 0 to 9223372036854775807", 0, INT64_MAX},
        {'i', "text", "text: must be a whole number", 0, 9},
        {'i', "yes", "yes: must be a whole number", 0, 9},
        {'i', "none", "none: missing", 0, 9},
        {'b', "yes", "1", 0, 0},
        {'b', "no", "0", 0, 0},
        {'b', "n", "n: must be true or false", 0, 0},
        {'b', "nil", "nil: must be true or false", 0, 0},
        {'b', "none", "none: missing", 0, 0},
    };
    struct kpk_err err;
    cJSON *json = kpk_json_parse(record, sizeof(record) - 1, &err);

    (void)state;
    assert_non_null(json);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char got[300] = "";
        const char *text = NULL;
        int64_t number = 0;
        int flag = 0, rc = 0;

        err = (struct kpk_err){0};
        if (cases[i].kind == 's') {
            rc = kpk_json_str(json, cases[i].field, (size_t)cases[i].max, &text, &err);
            if (rc == 0) snprintf(got, sizeof(got), "%s", text);
        } else if (cases[i].kind == 'i') {
            rc = kpk_json_int(json, cases[i].field, cases[i].min, cases[i].max, &number, &err);
            snprintf(got, sizeof(got), "%lld", (long long)number);
        } else {
            rc = kpk_json_bool(json, cases[i].field, &flag, &err);
            snprintf(got, sizeof(got), "%d", flag);
        }
        assert_string_equal(rc ? err.msg : got, cases[i].got);
        assert_int_equal(err.verdict, rc ? KPK_REJECT : KPK_OK);
    }
    cJSON_Delete(json);
}

static void a_text_may_be_absent(void **state) {
    struct kpk_err err;
    static const char texts[] = "{\"text\":\"x\",\"empty\":\"\",\"n\":1,\"nil\":null}";
    cJSON *json = kpk_json_parse(texts, sizeof(texts) - 1, &err);

    (void)state;
    assert_non_null(json);
    assert_string_equal(kpk_json_text(json, "text"), "x");
    assert_string_equal(kpk_json_text(json, "empty"), "");
    assert_string_equal(kpk_json_text(json, "Text"), "");
    assert_string_equal(kpk_json_text(json, "n"), "");
    assert_string_equal(kpk_json_text(json, "nil"), "");
    assert_string_equal(kpk_json_text(NULL, "text"), "");
    cJSON_Delete(json);
}

static void unknown_members_are_told(void **state) {
    static const char *const fields[] = {"text", "n", NULL};
    static const struct {
        const char *json, *why;
    } cases[] = {
        {"{}", NULL},
        {"{\"n\":1,\"text\":2}", NULL},
        {"{\"txet\":1}", "txet: no such field"},
        {"{\"text\":1,\"Text\":1}", "Text: no such field"},
        {"{\"\":1}", ": no such field"},
        {"{\"a\\u001bb\":1}", "a?b: no such field"},
        {"{\"1234567890123456789012345678901234567890x\":1}",
         "1234567890123456789012345678901234567890...: no such field"},
        {"{\"123456789012345678901234567890123456789\xc3\xa9\":1}", /* not cut within a
                                                                       character */
         "123456789012345678901234567890123456789...: no such field"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_err err = {0};
        cJSON *json = kpk_json_parse(cases[i].json, strlen(cases[i].json), &err);

        assert_non_null(json);
        assert_int_equal(kpk_json_only(json, fields, &err), cases[i].why ? -1 : 0);
        if (cases[i].why) assert_string_equal(err.msg, cases[i].why);
        cJSON_Delete(json);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_what_rfc_3629_says),
        cmocka_unit_test(utf8_tells_characters_apart),
        cmocka_unit_test(parses_one_object_or_says_why_not),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(many_members_cost_little),
        cmocka_unit_test(fields_are_typed_and_named),
        cmocka_unit_test(a_text_may_be_absent),
        cmocka_unit_test(unknown_members_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
