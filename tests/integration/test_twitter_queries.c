/* What a person, or somebody else, may type into a search box: quotes, operators, other scripts, too
 * much of it. Each is answered, and nothing of it is ever SQL. */
#include "services/twitter/world.h"
#include "tests/support/test.h"
#include "topology/topology.h"

#include <stdio.h>
#include <string.h>

enum { ARRIVE_MS = 60000, PATH_BYTES = 8000 };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct kpk_err error, *err = &error;

/* One request. returns the answer's body, for cJSON_Delete() */
static cJSON *ask(struct client *client, const char *path, int status) {
    struct client_reply reply;

    assert_ok(client_call(client, &(struct client_call){CLIENT_SEARCH, "GET", path, NULL, NULL},
                          &reply, err),
              err);
    if (reply.status != status) {
        char *text = cJSON_PrintUnformatted(reply.body);
        fail_msg("%.200s: %d, not %d: %s", path, reply.status, status, text ? text : "");
    }
    return reply.body;
}

static const char *repeat(const char *unit, int count) {
    static char text[PATH_BYTES - 64];
    char *end = text;

    while (count-- > 0) end = stpcpy(end, unit);
    return text;
}

/* 'status' 400 must blame 'field'; else there must be a page. */
static void assert_answer(struct client *client, const char *path, int status,
                          const char *field) {
    cJSON *body = ask(client, path, status);
    const char *blamed = cJSON_GetStringValue(cJSON_GetObjectItem(body, "field"));

    if (status == 400 && (!blamed || strcmp(blamed, field) != 0))
        fail_msg("%.200s: blames %s, not %s", path, blamed ? blamed : "nothing", field);
    if (status == 200) assert_true(cJSON_IsArray(cJSON_GetObjectItem(body, "tweets")));
    cJSON_Delete(body);
}

/* clang-format off */
static const struct {
    const char *q; /* percent-encoded */
    int status;    /* 400: there is no word to look for, or a character that is refused */
} queries[] = {
    /* quotes and SQL */
    {"'", 400},
    {"%22", 400},
    {"%22%22", 400},
    {"%22x", 200},
    {"x%22y%22z%22", 200},
    {"%5C", 400},
    {"%5C'%5C%22%5Cx", 200},
    {"'%3B%20DROP%20TABLE%20search_index%3B%20--", 200},
    {"x'%20OR%20'1'='1", 200},
    {"x')%20UNION%20SELECT%20null--", 200},
    {"$1", 200},
    {"%251%25n%25s", 200},
    /* operators of the query language, and of PostgreSQL's own */
    {"x%20%26%20y%20%7C%20!z%20%3C-%3E%20w:*A", 200},
    {"((((((", 400},
    {"!!!!x", 200},
    {"%26%26%7C%7C", 400},
    {"or", 200},
    {"or%20or%20or", 200},
    {"-x", 400},
    {"-x%20-y", 400},
    {"-%22x%20y%22", 400},
    {"x%20or%20-y", 400},
    {"-x%20y", 200},
    /* other scripts, and characters that are none */
    {"%F0%9F%90%A6", 400},
    {"%F0%9F%90%A6%20x", 200},
    {"%E4%BD%A0%E5%A5%BD", 200},
    {"%E3%81%93%E3%82%93%E3%81%AB%E3%81%A1%E3%81%AF", 200},
    {"%E0%B8%AA%E0%B8%A7%E0%B8%B1%E0%B8%AA%E0%B8%94%E0%B8%B5", 200},
    {"%D9%85%D8%B1%D8%AD%D8%A8%D8%A7", 200},
    {"%EF%BB%BF", 400},
    {"x%0Ay%09z", 200},
    {"%09%0A", 400},
    {"%01", 400},
    {"x%1B[2J", 400},
    {"x%7F", 400},
    {"x%C2%9B", 400},
    {"", 400},
    {"%20", 400},
};

