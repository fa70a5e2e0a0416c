/* What the three workers do with a batch of notifications: the same, each on its channel.
 *
 *   notifications-pending --(group email-workers)--> look (1) --> claim (2) --> send (3) --> record (4) --> commit
 *
 *   (1) one query: the recipients' addresses and preferences, and what was delivered already. Not allowed, or
 *       no address: skipped. No such user: REJECT, so that he can be registered and the letter redriven.
 *   (2) one statement: a row each in 'deliveries', the attempt counted
 *   (3) the provider, many at once, those to one recipient in order; its answer is OK, RETRY or REJECT for
 *       each, and WAIT for all that are left when it is down. A last try that fails is a REJECT, unless it may
 *       be the provider that failed: nobody else had an answer meanwhile (provider.h). Then it goes through the
 *       last tier once more: to WAIT would be to hold up, for it, those whose answers are to tell
 *   (4) one statement: what became of each, also when the provider went down on the way
 *
 * A batch that waits is begun anew each time. Who was delivered is known by (1); what a provider refused, for good or
 * for a while, is kept in memory until the batch is done, and is not asked again.
 *
 * At least once, and effectively once by (notification, channel): what is 'delivered' or 'skipped' is not done
 * again, whoever asks and however often. Fault points: notification:after-claim, -after-send, -after-record.
 *
 *   crash before (3)            nothing was sent; the row says 'sending', the event comes again and takes it over
 *   crash between (3) and (4)   the event comes again and is sent again, under the same idempotency key: a
 *                               provider that keeps it delivers once. SMTP keeps none: a mail comes twice
 *   crash between (4) and the commit   the event comes again, and (1) says that it is done; one that was
 *                               RETRY or REJECT is tried once more
 *   PostgreSQL gone at (4)      what is to be recorded is kept, and recorded before anything else is done
 *
 * A 'rejected' row is no end: its record comes again only by a redrive, or by a crash before its commit, and
 * is tried again then. */
#ifndef KPK_SERVICES_NOTIFICATION_CHANNEL_H
#define KPK_SERVICES_NOTIFICATION_CHANNEL_H

#include "patterns/fanout/fanout.h"
#include "services/notification/provider.h"

extern const struct kpk_fanout_effect notify_by_channel;

/* The provider that the members opened from now on use, and so their channel.
 * opts  the caller's, and read at each open: it may be filled in between */
void notification_channel_use(const struct notification_provider_opts *opts);

#endif
