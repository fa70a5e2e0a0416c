/* ce_time: RFC 3339, there and back. */
#include "common/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_parse(void **state) {
    static const struct {
        const char *text;
        int result;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, 0},
        {"1970-01-01T00:00:00.001Z", 0, 1},
        {"2026-11-23T23:18:25.590Z", 0, 1795475905590},
        {"2026-11-23T23:18:25.59Z", 0, 1795475905590},
        {"2026-11-23T23:18:25.5904321Z", 0, 1795475905590},
        {"2026-11-24T00:18:25.590+01:00", 0, 1795475905590},
        {"2026-11-23T17:48:25.590-05:30", 0, 1795475905590},
        {"2026-11-23t23:18:25z", 0, 1795475905000},
        {"2024-02-29T00:00:00Z", 0, 1709164800000},
        {"2016-12-31T23:59:60Z", 0, 1483228800000}, /* a leap second */
        {"1969-12-31T23:59:59.999Z", 0, -1},
        {"0000-01-01T00:00:00Z", 0, -62167219200000},
        {"9999-12-31T23:59:59.999Z", 0, 253402300799999},
        {"9999-12-31T23:59:59-00:01", -1, 0}, /* the year 10000 */
        {"0000-01-01T00:00:00+00:01", -1, 0},
        {"", -1, 0},
        {"2026-11-23", -1, 0},
        {"2026-11-23T23:18:25", -1, 0},
        {"2026-11-23T23:18:25.Z", -1, 0},
        {"2026-11-23T23:18:25.590Zjunk", -1, 0},
        {"2026-11-23T23:18:25+0100", -1, 0},
        {"2026-11-23T23:18:25+01:0x", -1, 0},
        {"2026-11-23T23:18:25+24:00", -1, 0},
        {"2026-11-23T23:18:25+01:60", -1, 0},
        {"2026-11-23T23:18:25+01:000", -1, 0},
        {"2026-13-23T23:18:25Z", -1, 0},
        {"2026-00-23T23:18:25Z", -1, 0},
        {"2026-11-00T23:18:25Z", -1, 0},
        {"2026-11-31T23:18:25Z", -1, 0},
        {"2026-02-29T23:18:25Z", -1, 0},
        {"1900-02-29T23:18:25Z", -1, 0},
        {"2026-11-23T24:00:00Z", -1, 0},
        {"2026-11-23T23:60:00Z", -1, 0},
        {"2026-11-23T23:18:61Z", -1, 0},
        {"2026-1-2T3:4:5Z", -1, 0}, /* what strptime(3) would take */
        {" 2026-11-23T23:18:25Z", -1, 0},
        {"2026-11-23 23:18:25Z", -1, 0},
        {"+026-11-23T23:18:25Z", -1, 0},
        {"yesterday", -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t ms = 0;
        if (kpk_time_parse(cases[i].text, &ms) != cases[i].result)
            fail_msg("'%s': expected %d", cases[i].text, cases[i].result);
        if (cases[i].result == 0) assert_int_equal(ms, cases[i].ms);
    }
}

static void test_format(void **state) {
    char text[KPK_TIME_BYTES];
    int64_t ms;

    (void)state;
    assert_string_equal(kpk_time_format(1795475905590, text), "2026-11-23T23:18:25.590Z");
    assert_string_equal(kpk_time_format(7, text), "1970-01-01T00:00:00.007Z");
    assert_string_equal(kpk_time_format(-1, text), "1969-12-31T23:59:59.999Z");
    assert_string_equal(kpk_time_format(-62167219200000, text), "0000-01-01T00:00:00.000Z");
    for (int64_t then = 1795475905590; then < 1795475905590 + 5000; then += 7) {
        assert_int_equal(kpk_time_parse(kpk_time_format(then, text), &ms), 0);
        assert_int_equal(ms, then);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse),
                                       cmocka_unit_test(test_format)};

    return cmocka_run_group_tests_name("event_time", tests, NULL, NULL);
}
