/* Harm of chance, for the soaks: processes of the stack under test are killed with -9, or hang, one after the
 * other. Everyone has his turn once a round, in an order that the seed decides. */
#ifndef KPK_TESTS_SUPPORT_HARM_H
#define KPK_TESTS_SUPPORT_HARM_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HARM_HANG_MS = 10500, /* longer than lease, session and every patience */
    HARM_NAME_BYTES = 32,
};

/* What is done to whom, and when: KPK_TEST_SEED, else of the clock; printed. */
void harm_seed(void);
int harm_below(int limit); /* a number of chance, from 0 */

/* system  as deploy/services has it, or "servers"; added to those there are
 * spared  names that are left out, NULL at the end; or NULL */
void harm_add(const char *system, const char *const *spared);

/* Kill the next one, or let it hang (one time in four), and wait until it is ready again, so that it is one at a
 * time; then wait for a moment of chance. */
void harm_next(void);

/* What was done: 'begun_ms' and 'ended_ms' (ready again) in epoch milliseconds. */
struct harm {
    char name[HARM_NAME_BYTES];
    bool hang;
    int64_t begun_ms, ended_ms;
};
int harm_count(void);
const struct harm *harm_at(int index); /* 0: the first */

/* A test that failed half-way must not leave a process stopped. */
void harm_wake_all(void);

#endif
