#include "tools/kpk/safe.h"

#include "common/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Characters above ASCII that must not reach a terminal, in order. ZWJ and ZWNJ (200c, 200d)
 * are not among them: emoji and Persian are spelt with them. */
static const struct {
    uint32_t first, last;
} unsafe[] = {
    {0x0080, 0x009f},   /* C1: 9b begins an escape sequence as ESC [ does */
    {0x00ad, 0x00ad},   /* soft hyphen */
    {0x061c, 0x061c},   /* bidi: Arabic letter mark */
    {0x180e, 0x180e},   /* Mongolian vowel separator */
    {0x200b, 0x200b},   /* zero width space */
    {0x200e, 0x200f},   /* bidi: marks */
    {0x2028, 0x202e},   /* line and paragraph separator; bidi: embeddings and overrides */
    {0x2060, 0x206f},   /* invisible operators; bidi: isolates */
    {0xfeff, 0xfeff},   /* byte order mark */
    {0xfff9, 0xfffb},   /* interlinear annotation */
    {0xe0000, 0xe007f}, /* tags */
};

static bool is_unsafe(uint32_t point) {
    if (point < 0x80) return point < 0x20 || point == 0x7f;
    for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++)
        if (point <= unsafe[i].last) return point >= unsafe[i].first;
    return false;
}

void kpk_safe_print(FILE *out, const void *data, size_t len, size_t max) {
    const char *bytes = data;
    size_t at = 0;

    while (at < len) {
        size_t step = kpk_utf8_next(bytes + at, len - at), n = step ? step : 1;
        uint32_t point = kpk_utf8_point(bytes + at, n);
        if (max && at + n > max) break;
        if (step == 0 || (step == 1 && is_unsafe(point)))
            fprintf(out, "\\x%02x", (unsigned char)bytes[at]);
        else if (is_unsafe(point))
            fprintf(out, "\\u{%x}", point);
        else
            fwrite(bytes + at, 1, n, out);
        at += n;
    }
    if (at < len) fprintf(out, "... (%zu bytes)", len);
}

char *kpk_safe_text(const void *bytes, size_t len, size_t max) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool failed;

    if (!out) return NULL;
    kpk_safe_print(out, bytes, len, max);
    failed = ferror(out);
    if (fclose(out) == 0 && !failed) return text;
    free(text);
    return NULL;
}

void kpk_safe_print_json(FILE *out, const char *json) {
    size_t len = strlen(json);

    for (size_t at = 0, n; at < len; at += n) {
        n = kpk_utf8_next(json + at, len - at);
        if (n == 0) n = 1;
        uint32_t point = kpk_utf8_point(json + at, n);
        if (point < 0x7f || !is_unsafe(point))
            fwrite(json + at, 1, n, out);
        else if (point < 0x10000)
            fprintf(out, "\\u%04x", point);
        else
            fprintf(out, "\\u%04x\\u%04x", 0xd7c0 + (point >> 10), 0xdc00 + (point & 0x3ff));
    }
}

char *kpk_base64(const void *data, size_t len) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = data;
    char *text = malloc((len + 2) / 3 * 4 + 1), *to = text;

    if (!text) return NULL;
    for (size_t at = 0; at < len; at += 3) {
        size_t n = len - at < 3 ? len - at : 3;
        uint32_t group = (uint32_t)bytes[at] << 16;
        if (n > 1) group |= (uint32_t)bytes[at + 1] << 8;
        if (n > 2) group |= bytes[at + 2];
        for (size_t i = 0; i < 4; i++)
            *to++ = i <= n ? digits[group >> (18 - 6 * i) & 0x3f] : '=';
    }
    *to = '\0';
    return text;
}
