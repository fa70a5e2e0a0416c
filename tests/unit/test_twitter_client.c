/* The Twitter client against a server that answers what a case asks for: what counts as done, refused
 * or unknown, how a post is repeated, and how a timeline and what a
 * search finds are read page by page. */
#include "common/http.h"
#include "services/twitter/client.h"
#include "tests/support/http_raw.h"
#include "tests/support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KNOWN_MS = 10000 };

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TWEET                                                                                  \
    "{\"id\":\"019ab000-0000-7000-8000-000000000001\",\"author_id\":\"7\",\"text\":\"hello\"," \
    "\"created_at\":1234,\"delivery\":\"push\"}"
#define HANDLED "{\"field\":\"Idempotency-Key\"}" /* the same key is being handled now */

static struct kpk_err error, *err = &error;

/* --- the server -------------------------------------------------------------------------- */

/* What the next requests are answered; the last row is repeated. */
struct answer {
    int status;
    const char *body; /* NULL: as a problem */
};

static struct {
    struct kpk_http *http;
    char url[64];
    const struct answer *answers;
    size_t n_answers;
    atomic_size_t asked;
    char key[64], last_query[128], q[128];
} server;

static void answer(struct kpk_request *request, struct kpk_response *response, void *ctx) {
    size_t turn = atomic_fetch_add(&server.asked, 1);
    const struct answer *row =
        &server.answers[turn < server.n_answers ? turn : server.n_answers - 1];
    const char *key = kpk_http_header(request, "Idempotency-Key");
    const char *cursor = kpk_http_query(request, "cursor"), *q = kpk_http_query(request, "q");

    (void)ctx;
    snprintf(server.key, sizeof(server.key), "%s", key ? key : "");
    snprintf(server.last_query, sizeof(server.last_query), "%s", cursor ? cursor : "");
    snprintf(server.q, sizeof(server.q), "%s", q ? q : "");
    if (row->body)
        kpk_http_json_text(response, row->status, row->body);
    else if (row->status < 300)
        kpk_http_empty(response, row->status);
    else
        kpk_http_problem(response, row->status, NULL, "as the test asked");
}

static const struct kpk_route routes[] = {
    {"POST", "/v1/users", answer, 1024},
    {"PUT", "/v1/users/{id}/following/{other}", answer, 0},
    {"POST", "/v1/tweets", answer, 1024},
    {"GET", "/v1/users/{id}/home_timeline", answer, 0},
    {"GET", "/v1/trending/{tag}", answer, 0},
    {"GET", "/v1/search", answer, 0},
    {0},
};

static int open_server(void **state) {
    int port = raw_free_port();

    (void)state;
    snprintf(server.url, sizeof(server.url), "http://127.0.0.1:%d", port);
    return kpk_http_open(&server.http, &(struct kpk_http_opts){.port = port, .routes = routes},
                         err);
}

static int close_server(void **state) {
    (void)state;
    kpk_http_close(server.http);
    return 0;
}

static struct client *open_client(void) {
    struct client *client;

    assert_ok(client_open(&client,
                          &(struct client_opts){.tweet_url = server.url,
                                                .timeline_url = server.url,
                                                .trending_url = server.url,
                                                .search_url = server.url},
                          err),
              err);
    return client;
}

static void will_answer(const struct answer *answers, size_t count) {
    server.answers = answers;
    server.n_answers = count;
    atomic_store(&server.asked, 0);
}

/* --- outcomes ---------------------------------------------------------------------------- */

