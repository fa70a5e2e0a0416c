/* A gate at which the handlers of a server wait until a test opens it: what is in hand is then
 * known, not guessed from how long something takes. Waits have a deadline of RAW_DEADLINE_MS.
 */
#ifndef KPK_TESTS_SUPPORT_HTTP_GATE_H
#define KPK_TESTS_SUPPORT_HTTP_GATE_H

#include <stdbool.h>

void http_gate_pass(void); /* in a handler: wait until it is open */
void http_gate_set(bool open);
void http_gate_wait(int count); /* until so many wait at it */

/* The value of a series that /metrics shows, written with its labels; 0 when it is not there.
 */
long long http_metric(const char *series);

/* Until the servers of this process have 'count' requests in hand. */
void http_wait_active(long long count);

#endif
