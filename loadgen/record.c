#include "loadgen/record.h"

#include <stdio.h>
#include <string.h>

#define HEAD                                                                                   \
    "{\"run\":\"......\",\"stream\":\"0000000000\",\"seq\":\"0000000000\",\"us\":"             \
    "\"0000000000000000\",\"text\":\""
#define TAIL "\"}"

enum {
    RUN_AT = 8,
    STREAM_AT = RUN_AT + 6 + 12,
    SEQ_AT = STREAM_AT + 10 + 9,
    US_AT = SEQ_AT + 10 + 8,
    NUMBER_DIGITS = 10,
    US_DIGITS = 16,
};

/* Words in an order of chance, as people's are; xorshift32 (Marsaglia). */
static void write_words(char *at, const char *end, uint32_t variant) {
    static const char *const words[] = {
        "the ",  "of ",   "at ",    "who ",    "never ", "night ", "morning ",  "train ",
        "tea ",  "cold ", "work ",  "see ",    "you ",   "later ", "maybe ",    "again ",
        "home ", "rain ", "music ", "friend ", "call ",  "quick ", "photo ",    "sorry ",
        "yes ",  "no ",   "where ", "bus ",    "late ",  "happy ", "birthday ", "tomorrow "};
    uint32_t x = variant * 2654435761u | 1;

    while (at < end) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        for (const char *c = words[x >> 27]; *c && at < end;) *at++ = *c++;
    }
}

void load_record_template(char *value, size_t bytes, const char run[LOAD_RUN_BYTES],
                          uint32_t variant) {
    size_t at = strlen(HEAD), end = bytes - strlen(TAIL);

    memcpy(value, HEAD, at);
    memcpy(value + RUN_AT, run, LOAD_RUN_BYTES - 1);
    write_words(value + at, value + end, variant);
    memcpy(value + end, TAIL, strlen(TAIL));
}

void load_record_words(char *out, size_t bytes, uint32_t variant) {
    write_words(out, out + bytes - 1, variant);
    out[bytes - 1] = '\0';
}

static void put(char *at, int digits, uint64_t number) {
    while (digits-- > 0) {
        at[digits] = (char)('0' + number % 10);
        number /= 10;
    }
}

static bool get(const char *at, int digits, uint64_t *number) {
    *number = 0;
    for (int i = 0; i < digits; i++) {
        unsigned digit = (unsigned char)at[i] - (unsigned)'0';
        if (digit > 9) return false;
        *number = *number * 10 + digit;
    }
    return true;
}

void load_record_set(char *value, uint32_t stream, uint32_t seq, int64_t us) {
    put(value + STREAM_AT, NUMBER_DIGITS, stream);
    put(value + SEQ_AT, NUMBER_DIGITS, seq);
    put(value + US_AT, US_DIGITS, (uint64_t)us);
}

bool load_record_get(const char *value, size_t bytes, const char run[LOAD_RUN_BYTES],
                     uint32_t *stream, uint32_t *seq, int64_t *us) {
    uint64_t numbers[3];

    if (bytes < LOAD_VALUE_LEAST || memcmp(value + RUN_AT, run, LOAD_RUN_BYTES - 1) != 0 ||
        !get(value + STREAM_AT, NUMBER_DIGITS, &numbers[0]) ||
        !get(value + SEQ_AT, NUMBER_DIGITS, &numbers[1]) ||
        !get(value + US_AT, US_DIGITS, &numbers[2]))
        return false;
    *stream = (uint32_t)numbers[0];
    *seq = (uint32_t)numbers[1];
    *us = (int64_t)numbers[2];
    return true;
}