static void a_post_has_three_outcomes(void **state) {
    /* clang-format off */
    static const struct {
        struct answer answer;
        enum kpk_write_outcome outcome;
        enum kpk_verdict verdict;
    } cases[] = {
        {{201, TWEET}, KPK_WRITE_OK,      KPK_OK},
        {{400, NULL},  KPK_WRITE_FAILED,  KPK_REJECT},
        {{404, NULL},  KPK_WRITE_FAILED,  KPK_REJECT},
        {{413, NULL},  KPK_WRITE_FAILED,  KPK_REJECT},
        {{422, NULL},  KPK_WRITE_FAILED,  KPK_REJECT},
        {{408, NULL},  KPK_WRITE_UNKNOWN, KPK_WAIT},
        {{409, NULL},  KPK_WRITE_FAILED,  KPK_REJECT},
        {{409, HANDLED}, KPK_WRITE_UNKNOWN, KPK_WAIT},
        {{429, NULL},  KPK_WRITE_UNKNOWN, KPK_WAIT},
        {{500, NULL},  KPK_WRITE_UNKNOWN, KPK_WAIT},
        {{503, NULL},  KPK_WRITE_UNKNOWN, KPK_WAIT},
        {{201, "{}"},  KPK_WRITE_UNKNOWN, KPK_FATAL}, /* done, but what? */
        {{201, "{\"id\":1}"}, KPK_WRITE_UNKNOWN, KPK_FATAL},
        {{201, "no"},  KPK_WRITE_UNKNOWN, KPK_FATAL},
    };
    /* clang-format on */
    struct client *client = open_client();
    struct twitter_tweet tweet;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        will_answer(&cases[i].answer, 1);
        err->verdict = KPK_OK;
        enum kpk_write_outcome outcome =
            client_post(client, "7", "the-key", "hello", &tweet, err);
        if (outcome != cases[i].outcome || err->verdict != cases[i].verdict)
            fail_msg("%d %s: outcome %d, verdict %s", cases[i].answer.status,
                     cases[i].answer.body ? cases[i].answer.body : "", (int)outcome,
                     kpk_verdict_name(err->verdict));
        assert_string_equal(server.key, "the-key");
        assert_int_equal(atomic_load(&server.asked), 1); /* never twice by itself */
    }
    client_close(client);
}

static void nobody_listening_is_unknown(void **state) {
    struct client *client;
    char url[64];

    (void)state;
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", raw_free_port());
    assert_ok(client_open(&client, &(struct client_opts){.tweet_url = url}, err), err);
    assert_int_equal(client_post(client, "7", "k", "hello", NULL, err), KPK_WRITE_UNKNOWN);
    assert_int_equal(err->verdict, KPK_WAIT);
    client_close(client);
}

static void a_post_is_repeated_until_it_is_known(void **state) {
    static const struct answer then_done[] = {{503, NULL}, {409, HANDLED}, {201, TWEET}};
    static const struct answer then_refused[] = {{500, NULL}, {422, NULL}};
    static const struct answer never[] = {{503, NULL}};
    struct client *client = open_client();
    struct twitter_tweet tweet;

    (void)state;
    will_answer(then_done, COUNT(then_done));
    assert_int_equal(client_post_until_known(client, "7", "k", "hello", KNOWN_MS, &tweet, err),
                     KPK_WRITE_OK);
    assert_int_equal(atomic_load(&server.asked), 3);
    assert_string_equal(tweet.id, "019ab000-0000-7000-8000-000000000001");
    assert_string_equal(tweet.author_id, "7");
    assert_string_equal(tweet.text, "hello");
    assert_int_equal(tweet.created_at, 1234);
    will_answer(then_refused, COUNT(then_refused));
    assert_int_equal(client_post_until_known(client, "7", "k", "hello", KNOWN_MS, &tweet, err),
                     KPK_WRITE_FAILED);
    will_answer(never, COUNT(never));
    assert_int_equal(client_post_until_known(client, "7", "k", "hello", 1, &tweet, err),
                     KPK_WRITE_UNKNOWN);
    client_close(client);
}

static void users_and_follows(void **state) {
    /* clang-format off */
    static const struct {
        struct answer answer;
        enum kpk_verdict user, follow; /* KPK_OK: done */
    } cases[] = {
        {{201, "{\"id\":\"42\"}"}, KPK_OK,     KPK_OK},
        {{204, NULL},              KPK_FATAL,  KPK_OK}, /* a user without an id */
        {{409, NULL},              KPK_REJECT, KPK_REJECT},
        {{409, HANDLED},           KPK_WAIT,   KPK_WAIT},
        {{404, NULL},              KPK_REJECT, KPK_REJECT},
        {{503, NULL},              KPK_WAIT,   KPK_WAIT},
    };
    /* clang-format on */
    struct client *client = open_client();
    char id[TWITTER_ID_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        will_answer(&cases[i].answer, 1);
        int failed = client_create_user(client, "key-1", "alice", id, err);
        assert_string_equal(server.key, "key-1");
        assert_int_equal(failed ? err->verdict : KPK_OK, cases[i].user);
        if (!failed) assert_string_equal(id, "42");
        failed = client_follow(client, "1", "2", err);
        assert_int_equal(failed ? err->verdict : KPK_OK, cases[i].follow);
    }
    client_close(client);
}

/* --- timelines --------------------------------------------------------------------------- */

static void count(const struct twitter_tweet *tweet, void *ctx) {
    assert_string_equal(tweet->text, "hello");
    ++*(int *)ctx;
}

