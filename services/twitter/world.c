#include "services/twitter/world.h"

#include "common/clock.h"
#include "common/stop.h"
#include "services/twitter/warehouse.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAREHOUSE "the warehouse"
#define SEARCH "search"

enum {
    OBSERVER_BYTES = WORLD_HANDLE_BYTES + 12,
    TEXT_BYTES = 512, /* more than a tweet may have: some must be refused */
    TOO_LONG = 300,
    PAGE = 100,
    AGAIN_MS = 100,
    THERE_MS = 10000, /* the first user: a service that was just started; or there is none */
    DAY_MINUTES = 24 * 60,
};

/* --- users ------------------------------------------------------------------------------- */

/* Short enough for a handle; a hashtag and one word too. */
static void make_tag(char tag[WORLD_TAG_BYTES]) {
    static atomic_uint worlds;
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint64_t n = (uint64_t)kpk_now_ms() * 1000 + (uint64_t)getpid() % 100 * 10 +
                 atomic_fetch_add(&worlds, 1) % 10;
    char reversed[WORLD_TAG_BYTES], *c = reversed;

    for (; n > 0 && c < reversed + sizeof(reversed) - 2; n /= 36) *c++ = digits[n % 36];
    *tag++ = 'w';
    while (c > reversed) *tag++ = *--c;
    *tag = '\0';
}

/* Until it is there, or the service refuses or stays away. */
static int make_user(struct world *world, struct world_user *user, int timeout_ms,
                     struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;
    char key[KPK_UUID_BYTES];

    kpk_uuid7(key);
    while (client_create_user(world->client, key, user->handle, user->id, err)) {
        if (err->verdict != KPK_WAIT || kpk_mono_ms() >= deadline || kpk_stopping()) return -1;
        kpk_stop_wait(AGAIN_MS);
    }
    return 0;
}

static int make_users(struct world *world, struct kpk_err *err) {
    static const char *const names[] = {"ada", "ben", "cleo", "dan", "eve", "fay",
                                        "gus", "hal", "ida",  "joe", "kim", "leo"};
    enum { NAMES = sizeof(names) / sizeof(*names) };

    make_tag(world->tag);
    for (int i = 0; i < world->n_users; i++) {
        struct world_user *user = &world->users[i];
        if (i < NAMES)
            snprintf(user->handle, sizeof(user->handle), "%s_%s", names[i], world->tag);
        else
            snprintf(user->handle, sizeof(user->handle), "user%d_%s", i, world->tag);
        if (make_user(world, user, i == 0 ? THERE_MS : WORLD_POST_TIMEOUT_MS, err)) return -1;
    }
    return 0;
}

int world_open(struct world **out, int n_users, struct kpk_err *err) {
    struct world *world = calloc(1, sizeof(*world));

    *out = NULL;
    if (!world) return kpk_fail(err, KPK_FATAL, "world: no memory");
    world->n_users = n_users;
    world->history = kpk_history_new();
    world->users = calloc((size_t)n_users, sizeof(*world->users));
    if (!world->history || !world->users) {
        kpk_fail(err, KPK_FATAL, "world: no memory");
        goto fail;
    }
    if (client_open(&world->client, NULL, err)) goto fail;
    if (make_users(world, err)) goto fail;
    *out = world;
    return 0;
fail:
    world_close(world);
    return -1;
}

void world_close(struct world *world) {
    if (!world) return;
    client_close(world->client);
    kpk_pg_close(world->warehouse);
    mention_watch_close(world->mentions);
    kpk_history_free(world->history);
    free(world->users);
    free(world);
}

static const char *observer_name(const struct world_user *user, enum client_timeline timeline,
                                 char *out) {
    snprintf(out, OBSERVER_BYTES, "%s's %s", user->handle,
             timeline == CLIENT_HOME ? "home" : "own");
    return out;
}

