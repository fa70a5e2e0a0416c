/* What a word is to Twitter's search: one rule, for the tweets that are indexed and for the queries
 * that look for them.
 *
 * A word is a run of letters and digits; case does not matter. All ASCII punctuation ends a word.
 * PostgreSQL's parser alone would make one word of "example.com/a", drop "<b>", and then not find
 * what is in them. In scripts that put no spaces between words (Han, Hiragana, Katakana) every
 * character is a word, and a query for several of them is a phrase, so that any part of a sentence
 * finds it.
 *
 * The text search configuration is 'simple': no stemming and no stop words, since tweets are in any
 * language, and since a tweet is to be found by each of its words. */
#ifndef KPK_SERVICES_TWITTER_WORDS_H
#define KPK_SERVICES_TWITTER_WORDS_H

#include "common/err.h"

#include <stddef.h>

enum { TWITTER_QUERY_POINTS = 500 };

/* Bytes that the functions below write for 'bytes' of text, the end included, at most. */
#define TWITTER_WORDS_BYTES(bytes) (2 * (bytes) + 1)
#define TWITTER_QUERY_BYTES (3 * 4 * TWITTER_QUERY_POINTS + 2)

/* A tweet's text (valid UTF-8) for to_tsvector(): words between spaces. */
void twitter_words(const char *text, char *out);

/* What a person typed into a search box, for websearch_to_tsquery(), which takes any text: words
 * that must all be there, "a phrase", a or b, -without. Nothing of it is ever SQL.
 * out      at least TWITTER_QUERY_BYTES
 * returns  0, or -1 with 'err' (REJECT): not UTF-8, too long, or a control character. Whether there
 *          is a word in it only PostgreSQL knows. */
int twitter_query(const char *q, char *out, struct kpk_err *err) KPK_MUST_CHECK;

#endif
