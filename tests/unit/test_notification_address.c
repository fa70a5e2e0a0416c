/* Which addresses are taken. What is taken may be put into a header field, a path, a command of SMTP. */
#include "services/notification/provider.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10
#define TOKEN "abcDEF0123_-:"

/* clang-format off */
static const struct {
    enum notification_channel channel;
    const char *address;
    const char *refused; /* part of the reason; NULL: it is taken */
} cases[] = {
    {NOTIFICATION_EMAIL, "ada@example.com", NULL},
    {NOTIFICATION_EMAIL, "a.b+c=d@x-1.example.org", NULL},
    {NOTIFICATION_EMAIL, "!#$%&'*+-/=?^_`{|}~@e.f", NULL},
    {NOTIFICATION_EMAIL, X60 "xxxx@example.com", NULL},
    {NOTIFICATION_EMAIL, "a@" X60 "xxx.com", NULL},
    {NOTIFICATION_EMAIL, "", "before the @"},
    {NOTIFICATION_EMAIL, "@", "before the @"},
    {NOTIFICATION_EMAIL, "ada", "before the @"},
    {NOTIFICATION_EMAIL, "ada@", "behind the @"},
    {NOTIFICATION_EMAIL, "@example.com", "before the @"},
    {NOTIFICATION_EMAIL, "ada@localhost", "behind the @"},
    {NOTIFICATION_EMAIL, "ada@@example.com", "behind the @"},
    {NOTIFICATION_EMAIL, "ada@b@example.com", "behind the @"},
    {NOTIFICATION_EMAIL, ".ada@example.com", "before the @"},
    {NOTIFICATION_EMAIL, "ada.@example.com", "before the @"},
    {NOTIFICATION_EMAIL, "a..b@example.com", "before the @"},
    {NOTIFICATION_EMAIL, "ada@example..com", "behind the @"},
    {NOTIFICATION_EMAIL, "ada@example.com.", "behind the @"},
    {NOTIFICATION_EMAIL, "ada@-x.com", "behind the @"},
    {NOTIFICATION_EMAIL, "ada@x-.com", "behind the @"},
    {NOTIFICATION_EMAIL, "ada@x.com-", "behind the @"},
    {NOTIFICATION_EMAIL, "ada@x_y.com", "behind the @"},
    {NOTIFICATION_EMAIL, "ada @example.com", "before the @"},
    {NOTIFICATION_EMAIL, "ada@example.com ", "behind the @"},
    {NOTIFICATION_EMAIL, "ada@example.com\n", "behind the @"},
    {NOTIFICATION_EMAIL, "ada@example.com\r\nBcc: all@example.com", "behind the @"},
    {NOTIFICATION_EMAIL, "ada@example.com>\r\nDATA", "behind the @"},
    {NOTIFICATION_EMAIL, "<ada@example.com>", "before the @"},
    {NOTIFICATION_EMAIL, "ada@example.com,bob@example.com", "behind the @"},
    {NOTIFICATION_EMAIL, "\"a b\"@example.com", "before the @"},
    {NOTIFICATION_EMAIL, "ada@[127.0.0.1]", "behind the @"},
    {NOTIFICATION_EMAIL, "\xc3\xa4@example.com", "before the @"},
    {NOTIFICATION_EMAIL, "ada@ex\xc3\xa4mple.com", "behind the @"},
    {NOTIFICATION_EMAIL, X60 "xxxxx@example.com", "before the @"},
    {NOTIFICATION_EMAIL, X60 ".xxxx@example.com", "before the @"},
    {NOTIFICATION_EMAIL, "a@" X60 "xxxx.com", "behind the @"},
    {NOTIFICATION_EMAIL, "a@" X60 "." X60 "." X60 "." X60 ".com" "xxxxx", NULL},
    {NOTIFICATION_EMAIL, "a@" X60 "." X60 "." X60 "." X60 ".com" "xxxxxx", "longer than 254"},

    {NOTIFICATION_SMS, "+491701234567", NULL},
    {NOTIFICATION_SMS, "+1234567", NULL},
    {NOTIFICATION_SMS, "+123456789012345", NULL},
    {NOTIFICATION_SMS, "", "E.164"},
    {NOTIFICATION_SMS, "+", "E.164"},
    {NOTIFICATION_SMS, "491701234567", "E.164"},
    {NOTIFICATION_SMS, "00491701234567", "E.164"},
    {NOTIFICATION_SMS, "+01701234567", "E.164"},
    {NOTIFICATION_SMS, "+123456", "E.164"},
    {NOTIFICATION_SMS, "+1234567890123456", "E.164"},
    {NOTIFICATION_SMS, "+49 170 1234567", "E.164"},
    {NOTIFICATION_SMS, "+491701234567\n", "E.164"},
    {NOTIFICATION_SMS, "+491701234567&Body=x", "E.164"},

    {NOTIFICATION_PUSH, TOKEN, NULL},
    {NOTIFICATION_PUSH, "00000000", NULL},
    {NOTIFICATION_PUSH, "", "8 to 512"},
    {NOTIFICATION_PUSH, "0000000", "8 to 512"},
    {NOTIFICATION_PUSH, TOKEN "/../secret", "only letters"},
    {NOTIFICATION_PUSH, TOKEN "%2f", "only letters"},
    {NOTIFICATION_PUSH, TOKEN "?x=1", "only letters"},
    {NOTIFICATION_PUSH, TOKEN " HTTP/1.1", "only letters"},
    {NOTIFICATION_PUSH, TOKEN "\r\nHost: x", "only letters"},
    {NOTIFICATION_PUSH, TOKEN "\xc3\xa4", "only letters"},
    {NOTIFICATION_PUSH, X60 X60 X60 X60 X60 X60 X60 X60 X10 X10 X10 "xx", NULL},
    {NOTIFICATION_PUSH, X60 X60 X60 X60 X60 X60 X60 X60 X10 X10 X10 "xxx", "8 to 512"},
};
/* clang-format on */

static void test_addresses(void **state) {
    static const char *const fields[] = {"email: ", "phone: ", "push_token: "};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kpk_err err = {0};
        int refused = notification_address_check(cases[i].channel, cases[i].address, &err);

        if (!refused && !cases[i].refused) continue;
        if (!refused || !cases[i].refused) fail_msg("'%s': %s", cases[i].address, err.msg);
        assert_int_equal(err.verdict, KPK_REJECT);
        if (!strstr(err.msg, cases[i].refused) ||
            strncmp(err.msg, fields[cases[i].channel], strlen(fields[cases[i].channel])) != 0)
            fail_msg("'%s': %s", cases[i].address, err.msg);
    }
}

/* Each control character, anywhere, is refused in each of them. */
static void test_no_control_character(void **state) {
    static const char *const good[] = {"ada@example.com", "+491701234567", TOKEN};

    (void)state;
    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
        for (int c = 1; c < 256; c = c == ' ' ? 0x7f : c + 1)
            for (size_t at = 0; at <= strlen(good[channel]); at++) {
                struct kpk_err err;
                char bad[64];

                snprintf(bad, sizeof(bad), "%.*s%c%s", (int)at, good[channel], c,
                         good[channel] + at);
                assert_int_equal(notification_address_check(channel, bad, &err), -1);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses),
                                       cmocka_unit_test(test_no_control_character)};

    return cmocka_run_group_tests_name("notification: addresses", tests, NULL, NULL);
}
