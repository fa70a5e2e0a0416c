/* The four HTTP services of Twitter under abuse: how they are before, meanwhile and after it.
 *
 *   siege_begin("idle connections");   memory, descriptors, rows of the tables; the honest client
 *   ...                                abuse
 *   siege_end(bounds, wrote)           prints, and judges
 *
 * Judged: the processes are the same; their memory is within bounds, at its peak and afterwards;
 * their descriptors are back to where they were; the tables have grown by what was acknowledged,
 * and by nothing else; every request of the honest client had its 2xx. */
#ifndef KPK_TESTS_SUPPORT_SIEGE_H
#define KPK_TESTS_SUPPORT_SIEGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A worker may connect to its stores only under abuse: none of them was asked before. Descriptors of
 * fewer connections than these are not seen to be kept. */
enum { SIEGE_LAZY_CONNECTIONS = 32 };

enum { SIEGE_SERVICES = 4, SIEGE_TWEETS = 0, SIEGE_TIMELINES, SIEGE_SEARCH, SIEGE_TRENDS };

struct siege_service {
    const char *name, *url_variable;
    int port;
    pid_t pid;
    int fds;     /* before */
    long rss_kb; /* before */
    char page[64],
        large[64]; /* what a worker makes, by GET: a small answer, and one up to 130 KB */
};

extern struct siege_service siege_services[SIEGE_SERVICES];

/* What a service may need more than before. Memory that is freed stays with malloc() in part. */
struct siege_bounds {
    long peak_kb, after_kb;
};

struct siege_wrote {
    int users, tweets, follows; /* rows more than before; without the honest client's */
};

/* Find the processes, and make users, the first of whom has 100 tweets of the greatest length. This
 * process may have enough connections open from here on. */
void siege_open(void);
void siege_close(void);
const char *siege_user(int i); /* 0..3 */

void siege_begin(const char *what);
/* 503 with Retry-After is fair from here on: more is in flight than workers and queues hold. */
void siege_expect_busy(bool busy);
int siege_honest_answered(void);       /* so far */
bool siege_descriptors_are_back(void); /* of all services, where they were */
/* NULL: nothing was written. */
void siege_end(const struct siege_bounds *bounds, const struct siege_wrote *wrote);
/* After a test that failed in between. */
void siege_abandon(void);

#endif
