/* UTF-8 as RFC 3629 has it: no surrogates, nothing above U+10FFFF, no overlong form. */
#ifndef KPK_COMMON_UTF8_H
#define KPK_COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of the character at 'text', of which 'len' (at least 1) may be read.
 * returns  1..4, or 0 when it is malformed or cut */
size_t kpk_utf8_next(const char *text, size_t len);

/* The code point of a character whose length kpk_utf8_next() said. */
uint32_t kpk_utf8_point(const char *text, size_t len);

/* What Unicode calls a control character (Cc): below U+0020, and U+007F to U+009F. */
bool kpk_utf8_control(uint32_t point);
/* Unicode's White_Space. */
bool kpk_utf8_space(uint32_t point);

/* Is all of 'text' well-formed? returns 1 or 0.
 * code_points  out, may be NULL: how many characters */
int kpk_utf8_valid(const char *text, size_t len, size_t *code_points);

/* Put '?' in place of each byte of 'text' (NUL-terminated) that belongs to no character. */
void kpk_utf8_repair(char *text);
/* The same, and in place of each byte of a control character: what is left is one line. */
void kpk_utf8_line(char *text);

#endif
