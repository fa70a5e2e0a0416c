#include "services/twitter/words.h"

#include "common/utf8.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* One character of a text, and what it is to a word. */
enum kind {
    SPACE,  /* white space */
    BREAK,  /* other ASCII that is neither letter nor digit */
    LETTER, /* part of a word; which of those beyond ASCII are, PostgreSQL's parser decides */
    WHOLE,  /* a word by itself */
};

/* What the character at 'at' is. returns  its bytes; 0: the text ends here, which is a SPACE */
static size_t look(const char *at, enum kind *kind) {
    static const struct {
        uint32_t first, last;
    } whole[] = {
        {0x3005, 0x3007},   /* iteration mark, closing mark, zero */
        {0x3041, 0x30ff},   /* Hiragana, Katakana */
        {0x3400, 0x4dbf},   /* Han: extension A */
        {0x4e00, 0x9fff},   /* Han */
        {0xf900, 0xfaff},   /* Han: compatibility */
        {0x20000, 0x3ffff}, /* Han: extension B and all after it */
    };
    size_t bytes = *at ? kpk_utf8_next(at, 4) : 0;
    uint32_t point = kpk_utf8_point(at, bytes);

    *kind = LETTER;
    if (bytes == 0 || kpk_utf8_space(point))
        *kind = SPACE;
    else if (bytes == 1 && !isalnum((int)point))
        *kind = BREAK;
    for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
        if (point >= whole[i].first && point <= whole[i].last) *kind = WHOLE;
    return bytes;
}

/* --- a tweet ----------------------------------------------------------------------------- */

void twitter_words(const char *text, char *out) {
    enum kind kind;

    for (size_t bytes; (bytes = look(text, &kind)); text += bytes) {
        if (kind < LETTER || kind == WHOLE) *out++ = ' ';
        if (kind >= LETTER) out = mempcpy(out, text, bytes);
        if (kind == WHOLE) *out++ = ' ';
    }
    *out = '\0';
}

/* --- a query ----------------------------------------------------------------------------- */

static int check(const char *q, struct kpk_err *err) {
    size_t points;

    if (!kpk_utf8_valid(q, strlen(q), &points))
        return kpk_fail(err, KPK_REJECT, "not valid UTF-8");
    if (points > TWITTER_QUERY_POINTS)
        return kpk_fail(err, KPK_REJECT, "%zu characters, at most %d", points,
                        TWITTER_QUERY_POINTS);
    for (size_t bytes; *q; q += bytes) {
        bytes = kpk_utf8_next(q, 4);
        uint32_t point = kpk_utf8_point(q, bytes);
        if (kpk_utf8_control(point) && !kpk_utf8_space(point))
            return kpk_fail(err, KPK_REJECT, "control character U+%04" PRIX32, point);
    }
    return 0;
}

struct writer {
    char *begin, *end;
    bool quoted; /* within a phrase that the person wrote ... */
    bool joined; /* ... or within one made of WHOLE characters that stand together */
};

static void put(struct writer *out, char c) { *out->end++ = c; }

/* Apart from what is before it, unless that is its minus. */
static void open_phrase(struct writer *out) {
    if (out->end == out->begin || out->end[-1] != '-') put(out, ' ');
    put(out, '"');
}

static void close_phrase(struct writer *out) {
    put(out, '"');
    put(out, ' ');
}

static void put_quote(struct writer *out) {
    if (out->quoted)
        close_phrase(out);
    else
        open_phrase(out);
    out->quoted = !out->quoted;
}

static void put_character(struct writer *out, enum kind kind, const char *at, size_t bytes) {
    if (kind == WHOLE && !out->quoted && !out->joined) {
        open_phrase(out);
        out->joined = true;
    }
    out->end = mempcpy(out->end, at, bytes);
    if (kind == WHOLE) put(out, ' ');
}

/* A minus says "without" only between a space and a word or phrase: "well-known" is two words. */
static bool is_minus(enum kind before, const char *at) {
    enum kind after;

    if (*at != '-' || before != SPACE) return false;
    look(at + 1, &after);
    return after >= LETTER || at[1] == '"';
}

int twitter_query(const char *q, char *text, struct kpk_err *err) {
    struct writer out = {.begin = text, .end = text};
    enum kind kind, before = SPACE;

    if (check(q, err)) return -1;
    for (size_t bytes; (bytes = look(q, &kind)); q += bytes, before = kind) {
        if (out.joined && kind != WHOLE) {
            close_phrase(&out);
            out.joined = false;
        }
        if (*q == '"')
            put_quote(&out);
        else if (kind >= LETTER)
            put_character(&out, kind, q, bytes);
        else
            put(&out, !out.quoted && is_minus(before, q) ? '-' : ' ');
    }
    if (out.quoted || out.joined) put(&out, '"');
    put(&out, '\0');
    return 0;
}
