/* Requests made from the /openapi.json of each service of a siege, and their answers judged.
 *
 * All requests to one path of one service take one connection, each when the one before is answered:
 * what they leave behind is known, and fewer are in flight than a service has workers, so that none
 * may be told to come back. */
#ifndef KPK_TESTS_SUPPORT_FUZZ_LANES_H
#define KPK_TESTS_SUPPORT_FUZZ_LANES_H

#include "tests/support/siege.h"

#include <stdint.h>

/* Between siege_begin() and siege_end(). A failure shows the request and its answer.
 * wrote  out: rows that must be there now, as the answers say */
void fuzz_lanes_run(int requests, uint64_t seed, struct siege_wrote *wrote);

#endif
