/* A small world on the Twitter services: users, who follows whom, what they post -- and the
 * history of it, so that a test or the demo ends in a verdict. It knows nothing but HTTP; the topic
 * of notifications once it watches mentions, PostgreSQL once it watches the warehouse.
 *
 * In the history a stream is an author and an id is the text of a tweet: the poster chooses the
 * text, so a tweet is known even when the answer to its post never came. Observers are the
 * timelines: every author's own, and the home timeline of everyone who follows somebody; and what
 * else is watched (below).
 *
 * A home timeline ends after its newest 800 tweets: keep a world below that, or expect the rest
 * lost. */
#ifndef KPK_SERVICES_TWITTER_WORLD_H
#define KPK_SERVICES_TWITTER_WORLD_H

#include "common/pg.h"
#include "services/twitter/client.h"
#include "services/twitter/mention_watch.h"

#include <stdbool.h>
#include <stddef.h>

enum { WORLD_HANDLE_BYTES = 31, WORLD_TAG_BYTES = 16, WORLD_POST_TIMEOUT_MS = 60000 };

struct world_user {
    char handle[WORLD_HANDLE_BYTES];
    char id[TWITTER_ID_BYTES];
    bool posts;   /* has a timeline of its own */
    bool follows; /* has a home timeline */
};

struct world {
    struct client *client;
    struct kpk_history *history;
    struct world_user *users;
    int n_users;
    int texts;                 /* handed out so far: no two tweets are alike */
    char tag[WORLD_TAG_BYTES]; /* "w2x9f2ab0c7": no other world has it */
    bool tags;                 /* texts carry it; world_use_tag() */
    int tagged, perhaps;       /* such posts: acknowledged; of unknown outcome */
    struct kpk_pg *warehouse;  /* NULL: it is not watched */
    bool searched;
    struct mention_watch *mentions; /* NULL: they are not watched */
};

/* Make 'n_users' users whose handles nobody has: worlds never meet.
 * returns  0, or -1 with 'err' as the client says */
int world_open(struct world **world, int n_users, struct kpk_err *err) KPK_MUST_CHECK;
void world_close(struct world *world); /* NULL is fine; the users stay, nobody minds */

/* From here on 'follower' (an index) must see everything 'followee' wrote and writes. */
int world_follow(struct world *world, int follower, int followee,
                 struct kpk_err *err) KPK_MUST_CHECK;

/* Post as user 'author' until the outcome is known, and note it.
 * tweet    out; may be NULL
 * returns  0: acknowledged; -1 with 'err': refused, or unknown after WORLD_POST_TIMEOUT_MS */
int world_post(struct world *world, int author, struct twitter_tweet *tweet,
               struct kpk_err *err) KPK_MUST_CHECK;

/* Read every timeline, again and again until nothing is lost or 'timeout_ms' have passed; what
 * is duplicated, reordered or invented in a timeline does not heal, and ends the wait.
 * clean    out; the verdict
 * returns  0 with 'report'; -1 with 'err': a timeline could not be read */
int world_check(struct world *world, int timeout_ms, struct kpk_report *report, bool *clean,
                struct kpk_err *err) KPK_MUST_CHECK;

/* --- what other groups make of it -------------------------------------------------------- */

/* To be called before the first post; world_check() then looks there too. */

/* Search is one more observer, "search": it must find every tweet exactly once, by the world's tag,
 * which texts carry from here on; newest first within each author, as all fit equally well. */
void world_watch_search(struct world *world);

/* Every tweet mentions a user from here on: those of user 0 user 1, and so on, those of the last one
 * user 0. Each user is an observer, "<handle>'s mentions", of the topic that asks for notifications:
 * he must be told of every such tweet, oldest first within each author, under one ce_id. (Under the
 * same ce_id he may be told again: mention_watch_repeated(world->mentions) says how often.)
 * n_users must be 2 or more.
 * returns  0, or -1 with 'err': WAIT no broker answers; FATAL */
int world_watch_mentions(struct world *world, struct kpk_err *err) KPK_MUST_CHECK;

/* The warehouse is one more observer, "the warehouse": it must have every tweet of this world's
 * users exactly once, in the order in which each author wrote. world_check() reads it. */
int world_watch_warehouse(struct world *world, struct kpk_err *err) KPK_MUST_CHECK;

/* From here on every text carries the world's own hashtag; not while a poster runs. */
void world_use_tag(struct world *world);

/* What trending-service counts for that tag within 24 hours, and what it must count. */
struct world_trend {
    int64_t counted;
    int64_t least, most; /* acknowledged; and those whose outcome is unknown */
};

/* Ask again and again until it is as it must be or 'timeout_ms' have passed; too many do not heal.
 * returns  0 with 'trend'; -1 with 'err': trending-service could not be asked */
int world_check_trend(struct world *world, int timeout_ms, struct world_trend *trend,
                      bool *clean, struct kpk_err *err) KPK_MUST_CHECK;

/* --- a steady load ----------------------------------------------------------------------- */

struct poster;

struct poster_opts {
    int authors;     /* the first so many users post in turn */
    int per_second;  /* posts; fewer while the service is away: each waits for its answer */
    int most;        /* stops by itself after so many */
    int refuse_each; /* one post in so many is too long and must be refused; 0: none */
};

/* Post from a thread of its own. The world's other functions may be used meanwhile, except
 * world_post() and world_check(). */
int poster_start(struct poster **poster, struct world *world, const struct poster_opts *opts,
                 struct kpk_err *err) KPK_MUST_CHECK;
int poster_acked(const struct poster *poster);     /* so far; any thread */
bool poster_finished(const struct poster *poster); /* has it posted 'most'? any thread */

/* Finish the post in hand, end the thread, and put what it was told into the world's history. */
void poster_stop(struct poster *poster); /* NULL is fine */

#endif
