/* Mentions: whom a tweet names, and the event that asks to tell him.
 *
 * A mention is what Twitter's own rules (twitter-text) take for one: an @ and a handle,
 *
 *   @ada   .@ada!   (@ada)   w/@ada   こんにちは@adaさん   @Ada: case does not matter
 *
 * and not where the @ belongs to something else:
 *
 *   ada@example.com        a letter, digit or one of _!#$%&*@ before it: an address, or a word
 *   example.com/@ada       in a web address
 *   @ada@example.com       another @ behind the handle
 *   @adaé   @http://...    the handle does not end there */
#ifndef KPK_SERVICES_TWITTER_MENTIONS_H
#define KPK_SERVICES_TWITTER_MENTIONS_H

#include "services/twitter/events.h"

#include <stddef.h>

#define TWITTER_NOTIFICATION_REQUESTED "notification.requested"

enum {
    /* Each takes at least three code points, "@a ", but for the last one's space. */
    TWITTER_MENTIONS_MAX = (TWITTER_TEXT_POINTS + 1) / 3,
};

/* The handles that 'text' (of a tweet: valid UTF-8) mentions, in lower case, each once, in the
 * order of the text. Whether somebody has them only the database knows.
 * handles  out; TWITTER_MENTIONS_MAX of them
 * returns  how many */
size_t twitter_mentions(const char *text, char (*handles)[TWITTER_HANDLE_BYTES]);

/* topology/schemas/notification.requested.json, as Twitter asks for it: category and template
 * "mention". What the template fills in are the tweet and its author. */
struct twitter_mention {
    char id[KPK_UUID_BYTES]; /* notification_id, and the event's ce_id */
    char recipient_id[TWITTER_ID_BYTES];
    char tweet_id[KPK_UUID_BYTES];
    char author_id[TWITTER_ID_BYTES];
    char author_handle[TWITTER_HANDLE_BYTES];
    char text[TWITTER_TEXT_BYTES + 1];
    int64_t created_at; /* of the tweet */
};

/* The name-based id of what 'tweet_id' has to tell 'recipient_id': whoever asks again, after a crash
 * or because the tweet came twice, asks under the same id. */
void twitter_mention_id(const char *tweet_id, const char *recipient_id,
                        char out[KPK_UUID_BYTES]);

/* JSON for the event's value. returns a string for free(), or NULL: memory is short */
char *twitter_mention_encode(const struct twitter_mention *mention);

/* From an event that kpk_event_decode() took. REJECT: not such an event, or not one of a mention */
int twitter_mention_decode(const struct kpk_event *event, struct twitter_mention *mention,
                           struct kpk_err *err) KPK_MUST_CHECK;

#endif