int world_follow(struct world *world, int follower, int followee, struct kpk_err *err) {
    struct world_user *user = &world->users[follower];
    char observer[OBSERVER_BYTES];

    if (client_follow(world->client, user->id, world->users[followee].id, err)) return -1;
    user->follows = true;
    observer_name(user, CLIENT_HOME, observer);
    kpk_history_order(world->history, observer, KPK_ORDER_NEWEST_FIRST);
    kpk_history_expect(world->history, observer, world->users[followee].handle);
    return 0;
}

/* --- what other groups make of it -------------------------------------------------------- */

void world_watch_search(struct world *world) {
    world->tags = world->searched = true;
    kpk_history_order(world->history, SEARCH, KPK_ORDER_NEWEST_FIRST);
    for (int i = 0; i < world->n_users; i++)
        kpk_history_expect(world->history, SEARCH, world->users[i].handle);
}

static const struct world_user *mentioned_by(const struct world *world, int author) {
    return &world->users[(author + 1) % world->n_users];
}

static const char *mention_observer(const struct world_user *user, char *out) {
    snprintf(out, OBSERVER_BYTES, "%s's mentions", user->handle);
    return out;
}

int world_watch_mentions(struct world *world, struct kpk_err *err) {
    char observer[OBSERVER_BYTES];

    if (mention_watch_open(&world->mentions, err)) return -1;
    for (int author = 0; author < world->n_users; author++) {
        mention_observer(mentioned_by(world, author), observer);
        kpk_history_order(world->history, observer, KPK_ORDER_OLDEST_FIRST);
        kpk_history_expect(world->history, observer, world->users[author].handle);
    }
    return 0;
}

/* --- posts ------------------------------------------------------------------------------- */

static void make_text(const struct world *world, int author, int number, bool too_long,
                      char *text) {
    int len = snprintf(text, TEXT_BYTES, "tweet %d%s%s%s%s", number, world->tags ? " #" : "",
                       world->tags ? world->tag : "", world->mentions ? " @" : "",
                       world->mentions ? mentioned_by(world, author)->handle : "");

    if (!too_long) return;
    memset(text + len, '.', (size_t)(TOO_LONG - len));
    text[TOO_LONG] = '\0';
}

static void note(struct world *world, int author, const char *text,
                 enum kpk_write_outcome outcome) {
    struct world_user *user = &world->users[author];
    char observer[OBSERVER_BYTES];

    kpk_history_write(world->history, user->handle, text, outcome);
    if (world->tags && outcome == KPK_WRITE_OK) world->tagged++;
    if (world->tags && outcome == KPK_WRITE_UNKNOWN) world->perhaps++;
    if (user->posts) return;
    user->posts = true;
    observer_name(user, CLIENT_OWN, observer);
    kpk_history_order(world->history, observer, KPK_ORDER_NEWEST_FIRST);
    kpk_history_expect(world->history, observer, user->handle);
}

int world_post(struct world *world, int author, struct twitter_tweet *tweet,
               struct kpk_err *err) {
    struct world_user *user = &world->users[author];
    enum kpk_write_outcome outcome;
    char text[TEXT_BYTES], key[KPK_UUID_BYTES];

    make_text(world, author, ++world->texts, false, text);
    kpk_uuid7(key);
    outcome = client_post_until_known(world->client, user->id, key, text, WORLD_POST_TIMEOUT_MS,
                                      tweet, err);
    note(world, author, text, outcome);
    return outcome == KPK_WRITE_OK ? 0 : -1;
}

/* --- the verdict ------------------------------------------------------------------------- */

struct reader {
    struct kpk_history *history;
    char observer[OBSERVER_BYTES];
};

static void see(const struct twitter_tweet *tweet, void *ctx) {
    struct reader *reader = ctx;

    kpk_history_see(reader->history, reader->observer, tweet->text);
}

