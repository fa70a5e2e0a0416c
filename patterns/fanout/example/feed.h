/* The world of the worked example: authors who post, and services that must each do something about
 * every post.
 *
 *   feed_open(&feed, err)
 *   feed_begin(&feed, err)                     a run: its posts are judged by themselves
 *   feed_service(&feed, i, ...)                start a service
 *   feed_publish(&feed, count, err)            posts, each acknowledged by Kafka
 *   feed_judge(&feed, ...)                     every service against what was acknowledged
 *
 * In the history a stream is an author, an id is a post, an observer is a service, and it must have
 * seen an author's posts in their order. */
#ifndef KPK_PATTERNS_FANOUT_EXAMPLE_FEED_H
#define KPK_PATTERNS_FANOUT_EXAMPLE_FEED_H

#include "common/child.h"
#include "common/history.h"
#include "common/kafka.h"
#include "common/pg.h"
#include "common/uuid.h"

enum { FEED_SERVICES = 3, FEED_AUTHORS = 12, FEED_POSTS = 8000, FEED_PATIENCE_MS = 30000 };

struct post {
    char id[KPK_UUID_BYTES];
    int author;
    enum kpk_write_outcome outcome;
    int64_t took_us; /* until its author had an answer */
};

struct feed {
    struct kpk_pg *pg;
    struct kpk_producer *producer;
    struct kpk_child *services[FEED_SERVICES];
    struct post *posts; /* of this run */
    int count;
    int services_judged; /* the first so many must see everything */
};

extern const char *const feed_names[FEED_SERVICES];  /* "timelines", "search", "alerts" */
extern const char *const feed_groups[FEED_SERVICES]; /* base names */

int feed_open(struct feed *feed, struct kpk_err *err) KPK_MUST_CHECK;
void feed_close(struct feed *feed);

/* Forget the posts so far. 'services' of them are to be judged. */
void feed_begin(struct feed *feed, int services);

/* How service 'i' is to be played. */
struct feed_part {
    const char *way;   /* "group", "commit-first", "request" */
    const char *group; /* base name; NULL: its own */
    const char *fault; /* KPK_FAULT; NULL: none */
    int slow_ms;
};

/* Start it, in place of the one that may run.
 * child  out; NULL: feed->services[i] */
int feed_service(struct feed *feed, int i, const struct feed_part *part,
                 struct kpk_child **child, struct kpk_err *err) KPK_MUST_CHECK;
void feed_dismiss(struct feed *feed); /* all processes */

/* Noted, and not published yet. returns NULL with 'err' (FATAL): FEED_POSTS were made */
struct post *feed_next(struct feed *feed, struct kpk_err *err);

/* 'count' posts, at most 'per_second' (0: as fast as they are acknowledged). */
int feed_publish(struct feed *feed, int count, int per_second,
                 struct kpk_err *err) KPK_MUST_CHECK;

/* Wait up to 'timeout_ms' until service 'i' has done 'count' of this run's posts.
 * returns  0, or -1 with 'err' (WAIT) that says how many it has done */
int feed_await(struct feed *feed, int i, int count, int timeout_ms,
               struct kpk_err *err) KPK_MUST_CHECK;

/* Wait up to 'timeout_ms' for the services to have done everything, and judge.
 * again    out; posts that a service got more than once; may be NULL
 * returns  0 with 'report', or -1 with 'err' */
int feed_judge(struct feed *feed, int timeout_ms, struct kpk_report *report, size_t *again,
               struct kpk_err *err) KPK_MUST_CHECK;

/* The time that half, and 99 of 100, of this run's posts took, in ms. */
void feed_latency(const struct feed *feed, double *p50, double *p99);

/* What main chooses from; each prints its story and returns the exit code. */
int story_pattern(struct feed *feed);
int story_naive(struct feed *feed);
int story_matrix(struct feed *feed, unsigned kinds);
int story_naive_matrix(struct feed *feed, unsigned kinds);

#endif
