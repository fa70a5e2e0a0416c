/* What twitter-report says of a day is what the facts of that day add up to. */
#include "common/clock.h"
#include "services/twitter/world.h"
#include "tests/support/facts.h"
#include "tests/support/test.h"
#include "tests/support/tweets.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { OUTPUT_BYTES = 8192 };

static struct kpk_err error, *err = &error;

/* returns  what it says, its exit code in 'status' */
static const char *run_report(const char *arguments, int *status) {
    static char output[OUTPUT_BYTES];
    char command[256];

    snprintf(command, sizeof(command), "build/bin/twitter-report %s 2>&1", arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    output[fread(output, 1, sizeof(output) - 1, pipe)] = '\0';
    *status = WEXITSTATUS(pclose(pipe));
    return output;
}

static void assert_says(const char *output, const char *line) {
    if (!strstr(output, line)) fail_msg("not said: '%s' in\n%s", line, output);
}

static void reports_add_up(void **state) {
    static const struct {
        int hour, count, author, followers;
    } rows[] = {
        {0, 2, 0, 100}, {7, 10, 1, 5}, {7, 1, 0, 101}, {23, 20, 2, TWITTER_UNKNOWN},
        {23, 4, 3, 0},
    };
    static const char *const strangers[] = {"", "", "9000000000000000002",
                                            "9000000000000000003"};
    struct kpk_producer *producer = tweets_open();
    int64_t first = facts_unused_day(1);
    char arguments[64], line[200], time[KPK_TIME_BYTES];
    struct twitter_tweet tweet;
    struct world *world;
    int status;

    (void)state;
    assert_ok(world_open(&world, 2, err), err);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        for (int n = 0; n < rows[i].count; n++) {
            tweet_make(&tweet, first + rows[i].hour * FACTS_DAY_MS / 24 + n, "counted");
            snprintf(tweet.author_id, sizeof(tweet.author_id), "%s",
                     rows[i].author < 2 ? world->users[rows[i].author].id
                                        : strangers[rows[i].author]);
            tweet.followers = rows[i].followers;
            tweets_send(producer, &tweet, NULL, NULL);
        }
    tweet_make(&tweet, first - 1, "the day before");
    tweets_send(producer, &tweet, NULL, NULL);
    tweet_make(&tweet, first + FACTS_DAY_MS, "the day after");
    tweets_send(producer, &tweet, NULL, NULL);
    tweets_await(producer, KPK_GROUP_ANALYTICS);

    kpk_time_format(first, time);
    snprintf(arguments, sizeof(arguments), "daily --day %.10s", time);
    const char *said = run_report(arguments, &status);
    assert_int_equal(status, 0);
    snprintf(line, sizeof(line), "%.10s (UTC): 37 tweets of 4 authors\n", time);
    assert_says(said, line);
    assert_says(said, "\n00:00          2          1  ###\n");
    assert_says(said, "\n01:00          0          0\n");
    assert_says(said, "\n07:00         11          2  ##################\n");
    assert_says(said,
                "\n23:00         24          2  ########################################\n");

    snprintf(arguments, sizeof(arguments), "authors --day %.10s --limit 3", time);
    said = run_report(arguments, &status);
    assert_int_equal(status, 0);
    snprintf(line, sizeof(line),
             "DELIVERIES\n%-19s %-30s          3            301\n"
             "%-19s %-30s         10             50\n",
             world->users[0].id, world->users[0].handle, world->users[1].id,
             world->users[1].handle);
    assert_says(said, line);
    snprintf(line, sizeof(line), "\n%-19s %-30s         20              0\n", strangers[2],
             "-");
    assert_says(said, line);
    assert_null(strstr(said, strangers[3]));
    kpk_producer_close(producer);
    world_close(world);
}

static void what_a_report_refuses(void **state) {
    static const struct {
        const char *arguments;
        int status;
        const char *says;
    } cases[] = {
        {"", 1, "daily or authors"},
        {"weekly", 1, "daily, authors"},
        {"daily --day 2026-02-30", 1, "2026-02-30"},
        {"daily --day 2026-2-3", 1, "--day"},
        {"daily --day 2026-01-01x", 1, "--day"},
        {"daily --day yesterday", 1, "--day"},
        {"authors --limit 0", 1, "limit"},
        {"daily --day 2006-01-01", 0, "0 tweets of 0 authors"},
        {"authors", 0, "(UTC)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int status;
        const char *said = run_report(cases[i].arguments, &status);
        if (status != cases[i].status || !strstr(said, cases[i].says))
            fail_msg("twitter-report %s: %d %s", cases[i].arguments, status, said);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_add_up),
        cmocka_unit_test(what_a_report_refuses),
    };

    srand((unsigned)kpk_now_ms());
    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("twitter: reports", tests, NULL, NULL);
}
