/* A thread for each transfer of a protocol that libcurl cannot leave while it waits: at the end of a mail it waits
 * for the server's last reply inside curl_multi_perform(), and one mail server that hangs would let all other
 * transfers of that thread time out. */
#ifndef KPK_SERVICES_NOTIFICATION_PERFORMER_H
#define KPK_SERVICES_NOTIFICATION_PERFORMER_H

#include "services/notification/transfer.h"

struct performers; /* used by one thread, beside its own */

/* count  threads, one for each of 'transfers'
 * multi  is woken (curl_multi_wakeup()) when one of them is done
 * returns  NULL: no memory, or no threads */
struct performers *performers_open(struct transfer *transfers, int count, CURLM *multi);
/* None of them is under way. NULL is fine */
void performers_close(struct performers *performers);

/* Begin an idle one whose options are set. */
void performers_start(struct performers *performers, struct transfer *transfer);
/* One that is done, and idle again. NULL: there is none now
 * code  out: how it ended */
struct transfer *performers_take(struct performers *performers, CURLcode *code);
/* End those that are under way, within a second or so, and wait for them. They are to be taken. */
void performers_abort(struct performers *performers);

#endif
