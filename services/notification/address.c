#include "services/notification/provider.h"

#include <string.h>

/* RFC 5321, 4.5.3.1; RFC 1035, 2.3.4 */
enum { LOCAL_MAX = 64, ADDRESS_MAX = 254, LABEL_MAX = 63 };
enum { TOKEN_MIN = 8, TOKEN_MAX = 512, DIGITS_MIN = 7, DIGITS_MAX = 15 };

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

const char *notification_channel_name(enum notification_channel channel) {
    static const char *const names[NOTIFICATION_CHANNELS] = {"email", "sms", "push"};

    return names[channel];
}

/* Words of 'set' with a dot between two of them, up to 'end'. returns how many; 0: it is no such thing */
static size_t dotted(const char *text, const char *end, const char *set, size_t word_max) {
    size_t words = 0;

    for (;;) {
        size_t len = strspn(text, set);
        if (len == 0 || len > word_max || text + len > end) return 0;
        words++;
        text += len;
        if (text == end) return words;
        if (*text++ != '.') return 0;
    }
}

/* No label of a domain begins or ends with a hyphen. */
static bool has_loose_hyphen(const char *domain) {
    return *domain == '-' || domain[strlen(domain) - 1] == '-' || strstr(domain, "-.") ||
           strstr(domain, ".-");
}

static int check_email(const char *address, struct kpk_err *err) {
    const char *at = strchr(address, '@');
    size_t len = strlen(address);

    if (len > ADDRESS_MAX)
        return kpk_fail(err, KPK_REJECT, "email: longer than %d characters", ADDRESS_MAX);
    if (!at || !dotted(address, at, LETTERS DIGITS "!#$%&'*+-/=?^_`{|}~", LOCAL_MAX) ||
        at - address > LOCAL_MAX)
        return kpk_fail(err, KPK_REJECT, "email: not an address: what stands before the @");
    if (dotted(at + 1, address + len, LETTERS DIGITS "-", LABEL_MAX) < 2 ||
        has_loose_hyphen(at + 1))
        return kpk_fail(err, KPK_REJECT, "email: not an address: what stands behind the @");
    return 0;
}

static int check_phone(const char *address, struct kpk_err *err) {
    size_t digits = *address == '+' ? strspn(address + 1, DIGITS) : 0;

    if (digits < DIGITS_MIN || digits > DIGITS_MAX || address[1] == '0' || address[1 + digits])
        return kpk_fail(err, KPK_REJECT, "phone: not a number in E.164: +491701234567");
    return 0;
}

static int check_token(const char *address, struct kpk_err *err) {
    size_t len = strspn(address, LETTERS DIGITS ":_-");

    if (address[len])
        return kpk_fail(err, KPK_REJECT, "push_token: only letters, digits, : _ -");
    if (len < TOKEN_MIN || len > TOKEN_MAX)
        return kpk_fail(err, KPK_REJECT, "push_token: %d to %d characters", TOKEN_MIN,
                        TOKEN_MAX);
    return 0;
}

int notification_address_check(enum notification_channel channel, const char *address,
                               struct kpk_err *err) {
    static int (*const checks[NOTIFICATION_CHANNELS])(const char *, struct kpk_err *) = {
        check_email, check_phone, check_token};

    return checks[channel](address, err);
}
