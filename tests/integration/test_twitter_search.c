/* Every tweet is found once, by each of its words, the best first, page by page while others arrive;
 * and a tweet that comes again, or is strange, changes nothing. */
#include "common/pg.h"
#include "services/twitter/database.h"
#include "services/twitter/world.h"
#include "tests/support/offsets.h"
#include "tests/support/publish.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRIVE_MS = 60000, MANY = 400 };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct kpk_err error, *err = &error;

static const char *const indexers[] = {"search-indexer-1", "search-indexer-2"};

/* --- what is found ----------------------------------------------------------------------- */

struct found {
    int count;
    char ids[MANY][KPK_UUID_BYTES];
    char texts[MANY][TWITTER_TEXT_BYTES + 1];
};

static void find(const struct twitter_tweet *tweet, void *ctx) {
    struct found *found = ctx;

    if (found->count == MANY) fail_msg("more than %d tweets", MANY);
    strcpy(found->ids[found->count], tweet->id);
    strcpy(found->texts[found->count++], tweet->text);
}

static int search(struct client *client, const char *q, struct found *found) {
    found->count = 0;
    assert_ok(client_search(client, q, 100, find, found, err), err);
    return found->count;
}

static void post(struct world *world, int author, const char *text,
                 struct twitter_tweet *tweet) {
    char key[KPK_UUID_BYTES];

    kpk_uuid7(key);
    if (client_post(world->client, world->users[author].id, key, text, tweet, err) !=
        KPK_WRITE_OK)
        fail_msg("%s: %s", text, err->msg);
}

struct awaited {
    struct client *client;
    const char *q;
    int count;
    struct found *found;
};

static bool finds_count(void *ctx) {
    const struct awaited *awaited = ctx;

    return search(awaited->client, awaited->q, awaited->found) >= awaited->count;
}

/* Until so many are found by 'q'; more is a failure. */
static void await(struct client *client, const char *q, int count, struct found *found) {
    wait_until(ARRIVE_MS, finds_count, &(struct awaited){client, q, count, found});
    if (found->count != count) fail_msg("'%s' finds %d, not %d", q, found->count, count);
}

/* --- tests ------------------------------------------------------------------------------- */

static void every_tweet_is_found_once_while_indexers_die(void **state) {
    const struct poster_opts load = {
        .authors = 3, .per_second = 40, .most = 600, .refuse_each = 20};
    struct kpk_report report;
    struct poster *poster;
    struct world *world;
    char text[400];
    bool clean;

    (void)state;
    assert_ok(world_open(&world, 3, err), err);
    world_watch_search(world);
    assert_ok(poster_start(&poster, world, &load, err), err);
    for (int i = 0; i < 2; i++)
        stack_await_restart(indexers[i], stack_signal(indexers[i], SIGKILL));
    poster_stop(poster);
    assert_ok(world_check(world, ARRIVE_MS, &report, &clean, err), err);
    kpk_report_text(&report, text, sizeof(text));
    if (!clean) fail_msg("%s", text);
    print_message("%s\n", text);
    world_close(world);
}

/* The world's tag stands for ~, in texts and in queries: other worlds are not found. */
static void with_tag(const struct world *world, const char *text, char *out) {
    for (; *text; text++) {
        if (*text == '~')
            out = stpcpy(out, world->tag);
        else
            *out++ = *text;
    }
    *out = '\0';
}

