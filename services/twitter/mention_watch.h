/* Watches the mentions that arrive on notifications-pending, as a program would that notifies: an
 * event may be there more than once (a worker died before its commit), and is known again by its
 * ce_id. For tests and demos: it belongs to no group, and nobody notices it. */
#ifndef KPK_SERVICES_TWITTER_MENTION_WATCH_H
#define KPK_SERVICES_TWITTER_MENTION_WATCH_H

#include "common/err.h"
#include "services/twitter/mentions.h"

struct mention_watch; /* one thread uses it */

/* From here on: what arrives after the call is seen.
 * returns  0, or -1 with 'err': WAIT no broker answers; FATAL */
int mention_watch_open(struct mention_watch **watch, struct kpk_err *err) KPK_MUST_CHECK;
void mention_watch_close(struct mention_watch *watch); /* NULL is fine */

/* Tell of every mention that has arrived and was not told of before; in order for each recipient.
 * What is no mention, others notify of too, is passed over.
 * returns  0, or -1 with 'err' (FATAL) */
typedef void (*mention_fn)(const struct twitter_mention *mention, void *ctx);
int mention_watch_read(struct mention_watch *watch, mention_fn on_mention, void *ctx,
                       struct kpk_err *err) KPK_MUST_CHECK;

/* Events so far whose ce_id had been there before. */
int mention_watch_repeated(const struct mention_watch *watch);

#endif
