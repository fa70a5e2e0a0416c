/* What a home timeline shows: follows and unfollows, pushed and pulled tweets in one order,
 * pages, and the cap of 800; and that a user's own has none. */
#include "common/pg.h"
#include "common/redis.h"
#include "services/twitter/database.h"
#include "services/twitter/timeline.h"
#include "services/twitter/world.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRIVE_MS = 30000, MANY = 1000 };

static struct kpk_err error, *err = &error;

/* --- a timeline as it was read ----------------------------------------------------------- */

struct shown {
    int count;
    char ids[MANY][KPK_UUID_BYTES];
    char author_ids[MANY][TWITTER_ID_BYTES];
};

static void show(const struct twitter_tweet *tweet, void *ctx) {
    struct shown *shown = ctx;

    if (shown->count == MANY) fail_msg("more than %d tweets", MANY);
    strcpy(shown->ids[shown->count], tweet->id);
    strcpy(shown->author_ids[shown->count++], tweet->author_id);
}

static void read_home(struct world *world, int user, int page, struct shown *shown) {
    shown->count = 0;
    assert_ok(client_read_timeline(world->client, CLIENT_HOME, world->users[user].id, page,
                                   show, shown, err),
              err);
}

static int count_by(const struct world *world, int author, const struct shown *shown) {
    int count = 0;

    for (int i = 0; i < shown->count; i++)
        count += strcmp(shown->author_ids[i], world->users[author].id) == 0;
    return count;
}

static void assert_newest_first(const struct shown *shown) {
    for (int i = 1; i < shown->count; i++)
        if (strcmp(shown->ids[i - 1], shown->ids[i]) <= 0)
            fail_msg("tweet %s comes after %s", shown->ids[i], shown->ids[i - 1]);
}

static void assert_clean(struct world *world) {
    struct kpk_report report;
    char text[400];
    bool clean;

    assert_ok(world_check(world, ARRIVE_MS, &report, &clean, err), err);
    if (!clean) fail_msg("%s", kpk_report_text(&report, text, sizeof(text)));
}

static void post(struct world *world, int author, int times) {
    for (int i = 0; i < times; i++) assert_ok(world_post(world, author, NULL, err), err);
}

/* Waits until 'user' is shown 'count' tweets in all. */
struct awaited {
    struct world *world;
    int user, count;
    struct shown *shown;
};

static bool shows_count(void *ctx) {
    const struct awaited *awaited = ctx;

    read_home(awaited->world, awaited->user, 100, awaited->shown);
    return awaited->shown->count == awaited->count;
}

static void await_count(struct world *world, int user, int count, struct shown *shown) {
    if (!wait_until(ARRIVE_MS, shows_count, &(struct awaited){world, user, count, shown}))
        fail_msg("user %d is shown %d tweets, not %d", user, shown->count, count);
}

/* --- tests ------------------------------------------------------------------------------- */

static void a_new_follow_shows_what_was_written_before(void **state) {
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 3, err), err);
    post(world, 0, 30);
    assert_ok(world_follow(world, 1, 0, err), err);
    assert_ok(world_follow(world, 1, 0, err), err); /* again: nothing changes */
    post(world, 0, 5);
    assert_ok(world_follow(world, 2, 0, err), err);
    assert_clean(world);
    world_close(world);
}

static void an_unfollow_hides_at_once(void **state) {
    static struct shown shown;
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 3, err), err);
    assert_ok(world_follow(world, 2, 0, err), err);
    assert_ok(world_follow(world, 2, 1, err), err);
    for (int i = 0; i < 10; i++) {
        post(world, 0, 1);
        post(world, 1, 1);
    }
    assert_clean(world);
    const struct world_user *users = world->users;
    for (int i = 0; i < 2; i++) { /* the second time nothing is there to hide */
        assert_ok(client_unfollow(world->client, users[2].id, users[0].id, err), err);
        read_home(world, 2, 7, &shown);
        assert_int_equal(count_by(world, 0, &shown), 0);
        assert_int_equal(count_by(world, 1, &shown), 10);
        assert_newest_first(&shown);
    }
    post(world, 0, 3);                              /* not followed: not pushed */
    assert_ok(world_follow(world, 2, 0, err), err); /* again: everything is there */
    assert_clean(world);
    world_close(world);
}