static void a_tweet_is_found_by_its_words(void **state) {
    static const char text[] = "~ Gr\u00fc\u00dfe, \"World\"! It's <b>well-known</b> that "
                               "caf\u00e9.example.com/a_b?c=3.14 is "
                               "\u4f60\u597d\u4e16\u754c, \u65e5\u672c\u8a9e\u306etweet #Kafka "
                               "\U0001f426 one or two '; DROP TABLE x; --";
    static const struct {
        const char *q;
        bool finds;
    } cases[] = {
        {"~", true},
        {"WORLD ~", true},
        {"world", true},
        {"gr\u00fc\u00dfe ~", true},
        {"GR\u00dc\u00dfE ~", true},
        {"~ it", true},
        {"~ b", true},
        {"~ well", true},
        {"~ well-known", true},
        {"~ known-well", true},      /* two words, in any order ... */
        {"~ \"known-well\"", false}, /* ... but not in that one */
        {"~ example", true},
        {"~ caf\u00e9.example.com", true},
        {"~ 14", true},
        {"~ a_b", true},
        {"~ \u4e16\u754c", true},
        {"~ \u597d\u4e16", true},
        {"~ \u4e16\u597d", false},
        {"~ \u8a9e", true},
        {"~ tweet", true},
        {"~ kafka", true},
        {"~ #kafka", true},
        {"~ \U0001f426", true}, /* no word: as if it were not there */
        {"~ drop", true},
        {"~ absent", false},
        {"~ absent or kafka", true},
        {"~ -absent", true},
        {"~ -kafka", false},
        {"~ \"one or two\"", true},
        {"~ \"one two\"", false},
        {"~ kaf", false},
    };
    static struct found found;
    char with[1024];
    struct twitter_tweet tweet;
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    with_tag(world, text, with);
    post(world, 0, with, &tweet);
    await(world->client, world->tag, 1, &found);
    assert_string_equal(found.texts[0], tweet.text);
    for (size_t i = 0; i < COUNT(cases); i++) {
        with_tag(world, cases[i].q, with);
        search(world->client, with, &found);
        bool finds = false;
        for (int n = 0; n < found.count; n++)
            finds = finds || strcmp(found.ids[n], tweet.id) == 0;
        if (finds != cases[i].finds) fail_msg("'%s' %s it", with, finds ? "finds" : "misses");
    }
    world_close(world);
}

/* How often 'word' is in 'text'. */
static int times(const char *text, const char *word) {
    int count = 0;

    while ((text = strstr(text, word))) {
        text += strlen(word);
        count++;
    }
    return count;
}

/* The more often the word, the better; among equals the newest first. */
static void assert_best_first(const struct found *found, const char *word) {
    for (int i = 1; i < found->count; i++) {
        int before = times(found->texts[i - 1], word), after = times(found->texts[i], word);
        if (before < after ||
            (before == after && strcmp(found->ids[i - 1], found->ids[i]) <= 0))
            fail_msg("'%s' comes after '%s'", found->texts[i], found->texts[i - 1]);
    }
}

/* Post number 'n' of a world: its tag once to four times. */
static void post_number(struct world *world, int n) {
    char text[TWITTER_TEXT_BYTES], *end = text;
    struct twitter_tweet tweet;

    for (int i = 0; i <= n % 4; i++) end += sprintf(end, "%s ", world->tag);
    sprintf(end, "%d", n);
    post(world, n % world->n_users, text, &tweet);
}

/* A reader who turns pages while the authors go on writing. */
struct page_turner {
    struct found found;
    struct world *world;
    int posted;
};

static void find_and_write_on(const struct twitter_tweet *tweet, void *ctx) {
    struct page_turner *reader = ctx;

    find(tweet, &reader->found);
    if (reader->found.count % 3 == 0) post_number(reader->world, reader->posted++);
}

/* What was there when the reader began is shown, all of it, in its order; what came later may be. */
static void assert_shows(const struct found *shown, const struct found *before) {
    int at = 0;

    for (int i = 0; i < shown->count && at < before->count; i++)
        at += strcmp(shown->ids[i], before->ids[at]) == 0;
    if (at < before->count) fail_msg("'%s' is not shown", before->texts[at]);
}