/* The longest query there may be, of whatever makes most of it. */
static const struct {
    const char *unit;
    int characters, status;
} longest[] = {
    {"x", 1, 200},
    {"x%20", 2, 200},
    {"-x%20", 3, 400},
    {"x%20or%20", 5, 200},
    {"%22", 1, 400},
    {"%22x", 2, 200},
    {"(", 1, 400},
    {"%E4%BD%A0", 1, 200},
    {"x%E4%BD%A0", 2, 200},
    {"%F0%A0%80%80", 1, 200},
};
/* clang-format on */

static void any_query_is_answered(void **state) {
    struct client *client;
    char path[PATH_BYTES];

    (void)state;
    assert_ok(client_open(&client, NULL, err), err);
    assert_answer(client, "/v1/search", 400, "q");
    for (size_t i = 0; i < COUNT(queries); i++) {
        snprintf(path, sizeof(path), "/v1/search?q=%s", queries[i].q);
        assert_answer(client, path, queries[i].status, "q");
    }
    for (size_t i = 0; i < COUNT(longest); i++) {
        int most = 500 / longest[i].characters;
        snprintf(path, sizeof(path), "/v1/search?q=%s", repeat(longest[i].unit, most));
        assert_answer(client, path, longest[i].status, "q");
        snprintf(path, sizeof(path), "/v1/search?q=%s", repeat(longest[i].unit, most + 1));
        assert_answer(client, path, 400, "q");
    }
    snprintf(path, sizeof(path), "/v1/search?q=%s", repeat("x", 1000));
    assert_answer(client, path, 400, "q");
    client_close(client);
}

static void what_a_page_may_not_ask(void **state) {
    static const char *const limits[] = {"0",  "101",  "-1", "ten", "1e1",
                                         "+5", "%205", "",   "0x5"};
    static const char *const cursors[] = {
        "",
        "nonsense",
        "%s", /* of another query */
        "%.17s.",
        "%.8s.7fc00000.019ab000-0000-7000-8000-000000000000", /* not a number */
        "%.8s.3DCCCCCD.019ab000-0000-7000-8000-000000000000",
        "%.8s.3dcccccd.019AB000-0000-7000-8000-000000000000",
        "%.8s.3dcccccd.019ab000-0000-7000-8000-00000000000",
        "%.8s.3dcccccd.019ab000-0000-7000-8000-0000000000000",
        "%.8s.3dcccccd.019ab000-0000-7000-8000-000000000000'",
    };
    char path[PATH_BYTES], cursor[256], next[128];
    struct kpk_report report;
    struct world *world;
    bool clean;

    (void)state;
    assert_ok(world_open(&world, 1, err), err);
    world_watch_search(world);
    assert_ok(world_post(world, 0, NULL, err), err);
    assert_ok(world_check(world, ARRIVE_MS, &report, &clean, err), err);
    if (!clean) fail_msg("%s", report.first);
    for (size_t i = 0; i < COUNT(limits); i++) {
        snprintf(path, sizeof(path), "/v1/search?q=%s&limit=%s", world->tag, limits[i]);
        assert_answer(world->client, path, 400, "limit");
    }
    snprintf(path, sizeof(path), "/v1/search?q=%s&limit=1", world->tag);
    cJSON *body = ask(world->client, path, 200);
    snprintf(next, sizeof(next), "%s",
             cJSON_GetStringValue(cJSON_GetObjectItem(body, "next_cursor")));
    cJSON_Delete(body);
    snprintf(path, sizeof(path), "/v1/search?q=%s&cursor=%s", world->tag, next);
    assert_answer(world->client, path, 200, NULL);
    for (size_t i = 0; i < COUNT(cursors); i++) {
        snprintf(cursor, sizeof(cursor), cursors[i], next);
        snprintf(path, sizeof(path), "/v1/search?q=%s%s&cursor=%s", world->tag,
                 strcmp(cursors[i], "%s") == 0 ? "%20tweet" : "", cursor);
        assert_answer(world->client, path, 400, "cursor");
    }
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_query_is_answered),
        cmocka_unit_test(what_a_page_may_not_ask),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: queries", tests, NULL, NULL);
}
