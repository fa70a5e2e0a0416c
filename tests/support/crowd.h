/* Many people and many notifications for them, on the notification system of the stack under test: who must be
 * told what on which channel; what the providers took and what lies among the dead letters; what HTTP says.
 *
 *   crowd_open(&opts)         people of all kinds
 *   crowd_start(crowd)        a thread asks for notifications, by the clock
 *   ...                       harm
 *   crowd_stop(crowd)         what it was answered is in the history
 *   crowd_settle(ms)          until nothing is under way
 *   crowd_look(crowd, ...)    what became of each, and into the history with it
 *
 * In the history a stream is what one person is told of one category. An id is a word that the notification carries
 * in its text on every channel, so that it is known by whoever gets it, whatever the answer to its POST was.
 * Observers are the channels.
 *
 * Everything but the thread fails the test when it fails. notify_open() comes first. */
#ifndef KPK_TESTS_SUPPORT_CROWD_H
#define KPK_TESTS_SUPPORT_CROWD_H

#include "common/history.h"
#include "services/notification/preferences.h"
#include "tests/support/notify.h"

#include <stdbool.h>
#include <stdint.h>

struct crowd_opts {
    int people;
    int per_second;  /* fewer while the service is away: each waits for its answer */
    int notices;     /* so many, refused ones included, then the thread ends by itself */
    int refuse_each; /* one in so many is wrong, and must be refused; 0: none */
};

struct crowd_person {
    struct person who;
    bool reachable[NOTIFICATION_CHANNELS]; /* has an address there */
    struct notification_preferences allows;
};

struct crowd_notice {
    int person, template;
    bool wrong;
    enum kpk_write_outcome outcome;
    char id[KPK_UUID_BYTES]; /* "": it was not answered 202 */
};

/* What became of one notice on one channel. */
struct crowd_fate {
    bool due;          /* it was accepted, and is allowed and possible here */
    int copies;        /* that the provider delivered */
    int recognised;    /* times that it came there again, and was not delivered again */
    bool refused;      /* the provider said last that it never will deliver it */
    const char *never; /* what that provider says then, in part */
    int64_t first_ms,
        last_ms; /* epoch: first attempt, last delivery; as the provider's clock has it */
    char provider_id[NOTIFICATION_PROVIDER_ID_BYTES];
    int letters;      /* dead letters of it */
    char reason[256]; /* of the last of them */
};

struct crowd;

/* Takes the providers as they are: what they had before is not looked at. */
struct crowd *crowd_open(const struct crowd_opts *opts);
void crowd_close(struct crowd *crowd); /* NULL is fine */

void crowd_start(struct crowd *crowd);
bool crowd_finished(const struct crowd *crowd); /* has it asked for all? any thread */
void crowd_stop(struct crowd *crowd);           /* finish the one in hand, end the thread */

/* Until the outbox is empty and each group is past everything in its topic and its tiers, in this order:
 * records move on in no other. */
void crowd_settle(int timeout_ms);

/* Read the providers and the dead letters, anew.
 * letters_count  a dead letter is an end too: everyone must have the notice or its group a letter, not both
 * returns        the verdict, which is in 'report'. Of a mail that was delivered more than once, and a letter that
 *                lies there more than once, it knows one: see their fates */
bool crowd_look(struct crowd *crowd, bool letters_count, struct kpk_report *report);

int crowd_notices(const struct crowd *crowd); /* that were asked for */
const struct crowd_notice *crowd_notice(const struct crowd *crowd, int notice);
const struct crowd_fate *crowd_fate(const struct crowd *crowd, int notice,
                                    enum notification_channel channel);

/* GET each of them: does it say what crowd_look() found? returns how many were asked for */
int crowd_check_statuses(const struct crowd *crowd);

#endif