static void a_timeline_is_read_to_its_end(void **state) {
    static const struct answer pages[] = {
        {200, "{\"tweets\":[" TWEET "," TWEET "],\"next_cursor\":\"a/b c&d=%\"}"},
        {200, "{\"tweets\":[],\"next_cursor\":\"a/b c&d=%\"}"}, /* empty, yet not the end */
        {200, "{\"tweets\":[" TWEET "],\"next_cursor\":null}"},
    };
    struct client *client = open_client();
    int tweets = 0;

    (void)state;
    will_answer(pages, COUNT(pages));
    assert_ok(client_read_timeline(client, CLIENT_HOME, "7", 2, count, &tweets, err), err);
    assert_int_equal(tweets, 3);
    assert_int_equal(atomic_load(&server.asked), COUNT(pages));
    assert_string_equal(server.last_query, "a/b c&d=%");
    client_close(client);
}

static void a_timeline_that_is_none(void **state) {
    /* clang-format off */
    static const struct {
        struct answer answer;
        enum kpk_verdict verdict;
    } cases[] = {
        {{200, "{}"},                                                KPK_FATAL},
        {{200, "{\"tweets\":[]}"},                                   KPK_FATAL}, /* no next_cursor */
        {{200, "{\"tweets\":{},\"next_cursor\":null}"},              KPK_FATAL},
        {{200, "{\"tweets\":[{\"id\":1}],\"next_cursor\":null}"},    KPK_FATAL},
        {{200, "{\"tweets\":[],\"next_cursor\":7}"},                 KPK_FATAL},
        {{200, "{\"tweets\":[],\"next_cursor\":\"never the end\"}"}, KPK_FATAL},
        {{404, NULL},                                                KPK_REJECT},
        {{503, NULL},                                                KPK_WAIT},
    };
    /* clang-format on */
    struct client *client = open_client();
    int tweets = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        will_answer(&cases[i].answer, 1);
        int failed = client_read_timeline(client, CLIENT_HOME, "7", 2, count, &tweets, err);
        if (!failed || err->verdict != cases[i].verdict)
            fail_msg("%s: %s", cases[i].answer.body ? cases[i].answer.body : "",
                     failed ? err->msg : "taken");
    }
    assert_int_equal(tweets, 0);
    client_close(client);
}

/* --- trends ------------------------------------------------------------------------------ */

static void a_tag_is_counted(void **state) {
    static const struct {
        struct answer answer;
        enum kpk_verdict verdict; /* KPK_OK: 12 */
    } cases[] = {
        {{200, "{\"count\":12}"}, KPK_OK},
        {{200, "{\"count\":-1}"}, KPK_FATAL},
        {{200, "{\"count\":\"12\"}"}, KPK_FATAL},
        {{200, "{}"}, KPK_FATAL},
        {{200, "[]"}, KPK_FATAL},
        {{404, NULL}, KPK_REJECT},
        {{503, NULL}, KPK_WAIT},
    };
    struct client *client = open_client();

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t tweets = 0;
        will_answer(&cases[i].answer, 1);
        int failed = client_count_tag(client, "#t\xc3\xa9/ x?", 60, &tweets, err);
        assert_int_equal(failed ? err->verdict : KPK_OK, cases[i].verdict);
        if (!failed) assert_int_equal(tweets, 12);
        assert_int_equal(atomic_load(&server.asked),
                         1); /* the tag is one segment of the path */
    }
    client_close(client);
}

static void what_is_searched_arrives_as_it_was_typed(void **state) {
    static const char q[] = "a&b=c#d?e+f%41 \"g\" \xf0\x9f\x90\xa6/'";
    static const struct answer pages[] = {
        {200, "{\"tweets\":[" TWEET "],\"next_cursor\":\"a/b c&d=%\"}"},
        {200, "{\"tweets\":[" TWEET "],\"next_cursor\":null}"},
    };
    struct client *client = open_client();
    int tweets = 0;

    (void)state;
    will_answer(pages, COUNT(pages));
    assert_ok(client_search(client, q, 1, count, &tweets, err), err);
    assert_int_equal(tweets, 2);
    assert_string_equal(server.q, q);
    assert_string_equal(server.last_query, "a/b c&d=%");
    client_close(client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_post_has_three_outcomes),
        cmocka_unit_test(nobody_listening_is_unknown),
        cmocka_unit_test(a_post_is_repeated_until_it_is_known),
        cmocka_unit_test(users_and_follows),
        cmocka_unit_test(a_timeline_is_read_to_its_end),
        cmocka_unit_test(a_timeline_that_is_none),
        cmocka_unit_test(a_tag_is_counted),
        cmocka_unit_test(what_is_searched_arrives_as_it_was_typed),
    };

    return cmocka_run_group_tests_name("twitter: the client", tests, open_server, close_server);
}