/* More followers than any author is pushed to, straight into the tables: over HTTP it would
 * take most of a minute. */
static void make_famous(const char *user_id) {
    static const struct kpk_pg_stmt fans = {
        "fans", "WITH fans AS (INSERT INTO users (handle, following) "
                "    SELECT 'fan' || n || '_of_' || $1, 1 FROM generate_series(1, 5001) n "
                "    RETURNING id), "
                "fan_follows AS (INSERT INTO follows (follower_id, followee_id) "
                "    SELECT id, $1::bigint FROM fans RETURNING 1) "
                "UPDATE users SET followers = followers + (SELECT count(*) FROM fan_follows) "
                "WHERE id = $1::bigint"};
    struct kpk_pg *pg;

    assert_ok(twitter_database_open(&pg, err), err);
    assert_ok(kpk_pg_run(pg, &fans, &user_id, 1, err), err);
    kpk_pg_close(pg);
}

/* An author grows past the limit between two tweets: the older are pushed, the newer pulled. */
static void pushed_and_pulled_are_one_timeline(void **state) {
    static struct shown shown;
    struct twitter_tweet tweet;
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 3, err), err);
    assert_ok(world_follow(world, 2, 0, err), err);
    assert_ok(world_follow(world, 2, 1, err), err);
    for (int i = 0; i < 20; i++) {
        assert_ok(world_post(world, 0, &tweet, err), err);
        assert_int_equal(tweet.delivery, TWITTER_PUSH);
        post(world, 1, 1);
    }
    make_famous(world->users[0].id);
    for (int i = 0; i < 20; i++) {
        assert_ok(world_post(world, 0, &tweet, err), err);
        assert_int_equal(tweet.delivery, TWITTER_PULL);
        post(world, 1, 1);
    }
    assert_clean(world);
    for (int page = 1; page <= 100; page += 11) {
        read_home(world, 2, page, &shown);
        assert_int_equal(count_by(world, 0, &shown), 40);
        assert_int_equal(count_by(world, 1, &shown), 40);
        assert_newest_first(&shown);
    }
    world_close(world);
}

/* A reader who turns pages while the authors go on writing. */
struct page_turner {
    struct shown shown;
    struct world *world;
};

static void show_and_write_on(const struct twitter_tweet *tweet, void *ctx) {
    struct page_turner *reader = ctx;

    show(tweet, &reader->shown);
    if (reader->shown.count % 3 == 0) post(reader->world, reader->shown.count % 2, 1);
}

static void pages_turned_while_tweets_arrive(void **state) {
    static struct shown before;
    static struct page_turner reader;
    struct world *world;
    struct client *client;

    (void)state;
    assert_ok(world_open(&world, 3, err), err);
    assert_ok(client_open(&client, NULL, err), err);
    assert_ok(world_follow(world, 2, 0, err), err);
    assert_ok(world_follow(world, 2, 1, err), err);
    for (int i = 0; i < 25; i++) {
        post(world, 0, 1);
        post(world, 1, 1);
    }
    assert_clean(world);
    read_home(world, 2, 100, &before);
    assert_int_equal(before.count, 50);
    for (int page = 1; page <= 7; page += 2) {
        reader = (struct page_turner){.world = world};
        assert_ok(client_read_timeline(client, CLIENT_HOME, world->users[2].id, page,
                                       show_and_write_on, &reader, err),
                  err);
        assert_int_equal(reader.shown.count, before.count);
        assert_memory_equal(reader.shown.ids, before.ids,
                            sizeof(before.ids[0]) * (size_t)before.count);
        await_count(world, 2, before.count + reader.shown.count / 3, &before);
    }
    client_close(client);
    world_close(world);
}