static int read_timeline(struct world *world, const struct world_user *user,
                         enum client_timeline timeline, struct kpk_err *err) {
    struct reader reader = {.history = world->history};

    observer_name(user, timeline, reader.observer);
    kpk_history_unsee(world->history, reader.observer);
    return client_read_timeline(world->client, timeline, user->id, PAGE, see, &reader, err);
}

static int see_fact(const PGresult *row, void *history, struct kpk_err *err) {
    (void)err;
    kpk_history_see(history, WAREHOUSE, PQgetvalue(row, 0, 0));
    return 0;
}

static int read_warehouse(struct world *world, struct kpk_err *err) {
    static const struct kpk_pg_stmt facts = {
        "facts", "SELECT text FROM tweet_facts WHERE author_id = ANY($1::bigint[]) "
                 "ORDER BY tweet_id"};
    char *ids = kpk_pg_array(world->users->id, sizeof(*world->users), (size_t)world->n_users);
    int failed;

    if (!ids) return kpk_fail(err, KPK_FATAL, "world: no memory");
    kpk_history_unsee(world->history, WAREHOUSE);
    failed = kpk_pg_each(world->warehouse, &facts, (const char *[]){ids}, 1, see_fact,
                         world->history, err);
    free(ids);
    return failed;
}

static int read_search(struct world *world, struct kpk_err *err) {
    struct reader reader = {.history = world->history, .observer = SEARCH};

    kpk_history_unsee(world->history, SEARCH);
    return client_search(world->client, world->tag, PAGE, see, &reader, err);
}

/* Those of other worlds are in the topic too. */
static void see_mention(const struct twitter_mention *mention, void *ctx) {
    struct world *world = ctx;
    char observer[OBSERVER_BYTES];

    for (int i = 0; i < world->n_users; i++) {
        if (strcmp(world->users[i].id, mention->recipient_id) != 0) continue;
        mention_observer(&world->users[i], observer);
        kpk_history_see(world->history, observer, mention->text);
    }
}

static int read_all(struct world *world, struct kpk_err *err) {
    for (int i = 0; i < world->n_users; i++) {
        struct world_user *user = &world->users[i];
        if (user->posts && read_timeline(world, user, CLIENT_OWN, err)) return -1;
        if (user->follows && read_timeline(world, user, CLIENT_HOME, err)) return -1;
    }
    if (world->searched && read_search(world, err)) return -1;
    if (world->mentions && mention_watch_read(world->mentions, see_mention, world, err))
        return -1;
    return world->warehouse ? read_warehouse(world, err) : 0;
}

int world_check(struct world *world, int timeout_ms, struct kpk_report *report, bool *clean,
                struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;

    for (;;) {
        int failed = read_all(world, err);
        if (failed && err->verdict != KPK_WAIT) return -1;
        if (!failed) {
            *clean = kpk_history_check(world->history, report);
            if (*clean || report->duplicated + report->reordered + report->invented > 0)
                return 0;
        }
        if (kpk_mono_ms() >= deadline || kpk_stopping()) return failed;
        kpk_stop_wait(AGAIN_MS);
    }
}

/* --- what other groups make of it -------------------------------------------------------- */

int world_watch_warehouse(struct world *world, struct kpk_err *err) {
    if (warehouse_open(&world->warehouse, err)) return -1;
    kpk_history_order(world->history, WAREHOUSE, KPK_ORDER_OLDEST_FIRST);
    for (int i = 0; i < world->n_users; i++)
        kpk_history_expect(world->history, WAREHOUSE, world->users[i].handle);
    return 0;
}

void world_use_tag(struct world *world) { world->tags = true; }

int world_check_trend(struct world *world, int timeout_ms, struct world_trend *trend,
                      bool *clean, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;

    *trend =
        (struct world_trend){.least = world->tagged, .most = world->tagged + world->perhaps};
    for (;;) {
        int failed =
            client_count_tag(world->client, world->tag, DAY_MINUTES, &trend->counted, err);
        if (failed && err->verdict != KPK_WAIT) return -1;
        *clean = !failed && trend->counted >= trend->least && trend->counted <= trend->most;
        if (*clean || (!failed && trend->counted > trend->most)) return 0;
        if (kpk_mono_ms() >= deadline || kpk_stopping()) return failed;
        kpk_stop_wait(AGAIN_MS);
    }
}

