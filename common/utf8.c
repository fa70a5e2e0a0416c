#include "common/utf8.h"

#include <string.h>

/* The Unicode Standard, table 3-7: well-formed byte sequences. Only the second byte has bounds
 * of its own; the third and fourth are 80..BF. */
/* clang-format off */
static const struct {
    unsigned char first_min, first_max, second_min, second_max, len;
} forms[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};
/* clang-format on */

size_t kpk_utf8_next(const char *text, size_t len) {
    const unsigned char *s = (const unsigned char *)text;

    if (s[0] < 0x80) return 1;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (s[0] < forms[i].first_min || s[0] > forms[i].first_max) continue;
        if (len < forms[i].len) return 0;
        if (s[1] < forms[i].second_min || s[1] > forms[i].second_max) return 0;
        for (size_t n = 2; n < forms[i].len; n++)
            if (s[n] < 0x80 || s[n] > 0xbf) return 0;
        return forms[i].len;
    }
    return 0;
}

uint32_t kpk_utf8_point(const char *text, size_t len) {
    const unsigned char *s = (const unsigned char *)text;
    uint32_t point = len == 1 ? s[0] : s[0] & (0x7fu >> len);

    for (size_t i = 1; i < len; i++) point = point << 6 | (s[i] & 0x3f);
    return point;
}

bool kpk_utf8_control(uint32_t point) {
    return point < 0x20 || (point >= 0x7f && point <= 0x9f);
}

bool kpk_utf8_space(uint32_t point) {
    static const uint32_t others[] = {0x0085, 0x00a0, 0x1680, 0x2028,
                                      0x2029, 0x202f, 0x205f, 0x3000};

    if (point == ' ' || (point >= '\t' && point <= '\r')) return true;
    if (point >= 0x2000 && point <= 0x200a) return true;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (point == others[i]) return true;
    return false;
}

int kpk_utf8_valid(const char *text, size_t len, size_t *code_points) {
    size_t count = 0;

    for (size_t at = 0, step; at < len; at += step, count++) {
        step = kpk_utf8_next(text + at, len - at);
        if (step == 0) return 0;
    }
    if (code_points) *code_points = count;
    return 1;
}

static void replace(char *text, bool controls) {
    size_t len = strlen(text);

    for (size_t at = 0, step; at < len; at += step) {
        step = kpk_utf8_next(text + at, len - at);
        if (step && !(controls && kpk_utf8_control(kpk_utf8_point(text + at, step)))) continue;
        if (step == 0) step = 1;
        memset(text + at, '?', step);
    }
}

void kpk_utf8_repair(char *text) { replace(text, false); }

void kpk_utf8_line(char *text) { replace(text, true); }
