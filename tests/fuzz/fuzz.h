/* Fuzzers: what must hold of anything that a stranger may send, tried with inputs that nobody
 * thought of. A target is one file with one function:
 *
 *   int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { ... must(...); return 0; }
 *
 * and corpus/<target>/ holds inputs to begin with, and each that once broke it. The unit tests run through
 * it as it is; the fuzzers mutate it. */
#ifndef KPK_TESTS_FUZZ_FUZZ_H
#define KPK_TESTS_FUZZ_FUZZ_H

#include "common/utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process, which is how a fuzzer is told of a finding. */
#define must(condition)                                                                        \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);     \
            abort();                                                                           \
        }                                                                                      \
    } while (0)

/* The input on the heap, so that a byte read past its end is seen; for free(). */
static inline char *fuzz_bytes(const uint8_t *data, size_t size) {
    char *bytes = calloc(size ? size : 1, 1);

    must(bytes);
    if (size) memcpy(bytes, data, size);
    return bytes;
}

/* The same as a C string, up to a NUL in it. */
static inline char *fuzz_string(const uint8_t *data, size_t size) {
    char *text = size ? strndup((const char *)data, size) : strdup("");

    must(text);
    return text;
}

/* One line of UTF-8 without control characters of either kind: fit for a log, an answer, a
 * terminal. */
static inline bool fuzz_is_line(const char *text) {
    size_t len = strlen(text);

    for (size_t at = 0, step; at < len; at += step) {
        step = kpk_utf8_next(text + at, len - at);
        if (step == 0 || kpk_utf8_control(kpk_utf8_point(text + at, step))) return false;
    }
    return true;
}

#endif
