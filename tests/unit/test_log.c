/* One event is one line, in either format, whatever the values hold. */
#include "common/log.h"

#include "common/utf8.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { STAMP = sizeof("2026-11-23T10:00:00.123Z") - 1 };

static int log_fd, kept_stderr;
static char line[4096];

static void capture(void) {
    kept_stderr = dup(STDERR_FILENO);
    log_fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(kept_stderr >= 0 && log_fd >= 0);
    dup2(log_fd, STDERR_FILENO);
}

/* What was logged since capture(), into 'line', without the newline at its end. */
static void captured(void) {
    ssize_t len = pread(log_fd, line, sizeof(line) - 1, 0);

    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    close(log_fd);
    assert_true(len >= 0);
    line[len] = '\0';
    if (len == 0) return;
    assert_int_equal(line[len - 1], '\n');
    line[len - 1] = '\0';
    assert_null(strchr(line, '\n'));
    assert_true(kpk_utf8_valid(line, strlen(line), NULL));
}

static void init(const char *level, const char *format) {
    struct kpk_err err;

    setenv("KPK_LOG_LEVEL", level, 1);
    setenv("KPK_LOG_FORMAT", format, 1);
    assert_int_equal(kpk_log_init("test", &err), 0);
}

static void settings_are_checked(void **state) {
    static const struct {
        const char *level, *format, *why;
    } cases[] = {
        {"", "", NULL},
        {"warn", "json", NULL},
        {"DEBUG", "logfmt", NULL},
        {"loud", "json", "KPK_LOG_LEVEL: 'loud' is none of debug, info, warn, error"},
        {"info", "xml", "KPK_LOG_FORMAT: 'xml' is none of logfmt, json"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_err err = {0};

        setenv("KPK_LOG_LEVEL", cases[i].level, 1);
        setenv("KPK_LOG_FORMAT", cases[i].format, 1);
        assert_int_equal(kpk_log_init("test", &err), cases[i].why ? -1 : 0);
        if (cases[i].why) assert_string_equal(err.msg, cases[i].why);
    }
}

static void lower_levels_are_silent(void **state) {
    (void)state;
    init("warn", "logfmt");
    capture();
    kpk_debug("d", "a=1");
    kpk_log("i", "a=1");
    captured();
    assert_string_equal(line, "");
    capture();
    kpk_error("e", "a=1");
    captured();
    assert_string_equal(line + STAMP, " ERROR e a=1");
}

/* The same event in both formats; the JSON is what follows "event". */
static void an_event_in_both_formats(void **state) {
    static const struct {
        const char *pairs, *logfmt, *json;
    } cases[] = {
        {"", "", "}"},
        {"a=1 b=x", " a=1 b=x", ",\"a\":\"1\",\"b\":\"x\"}"},
        {"a=\"x y\" b=", " a=\"x y\" b=", ",\"a\":\"x y\",\"b\":\"\"}"},
        {"a=\"x\\\"y\" b=2", " a=\"x\\\"y\" b=2", ",\"a\":\"x\\\"y\",\"b\":\"2\"}"},
        {"a=x\"y\\z", " a=x\"y\\z", ",\"a\":\"x\\\"y\\\\z\"}"}, /* not quoted */
        {"a=\"x b=2", " a=\"x b=2", ",\"a\":\"\\\"x b=2\"}"},   /* no closing quote */
        {"a=1 just words", " a=1 just words", ",\"a\":\"1\",\"text\":\"just words\"}"},
        {"a=1\nERROR fake", " a=1?ERROR fake", ",\"a\":\"1?ERROR\",\"text\":\"fake\"}"},
        {"a=\xff\xc3\xa9", " a=?\xc3\xa9", ",\"a\":\"?\xc3\xa9\"}"},
        {"a=\xc2\x9b"
         "2J",
         " a=??2J", ",\"a\":\"??2J\"}"},
        {"a==b", " a==b", ",\"a\":\"=b\"}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *json;

        init("info", "logfmt");
        capture();
        kpk_log("event", "%s", cases[i].pairs);
        captured();
        assert_memory_equal(line + STAMP, " INFO event", 11);
        assert_string_equal(line + STAMP + 11, cases[i].logfmt);

        init("info", "json");
        capture();
        kpk_log("event", "%s", cases[i].pairs);
        captured();
        json = cJSON_Parse(line);
        assert_non_null(json);
        assert_string_equal(cJSON_GetObjectItem(json, "program")->valuestring, "test");
        assert_string_equal(cJSON_GetObjectItem(json, "level")->valuestring, "INFO");
        assert_string_equal(strstr(line, ",\"event\":\"event\"") + 16, cases[i].json);
        cJSON_Delete(json);
    }
}

/* Values of every length around the buffers': each line is JSON and a cut one says so; nothing
 * is written past a buffer (ASan would tell). A backslash doubles in JSON, so its line is cut
 * first. */
static void long_events_stay_json(void **state) {
    static const char *const units[] = {"x", "\\", "\"", "\xc3\xa9", "y=\"\" "};

    (void)state;
    init("info", "json");
    for (size_t u = 0; u < COUNT(units); u++) {
        char value[1201] = "";
        int cut = 0;

        while (strlen(value) + strlen(units[u]) < sizeof(value)) {
            cJSON *json;

            strcat(value, units[u]);
            if (strlen(value) < 900) continue;
            capture();
            kpk_log("event", "a=v%s z=1", value);
            captured();
            json = cJSON_Parse(line);
            assert_non_null(json);
            if (cJSON_GetObjectItem(json, "z") == NULL) {
                assert_non_null(strstr(line, "cut"));
                cut++;
            }
            cJSON_Delete(json);
        }
        assert_true(cut > 0);
    }
}

static void quoting(void **state) {
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a \"b\" \\c", "\"a \\\"b\\\" \\\\c\""},
        {"x\ny\x7f", "\"x\\u000ay\\u007f\""},
        {"\xc3\xa9\xff", "\"\xc3\xa9?\""},
        {"\xc2\x9b"
         "2J",
         "\"\\u009b2J\""}, /* as ESC [ to a terminal */
    };
    struct kpk_quoted quoted;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(kpk_quote(&quoted, cases[i].in), cases[i].out);
    /* Every length around the buffer's: closed, and not cut within a character or an escape. */
    for (size_t len = 250; len < 400; len++) {
        static const char *const units[] = {"x", "\n", "\"", "\xf0\x9f\x98\x80"};
        for (size_t u = 0; u < COUNT(units); u++) {
            char in[1700] = "";
            cJSON *json;

            for (size_t i = 0; i < len; i++) strcat(in, units[u]);
            kpk_quote(&quoted, in);
            json = cJSON_Parse(quoted.text);
            assert_true(cJSON_IsString(json));
            assert_true(kpk_utf8_valid(quoted.text, strlen(quoted.text), NULL));
            cJSON_Delete(json);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(lower_levels_are_silent),
        cmocka_unit_test(an_event_in_both_formats),
        cmocka_unit_test(long_events_stay_json),
        cmocka_unit_test(quoting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
