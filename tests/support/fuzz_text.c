#include "tests/support/fuzz_text.h"

#include "common/random.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int fuzz_below(uint64_t *random, int limit) {
    return (int)(kpk_random(random) % (uint64_t)limit);
}

void put(struct text *text, const void *bytes, size_t len) {
    if (len > sizeof(text->bytes) - text->len) len = sizeof(text->bytes) - text->len;
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

void puts_to(struct text *text, const char *string) { put(text, string, strlen(string)); }

void put_times(struct text *text, const char *string, int times) {
    while (times-- > 0) puts_to(text, string);
}

void putf(struct text *text, const char *fmt, ...) {
    char line[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    puts_to(text, line);
}

void put_letters(uint64_t *random, struct text *text) {
    for (int i = 0; i < 12; i++) putf(text, "%c", 'a' + fuzz_below(random, 26));
}

void put_encoded(uint64_t *random, struct text *text, const char *value) {
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        bool plain = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || *c == '-';

        if (plain && fuzz_below(random, 50) > 0)
            put(text, c, 1);
        else
            putf(text, fuzz_below(random, 2) ? "%%%02x" : "%%%02X", *c);
    }
}

void spoil_bytes(uint64_t *random, struct text *text) {
    static const char garbage[] = "\0\r\n\t :;,\"\\{}[]%/?&=+\xff\x80\xc3z0";
    int times = 1 + fuzz_below(random, 8);

    while (times-- > 0 && text->len > 0) {
        size_t at = (size_t)fuzz_below(random, (int)text->len);

        if (fuzz_below(random, 8) == 0)
            text->len = at;
        else if (fuzz_below(random, 2) == 0)
            text->bytes[at] = garbage[fuzz_below(random, sizeof(garbage) - 1)];
        else
            text->bytes[at] = (char)kpk_random(random);
    }
}
