/* What is found in the text of a tweet: whom it mentions, its hashtags, its words; and what a person
 * typed into the search box. Each keeps within the room that its header promises, and what it
 * found is what it would find again. */
#include "services/twitter/hashtags.h"
#include "services/twitter/mentions.h"
#include "services/twitter/words.h"
#include "tests/fuzz/fuzz.h"

#include <ctype.h>

/* On the heap with exactly the room that is promised, so that a byte more is seen. */
static void *room(size_t bytes) {
    void *memory = malloc(bytes);

    must(memory);
    return memory;
}

static void check_mentions(const char *text) {
    char(*handles)[TWITTER_HANDLE_BYTES] = room(TWITTER_MENTIONS_MAX * sizeof(*handles));
    char(*again)[TWITTER_HANDLE_BYTES] = room(TWITTER_MENTIONS_MAX * sizeof(*again));
    size_t count = twitter_mentions(text, handles);
    char alone[TWITTER_HANDLE_BYTES + 1];

    must(count <= TWITTER_MENTIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(handles[i]);
        must(len > 0 && len < TWITTER_HANDLE_BYTES);
        must(strspn(handles[i], "abcdefghijklmnopqrstuvwxyz0123456789_") == len);
        must(strcasestr(text, handles[i]));
        for (size_t other = 0; other < i; other++)
            must(strcmp(handles[i], handles[other]) != 0);
        snprintf(alone, sizeof(alone), "@%s", handles[i]);
        must(twitter_mentions(alone, again) == 1 && strcmp(again[0], handles[i]) == 0);
    }
    free(again);
    free(handles);
}

static void check_hashtags(const char *text) {
    char(*tags)[HASHTAG_BYTES] = room(HASHTAGS_MOST * sizeof(*tags));
    size_t count = hashtags_find(text, tags), points;
    char again[HASHTAG_BYTES];

    must(count <= HASHTAGS_MOST);
    for (size_t i = 0; i < count; i++) {
        must(fuzz_is_line(tags[i]) && !strpbrk(tags[i], " #/&"));
        must(kpk_utf8_valid(tags[i], strlen(tags[i]), &points));
        must(points > 0 && points <= HASHTAG_POINTS);
        for (size_t other = 0; other < i; other++) must(strcmp(tags[i], tags[other]) != 0);
        must(hashtag_read(tags[i], again) == 0 && strcmp(again, tags[i]) == 0);
    }
    free(tags);
}

/* Of ASCII only letters, digits, spaces, and in a query " and the - before what is left out. */
static void check_plain(const char *text, const char *more) {
    must(kpk_utf8_valid(text, strlen(text), NULL));
    for (const char *c = text; *c; c++)
        must((unsigned char)*c >= 0x80 || isalnum(*c) || *c == ' ' || strchr(more, *c));
}

static void check_words(const char *text) {
    char *words = room(TWITTER_WORDS_BYTES(strlen(text)));

    twitter_words(text, words);
    check_plain(words, "");
    free(words);
}

static void check_query(const char *text) {
    char *query = room(TWITTER_QUERY_BYTES);
    struct kpk_err err = {.msg = ""};
    size_t quotes = 0;

    if (twitter_query(text, query, &err)) {
        must(err.verdict == KPK_REJECT && *err.msg && fuzz_is_line(err.msg));
    } else {
        check_plain(query, "\"-");
        for (const char *c = query; *c; c++) quotes += *c == '"';
        must(quotes % 2 == 0);
    }
    free(query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_string(data, size);
    struct kpk_err err;

    must(hashtags_init(&err) == 0);
    check_query(text);
    if (twitter_text_check(text, &err) == 0) {
        check_mentions(text);
        check_hashtags(text);
        check_words(text);
    }
    free(text);
    return 0;
}