/* --- a steady load ----------------------------------------------------------------------- */

struct post {
    int author;
    int number;
    bool too_long;
    enum kpk_write_outcome outcome;
};

struct poster {
    struct world *world;
    struct poster_opts opts;
    struct client *client;
    struct post *posts; /* 'opts.most' of them; read by others only after the thread ended */
    int count;
    pthread_t thread;
    atomic_int acked;
    atomic_bool stop, finished;
};

static void post_one(struct poster *poster, struct post *post) {
    const struct world_user *user = &poster->world->users[post->author];
    char text[TEXT_BYTES], key[KPK_UUID_BYTES];
    struct kpk_err err;

    make_text(poster->world, post->author, post->number, post->too_long, text);
    kpk_uuid7(key);
    post->outcome = client_post_until_known(poster->client, user->id, key, text,
                                            WORLD_POST_TIMEOUT_MS, NULL, &err);
    if (post->outcome == KPK_WRITE_OK) atomic_fetch_add(&poster->acked, 1);
}

static void *run_poster(void *arg) {
    struct poster *poster = arg;
    const struct poster_opts *opts = &poster->opts;
    int64_t next_us = kpk_mono_us();

    while (!atomic_load(&poster->stop) && poster->count < opts->most && !kpk_stopping()) {
        int n = poster->count;
        poster->posts[n] = (struct post){
            .author = n % opts->authors,
            .number = poster->world->texts + n + 1,
            .too_long = opts->refuse_each && n % opts->refuse_each == opts->refuse_each - 1,
        };
        post_one(poster, &poster->posts[n]);
        poster->count++;
        next_us += 1000000 / opts->per_second;
        int64_t ahead_us = next_us - kpk_mono_us();
        if (ahead_us > 0)
            kpk_stop_wait((int)(ahead_us / 1000));
        else
            next_us -= ahead_us; /* a stall is not made up for by a burst */
    }
    atomic_store(&poster->finished, true);
    return NULL;
}

int poster_start(struct poster **out, struct world *world, const struct poster_opts *opts,
                 struct kpk_err *err) {
    struct poster *poster = calloc(1, sizeof(*poster));

    *out = NULL;
    if (!poster) return kpk_fail(err, KPK_FATAL, "poster: no memory");
    poster->world = world;
    poster->opts = *opts;
    poster->posts = calloc((size_t)opts->most, sizeof(*poster->posts));
    if (!poster->posts) {
        kpk_fail(err, KPK_FATAL, "poster: no memory");
        goto fail;
    }
    if (client_open(&poster->client, NULL, err)) goto fail;
    if (pthread_create(&poster->thread, NULL, run_poster, poster)) {
        kpk_fail(err, KPK_FATAL, "poster: no thread");
        goto fail;
    }
    *out = poster;
    return 0;
fail:
    client_close(poster->client);
    free(poster->posts);
    free(poster);
    return -1;
}

int poster_acked(const struct poster *poster) { return atomic_load(&poster->acked); }
bool poster_finished(const struct poster *poster) { return atomic_load(&poster->finished); }

void poster_stop(struct poster *poster) {
    char text[TEXT_BYTES];

    if (!poster) return;
    atomic_store(&poster->stop, true);
    pthread_join(poster->thread, NULL);
    for (int i = 0; i < poster->count; i++) {
        const struct post *post = &poster->posts[i];
        make_text(poster->world, post->author, post->number, post->too_long, text);
        note(poster->world, post->author, text, post->outcome);
    }
    poster->world->texts += poster->count;
    client_close(poster->client);
    free(poster->posts);
    free(poster);
}