static void pages_turned_while_tweets_arrive(void **state) {
    static struct page_turner reader;
    static struct found before;
    struct client *client;

    (void)state;
    assert_ok(client_open(&client, NULL, err), err);
    reader.posted = 0;
    assert_ok(world_open(&reader.world, 3, err), err);
    while (reader.posted < 40) post_number(reader.world, reader.posted++);
    for (int page = 1; page <= 10; page += 3) {
        await(client, reader.world->tag, reader.posted, &before);
        assert_best_first(&before, reader.world->tag);
        reader.found.count = 0;
        assert_ok(
            client_search(client, reader.world->tag, page, find_and_write_on, &reader, err),
            err);
        assert_best_first(&reader.found, reader.world->tag); /* so none is there twice */
        assert_shows(&reader.found, &before);
    }
    client_close(client);
    world_close(reader.world);
}

/* --- the same again ---------------------------------------------------------------------- */

static int64_t ask_number(const char *name, const char *sql, const char *param) {
    const struct kpk_pg_stmt stmt = {name, sql};
    struct kpk_pg *pg;

    assert_ok(twitter_database_open(&pg, err), err);
    PGresult *result = kpk_pg_exec(pg, &stmt, &param, param ? 1 : 0, err);
    if (!result) fail_msg("%s", err->msg);
    int64_t number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    kpk_pg_close(pg);
    return number;
}

/* From PostgreSQL's log: its statistics of them come seconds late. */
static int deadlocks(void) {
    char path[512], line[1024];
    int count = 0;

    snprintf(path, sizeof(path), "%s/logs/postgres.log", getenv("KPK_STATE"));
    FILE *log = fopen(path, "r");
    if (!log) fail_msg("%s cannot be read", path);
    while (fgets(line, sizeof(line), log)) count += strstr(line, "deadlock detected") != NULL;
    fclose(log);
    return count;
}

static int64_t rows_of(const char *author_id) {
    return ask_number("rows", "SELECT count(*) FROM search_index WHERE author_id = $1",
                      author_id);
}

static void await_indexed(void) {
    char group[KPK_NAME_BYTES], topic[KPK_NAME_BYTES];

    offsets_await_all(kpk_full_name(KPK_GROUP_SEARCH_INDEXER, group),
                      kpk_full_name(KPK_TOPIC_TWEETS, topic), ARRIVE_MS);
}

static void a_tweet_that_comes_again_is_one_row(void **state) {
    struct kpk_producer *producer = publish_open();
    static struct found found;
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    struct twitter_tweet tweet = publish_make(world->users[0].id, world->tag);
    publish_tweet(producer, &tweet, NULL, NULL); /* twice in one breath ... */
    publish_tweet(producer, &tweet, NULL, NULL);
    assert_ok(kpk_producer_wait(producer, ARRIVE_MS, err), err);
    await_indexed();
    assert_int_equal(search(world->client, world->tag, &found), 1);
    publish_tweet(producer, &tweet, NULL, NULL); /* ... and when it has long been there */
    publish_close(producer);
    await_indexed();
    assert_int_equal(search(world->client, world->tag, &found), 1);
    assert_int_equal(rows_of(world->users[0].id), 1);
    world_close(world);
}

/* A row that somebody else is inserting and has not committed: whoever inserts it too waits. Let go of
 * by kpk_pg_close(). */
static struct kpk_pg *hold_row(const char *tweet_id) {
    static const struct kpk_pg_stmt insert = {
        "hold", "INSERT INTO search_index VALUES ($1, 1, 'held', now(), '')"};
    struct kpk_pg *pg;

    assert_ok(twitter_database_open(&pg, err), err);
    assert_ok(kpk_pg_begin(pg, err), err);
    assert_ok(kpk_pg_run(pg, &insert, &tweet_id, 1, err), err);
    return pg;
}

struct blocked {
    struct kpk_pg *holder;
    int by_holder, in_all; /* connections that wait, at least */
};

static bool is_blocked(void *ctx) {
    const struct blocked *blocked = ctx;
    char pid[16];

    snprintf(pid, sizeof(pid), "%d", PQbackendPID(blocked->holder->conn));
    return ask_number("blocked",
                      "SELECT count(*) FROM pg_stat_activity "
                      "WHERE $1::int = ANY(pg_blocking_pids(pid))",
                      pid) >= blocked->by_holder &&
           ask_number("blocked",
                      "SELECT count(*) FROM pg_stat_activity "
                      "WHERE cardinality(pg_blocking_pids(pid)) > 0",
                      NULL) >= blocked->in_all;
}