static long long redis_count(const char *user_id) {
    struct kpk_redis *redis;
    char key[TIMELINE_KEY_BYTES];

    assert_ok(kpk_redis_open(&redis, err), err);
    redisReply *reply = kpk_redis_command(redis, err, "ZCARD %s", timeline_key(user_id, key));
    if (!reply) fail_msg("%s", err->msg);
    long long count = reply->integer;
    freeReplyObject(reply);
    kpk_redis_close(redis);
    return count;
}

/* 850 tweets of one author and 100 of another: a timeline ends after the newest 800, in Redis
 * and as it is read; and when the second is no longer followed, the first one's fill it again. */
static void a_timeline_ends_after_800(void **state) {
    enum { FIRST = 850, SECOND = 100, SHOWN = TIMELINE_CAP };
    static char posted[FIRST][KPK_UUID_BYTES];
    static struct shown shown;
    struct twitter_tweet tweet;
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 4, err), err);
    assert_ok(world_follow(world, 2, 0, err), err);
    assert_ok(world_follow(world, 3, 0, err), err);
    assert_ok(world_follow(world, 3, 1, err), err);
    for (int i = 0; i < FIRST; i++) {
        assert_ok(world_post(world, 0, &tweet, err), err);
        strcpy(posted[i], tweet.id);
    }
    post(world, 1, SECOND);

    struct awaited newest = {world, 3, SHOWN, &shown};
    assert_true(wait_until(ARRIVE_MS, shows_count, &newest));
    await_count(world, 2, SHOWN, &shown);
    for (int i = 0; i < SHOWN; i++) assert_string_equal(shown.ids[i], posted[FIRST - 1 - i]);
    read_home(world, 2, 33, &shown); /* 800 is no multiple of the page */
    assert_int_equal(shown.count, SHOWN);
    assert_int_equal(redis_count(world->users[2].id), SHOWN);

    read_home(world, 3, 100, &shown);
    assert_int_equal(count_by(world, 1, &shown), SECOND);
    assert_int_equal(count_by(world, 0, &shown), SHOWN - SECOND);
    assert_newest_first(&shown);
    assert_int_equal(redis_count(world->users[3].id), SHOWN);
    assert_ok(client_unfollow(world->client, world->users[3].id, world->users[1].id, err), err);
    read_home(world, 3, 100, &shown);
    assert_int_equal(shown.count, SHOWN);
    for (int i = 0; i < SHOWN; i++) assert_string_equal(shown.ids[i], posted[FIRST - 1 - i]);
    world_close(world);
}

static void count(const struct twitter_tweet *tweet, void *ctx) {
    (void)tweet;
    ++*(int *)ctx;
}

/* Past any number that a cursor could have counted. The tweets are put where they would be: to
 * post them one by one takes too long. */
static void a_user_s_own_goes_on(void **state) {
    static const struct kpk_pg_stmt write = {
        "write_many",
        "INSERT INTO tweets (id, author_id, text, delivery, created_at) SELECT "
        "('019ab000-0000-7000-8000-' || lpad(to_hex($1::bigint * 65536 + i), 12, '0'))::uuid, "
        "$1::bigint, 'x', 'pull', now() FROM generate_series(1, $2::int) AS i"};
    enum { LONG = 10250 };
    struct world *world;
    struct kpk_pg *pg;
    char number[16];
    int seen = 0;

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    assert_ok(twitter_database_open(&pg, err), err);
    snprintf(number, sizeof(number), "%d", LONG);
    const char *id = world->users[0].id;
    assert_ok(kpk_pg_run(pg, &write, (const char *[]){id, number}, 2, err), err);
    assert_ok(client_read_timeline(world->client, CLIENT_OWN, id, 100, count, &seen, err), err);
    assert_int_equal(seen, LONG);
    kpk_pg_close(pg);
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_follow_shows_what_was_written_before),
        cmocka_unit_test(an_unfollow_hides_at_once),
        cmocka_unit_test(pushed_and_pulled_are_one_timeline),
        cmocka_unit_test(pages_turned_while_tweets_arrive),
        cmocka_unit_test(a_timeline_ends_after_800),
        cmocka_unit_test(a_user_s_own_goes_on),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: timelines", tests, NULL, NULL);
}
