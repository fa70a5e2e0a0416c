/* The attributes of an event, as headers: what is taken for one, and what a stranger is told. */
#include "common/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TRACE "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
#define BYTES(literal) literal, sizeof(literal) - 1

static const struct kpk_event good = {.id = "019ab000-0000-7000-8000-000000000000",
                                      .source = "/twitter",
                                      .type = "tweet.created",
                                      .subject = "019ab000-0000-7000-8000-000000000001",
                                      .traceparent = "00-" TRACE "-01",
                                      .time_ms = 1795475905590};

static void what_is_sent_is_read(void **state) {
    rd_kafka_headers_t *headers = kpk_event_headers(&good);
    struct kpk_event event;
    struct kpk_err err;

    (void)state;
    assert_int_equal(kpk_event_read_headers(headers, &event, &err), 0);
    assert_string_equal(event.id, good.id);
    assert_string_equal(event.source, good.source);
    assert_string_equal(event.type, good.type);
    assert_string_equal(event.subject, good.subject);
    assert_string_equal(event.traceparent, good.traceparent);
    assert_int_equal(event.time_ms, good.time_ms);
    rd_kafka_headers_destroy(headers);
}

/* clang-format off */
static const struct {
    const char *name, *value; /* replaces that header; NULL: leaves it out */
    size_t len;
    const char *why; /* NULL: it is an event all the same */
} spoilt[] = {
    {"ce_id",          NULL, 0,                        "not an event: header ce_id is missing"},
    {"ce_id",          BYTES(""),                      "not an event: header ce_id is empty"},
    {"ce_id",          BYTES("a\0b"),                  "not an event: header ce_id has a control character in it"},
    {"ce_source",      BYTES("\x1b[2J"),               "not an event: header ce_source has a control character in it"},
    {"ce_type",        BYTES("\xc2\x9b"),              "not an event: header ce_type has a control character in it"},
    {"ce_type",        BYTES("\xff"),                  "not an event: header ce_type is not UTF-8"},
    {"ce_specversion", BYTES("1.00"),                  "not an event: ce_specversion is '1.00', not 1.0"},
    {"content-type",   BYTES("text/plain"),            "not an event: content-type is 'text/plain', not application/json"},
    {"content-type",   BYTES("application/jsonp"),     "not an event: content-type is 'application/jsonp', not application/json"},
    {"content-type",   BYTES("Application/JSON ; charset=utf-8"), NULL},
    {"ce_time",        BYTES("yesterday"),             "not an event: ce_time 'yesterday' is not RFC 3339"},
    {"ce_subject",     NULL, 0,                        NULL},
    {"ce_subject",     BYTES("a\nb"),                  "not an event: header ce_subject has a control character in it"},
    {"traceparent",    NULL, 0,                        NULL},
    {"traceparent",    BYTES("a\nb"),                  NULL},
};
/* clang-format on */

static void a_stranger_is_told_what_is_wrong(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(spoilt); i++) {
        rd_kafka_headers_t *headers = kpk_event_headers(&good);
        struct kpk_err err = {.msg = ""};
        struct kpk_event event;

        rd_kafka_header_remove(headers, spoilt[i].name);
        if (spoilt[i].value)
            rd_kafka_header_add(headers, spoilt[i].name, -1, spoilt[i].value,
                                (ssize_t)spoilt[i].len);
        assert_int_equal(kpk_event_read_headers(headers, &event, &err), spoilt[i].why ? -1 : 0);
        assert_string_equal(err.msg, spoilt[i].why ? spoilt[i].why : "");
        if (strcmp(spoilt[i].name, "traceparent") == 0) assert_null(event.traceparent);
        rd_kafka_headers_destroy(headers);
    }
    assert_int_equal(kpk_event_read_headers(NULL, &(struct kpk_event){0}, &(struct kpk_err){0}),
                     -1);
}

static void trace_contexts(void **state) {
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"00-" TRACE "-01", true},
        {"00-" TRACE "-01-more", false},
        {"cc-" TRACE "-01", true},
        {"cc-" TRACE "-01-more.to=come", true},
        {"cc-" TRACE "-01.more", false},
        {"cc-" TRACE "-01-a b", false},
        {"ff-" TRACE "-01", false},
        {"00-" TRACE "-0", false},
        {"00-" TRACE "-0G", false},
        {"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
        {"", false},
        {"00", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (kpk_traceparent_valid(cases[i].text) != cases[i].valid)
            fail_msg("'%s'", cases[i].text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_is_read),
        cmocka_unit_test(a_stranger_is_told_what_is_wrong),
        cmocka_unit_test(trace_contexts),
    };

    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
