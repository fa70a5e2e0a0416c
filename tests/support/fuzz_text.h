/* Chance, and texts made by it, for openapi_fuzz.c. */
#ifndef KPK_TESTS_SUPPORT_FUZZ_TEXT_H
#define KPK_TESTS_SUPPORT_FUZZ_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { TEXT_BYTES = 24 << 10 };

/* What is put into it ends where the room does: a request that is cut is one more bad request. */
struct text {
    size_t len;
    char bytes[TEXT_BYTES];
};

/* 0 .. limit-1; 'random' is a seed at first, any is a good one. */
int fuzz_below(uint64_t *random, int limit);

void put(struct text *text, const void *bytes, size_t len);
void puts_to(struct text *text, const char *string);
void put_times(struct text *text, const char *string, int times);
/* At most 255 bytes. */
void putf(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Twelve of a to z. */
void put_letters(uint64_t *random, struct text *text);
/* Percent-encoded wherever it must be, and sometimes where it need not. */
void put_encoded(uint64_t *random, struct text *text, const char *value);
/* Any bytes at all in place of some, or none from here on. */
void spoil_bytes(uint64_t *random, struct text *text);

#endif
