/* kpk_time_parse(): takes what RFC 3339 allows and nothing else, and what it takes can be written
 * and read again. kpk_time_format(): every millisecond of ten thousand years. The same for
 * traceparent, the other attribute with a grammar of its own. */
#include "common/event.h"
#include "tests/fuzz/fuzz.h"

#include <regex.h>

static const int64_t first_ms = -62167219200000, last_ms = 253402300799999;

static bool matches(const char *pattern, const char *text) {
    regex_t regex;

    must(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) == 0);
    bool match = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return match;
}

static void check_round_trip(int64_t ms) {
    char text[KPK_TIME_BYTES];
    int64_t again;

    must(kpk_time_parse(kpk_time_format(ms, text), &again) == 0);
    must(again == ms);
    must(strlen(text) == strlen("2026-11-23T10:00:00.123Z"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_string(data, size);
    int64_t ms;

    if (kpk_time_parse(text, &ms) == 0) {
        must(matches("^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]"
                     "([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\.[0-9]+)?"
                     "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$",
                     text));
        must(ms >= first_ms && ms <= last_ms);
        check_round_trip(ms);
    }
    if (kpk_traceparent_valid(text))
        must(matches("^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$", text));
    if (size >= sizeof(ms)) {
        memcpy(&ms, data, sizeof(ms));
        if (ms >= first_ms && ms <= last_ms) check_round_trip(ms);
    }
    free(text);
    return 0;
}
