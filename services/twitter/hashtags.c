#include "services/twitter/hashtags.h"

#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* The characters of the C library's own Unicode locale, whatever that of the process. */
static locale_t utf8;
static wctype_t combining;

int hashtags_init(struct kpk_err *err) {
    if (!utf8) utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (utf8) combining = wctype_l("combining", utf8);
    if (!combining) return kpk_fail(err, KPK_FATAL, "hashtags: the locale C.UTF-8 is missing");
    return 0;
}

/* The character at '*at', which moves past it; 0 at the end. */
static wchar_t next(const char **at) {
    mbstate_t state = {0};
    wchar_t c;

    if (**at == '\0') return 0;
    size_t len = mbrtowc(&c, *at, strnlen(*at, MB_LEN_MAX), &state);
    if (len > MB_LEN_MAX) { /* malformed: no part of any tag */
        ++*at;
        return WEOF;
    }
    *at += len;
    return c;
}

static bool is_hash(wchar_t c) { return c == L'#' || c == L'＃'; }

static bool is_mark(wchar_t c) { return iswctype((wint_t)c, combining); }

/* twitter-text's hashtagSpecialChars, the joiners of Arabic and Indic scripts among them. */
static bool is_special(wchar_t c) {
    return c && wcschr(L"_\u200c\u200d\ua67e\u05be\u05f3\u05f4\uff5e\u301c\u309b\u309c\u30a0"
                       L"\u30fb\u3003\u0f0b\u0f0c\u00b7",
                       c);
}

static bool in_tag(wchar_t c) { return iswalnum((wint_t)c) || is_mark(c) || is_special(c); }

static bool may_precede(wchar_t c) { return !in_tag(c) && c != L'&' && c != L'/'; }

static bool may_follow(const char *at) {
    return strncmp(at, "://", 3) != 0 && !is_hash(next(&at));
}

/* Read what follows a #.
 * at       moves past all characters of tags, whether they are one or not
 * last     out; the last of them, untouched if there is none */
static bool read_tag(const char **at, wchar_t *last, char *tag) {
    bool letter = false, begins_well = false;
    size_t points = 0, len = 0;
    const char *ahead = *at;

    for (wchar_t c; in_tag(c = next(&ahead)); *at = ahead, *last = c) {
        mbstate_t state = {0};
        if (points == 0) begins_well = !is_mark(c);
        if (++points > HASHTAG_POINTS) continue;
        letter = letter || iswalpha((wint_t)c);
        len += wcrtomb(tag + len, (wchar_t)towlower((wint_t)c), &state);
    }
    tag[len] = '\0';
    return letter && begins_well && points <= HASHTAG_POINTS && may_follow(*at);
}

static bool has(char (*tags)[HASHTAG_BYTES], size_t count, const char *tag) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(tags[i], tag) == 0) return true;
    return false;
}

size_t hashtags_find(const char *text, char (*tags)[HASHTAG_BYTES]) {
    locale_t before = uselocale(utf8);
    wchar_t c, previous = L' ';
    size_t count = 0;

    while (count < HASHTAGS_MOST && (c = next(&text))) {
        bool begins = is_hash(c) && may_precede(previous);
        previous = c;
        if (begins && read_tag(&text, &previous, tags[count]) && !has(tags, count, tags[count]))
            count++;
    }
    uselocale(before);
    return count;
}

int hashtag_read(const char *text, char tag[HASHTAG_BYTES]) {
    locale_t before = uselocale(utf8);
    const char *at = text;
    wchar_t ignored;
    bool found;

    if (!is_hash(next(&at))) at = text;
    found = read_tag(&at, &ignored, tag) && *at == '\0';
    uselocale(before);
    return found ? 0 : -1;
}
