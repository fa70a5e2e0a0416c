/* Hashtags in a tweet's text, by the rules that Twitter publishes (twitter-text), as far as the C
 * library knows the characters:
 *
 *   begins   with # or its full-width form, at the start of the text or after a character that is
 *            neither part of a tag nor & nor / (so not in "a#b", in "&#38;" or in a link "x.com/#b")
 *   holds    letters of any script, their combining marks, digits, _ and Twitter's few special ones;
 *            at least one letter, and no combining mark at its beginning (the keycap emoji)
 *   ends     where they end; one that is followed by another # or by :// is none
 *
 * Tags are compared lower-cased, character by character; composed and decomposed accents stay
 * different, and digits of other scripts than 0-9 count as letters. Longer than HASHTAG_POINTS it is
 * not a tag, and a tweet has at most HASHTAGS_MOST: whoever writes more wants to be counted more. */
#ifndef KPK_SERVICES_TWITTER_HASHTAGS_H
#define KPK_SERVICES_TWITTER_HASHTAGS_H

#include "common/err.h"

#include <stddef.h>

enum { HASHTAG_POINTS = 100, HASHTAG_BYTES = HASHTAG_POINTS * 4 + 1, HASHTAGS_MOST = 30 };

/* Call it before the others, and before threads start.
 * returns  0, or -1 with 'err' (FATAL: the C library has no table of characters) */
int hashtags_init(struct kpk_err *err) KPK_MUST_CHECK;

/* The tags in 'text' (UTF-8), without #, lower-cased, each once, in the order of the text.
 * tags     out; room for HASHTAGS_MOST
 * returns  their number */
size_t hashtags_find(const char *text, char (*tags)[HASHTAG_BYTES]);

/* A single tag as a person names it, "#Kafka" or "kafka".
 * tag      out, as hashtags_find() has it
 * returns  0, or -1: not a tag */
int hashtag_read(const char *text, char tag[HASHTAG_BYTES]) KPK_MUST_CHECK;

#endif
