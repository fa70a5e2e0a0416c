/* common/utf8 against the definition: a character is well-formed when its code point, encoded
 * again in the shortest way, gives the same bytes (RFC 3629, 3). */
#include "tests/fuzz/fuzz.h"

/* returns  the bytes of 'point' in UTF-8, 0: it has none */
static size_t encode(uint32_t point, unsigned char *out) {
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return 0;
    if (point < 0x80) return out[0] = (unsigned char)point, 1;
    size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = len; i > 1; i--, point >>= 6)
        out[i - 1] = (unsigned char)(0x80 | (point & 0x3f));
    out[0] = (unsigned char)(0xf00 >> len | point);
    return len;
}

/* As kpk_utf8_next(), by trying each length. */
static size_t next(const char *text, size_t len) {
    for (size_t n = 1; n <= 4 && n <= len; n++) {
        unsigned char again[4];
        uint32_t point = kpk_utf8_point(text, n);
        if (encode(point, again) == n && memcmp(again, text, n) == 0) return n;
    }
    return 0;
}

static void check_repair(const char *text, size_t len) {
    char *copy = strdup(text), *twice;

    must(copy);
    kpk_utf8_repair(copy);
    must(strlen(copy) == len && kpk_utf8_valid(copy, len, NULL));
    for (size_t at = 0, step; at < len; at += step) {
        step = next(text + at, len - at);
        must(step ? memcmp(copy + at, text + at, step) == 0 : copy[at] == '?');
        if (step == 0) step = 1;
    }
    twice = strdup(copy);
    must(twice);
    kpk_utf8_repair(twice);
    must(strcmp(twice, copy) == 0);
    kpk_utf8_line(twice);
    must(strlen(twice) == len && fuzz_is_line(twice));
    must(!fuzz_is_line(copy) || strcmp(twice, copy) == 0);
    free(twice);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *bytes = fuzz_bytes(data, size), *text = fuzz_string(data, size);
    size_t count = 0, points = 0;
    bool valid = true;

    for (size_t at = 0, step; at < size; at += step, count++) {
        step = next(bytes + at, size - at);
        must(kpk_utf8_next(bytes + at, size - at) == step);
        if (step == 0) valid = false, step = 1;
    }
    must(kpk_utf8_valid(bytes, size, &points) == valid);
    must(!valid || points == count);
    check_repair(text, strlen(text));
    free(text);
    free(bytes);
    return 0;
}