static void await_blocked(struct kpk_pg *holder, int by_holder, int in_all) {
    if (!wait_until(ARRIVE_MS, is_blocked, &(struct blocked){holder, by_holder, in_all}))
        fail_msg("the members do not wait for the row that is held");
}

/* The two members are made to wait for one row. When they go on, the same tweets lie before both, in
 * every partition: under each key another one first, then one whose row is held too, then all the
 * rest. In the order in which they came each member would insert one, wait at the held row, and then
 * for the other's. Each tweet is there once, and no member had to be sacrificed for the other. */
static void members_with_the_same_tweets_do_not_block_each_other(void **state) {
    enum { TWEETS = 40, KEYS = 16 };
    struct twitter_tweet plug, tweets[TWEETS];
    struct kpk_producer *producer = publish_open();
    int before = deadlocks();
    struct kpk_pg *first, *second;
    struct world *world;
    char key[16];

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    plug = publish_make(world->users[0].id, "plug");
    first = hold_row(plug.id);
    for (int k = 1; k <= KEYS; k++) {
        snprintf(key, sizeof(key), "%d", k);
        publish_tweet(producer, &plug, key, NULL);
    }
    assert_ok(kpk_producer_wait(producer, ARRIVE_MS, err), err);
    await_blocked(first, 2, 2);
    for (int i = 0; i < TWEETS; i++) tweets[i] = publish_make(world->users[0].id, "same");
    second = hold_row(tweets[TWEETS - 1].id);
    for (int k = 1; k <= KEYS; k++) {
        snprintf(key, sizeof(key), "%d", k);
        publish_tweet(producer, &tweets[k], key, NULL);
        for (int i = TWEETS - 1; i >= 0; i--) publish_tweet(producer, &tweets[i], key, NULL);
    }
    publish_close(producer);
    kpk_pg_close(first);
    await_blocked(second, 1, 2);
    kpk_pg_close(second);
    await_indexed();
    assert_int_equal(rows_of(world->users[0].id), 1 + TWEETS);
    assert_int_equal(deadlocks(), before);
    world_close(world);
}

/* Whatever passes for a tweet must pass the database too, or the group would stand still. */
static void the_strangest_tweets_are_indexed(void **state) {
    struct kpk_producer *producer = publish_open();
    struct twitter_tweet tweets[4];
    static struct found found;
    struct world *world;

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    for (int i = 0; i < 4; i++) tweets[i] = publish_make("1", world->tag);
    strcpy(tweets[0].author_id, "9223372036854775807"); /* nobody */
    tweets[0].created_at = (int64_t)1 << 53;
    tweets[1].created_at = 0;
    memset(tweets[1].text + strlen(tweets[1].text), '"', 100); /* what an array must quote */
    memset(tweets[2].text + strlen(tweets[2].text), '\\', 101);
    memcpy(tweets[3].id, "ffffffff", 8); /* no UUIDv7, but the newest of all */
    for (int i = 0; i < 4; i++) publish_tweet(producer, &tweets[i], NULL, NULL);
    publish_close(producer);
    await(world->client, world->tag, 4, &found);
    for (int i = 0; i < 4; i++) assert_string_equal(found.texts[i], tweets[3 - i].text);
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tweet_is_found_once_while_indexers_die),
        cmocka_unit_test(a_tweet_is_found_by_its_words),
        cmocka_unit_test(pages_turned_while_tweets_arrive),
        cmocka_unit_test(a_tweet_that_comes_again_is_one_row),
        cmocka_unit_test(members_with_the_same_tweets_do_not_block_each_other),
        cmocka_unit_test(the_strangest_tweets_are_indexed),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: search", tests, NULL, NULL);
}
