/* kpk dlq redrive, killed or failing at every step, two of them at once, and over a dead letter topic
 * that was made anew. Nobody reads the tier here, so that all that ever went there can be counted. */
#include "common/child.h"
#include "tests/support/cli.h"
#include "tests/support/letters.h"
#include "tests/support/test.h"
#include "topology/remove.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { AWAIT_MS = 60000, MANY = 12 };

#define ALL "dlq redrive --group " LETTERS_GROUP " --all"

static struct kpk_err error, *err = &error;

/* --- killed, failed, two at once --------------------------------------------------------- */

static const char *const points[] = {"dlq:after-read", "dlq:after-produce", "dlq:before-commit",
                                     "dlq:after-commit"};

static struct kpk_child *start(const char *fault) {
    static const char *const argv[] = {CLI_KPK,       "dlq",   "redrive", "--group",
                                       LETTERS_GROUP, "--all", NULL};
    const char *const env[] = {fault, NULL};
    struct kpk_child *kpk;

    assert_ok(kpk_child_start(&kpk, &(struct kpk_child_opts){"kpk", argv, env}, err), err);
    return kpk;
}

static bool begins_with(const rd_kafka_message_t *msg, const char *prefix) {
    return msg->key_len > strlen(prefix) && memcmp(msg->key, prefix, strlen(prefix)) == 0;
}

/* Letters in all partitions, so that there is more than one transaction. */
static void put_many(const char *prefix) {
    static struct letters letters;
    bool filled[3] = {false};
    char key[32];

    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "%s%d", prefix, i);
        letters_put(&(struct letter){.key = key, .value = "v", .offset = 1000 + i});
    }
    letters_read(&letters, LETTERS_DLQ, NULL);
    for (size_t i = 0; i < letters.count; i++)
        if (begins_with(letters.msgs[i], prefix)) filled[letters.msgs[i]->partition] = true;
    letters_free(&letters);
    assert_true(filled[0] && filled[1] && filled[2]);
}

static void assert_each_once(const char *prefix) {
    static struct letters back;
    char key[32];
    int seen[MANY] = {0};

    letters_read(&back, LETTERS_TIER, NULL);
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "%s%d", prefix, i);
        for (size_t at = 0; at < back.count; at++)
            seen[i] += back.msgs[at]->key_len == strlen(key) &&
                       memcmp(back.msgs[at]->key, key, strlen(key)) == 0;
        if (seen[i] != 1) fail_msg("%s is in the tier %d times", key, seen[i]);
    }
    letters_free(&back);
    cli_assert_says(cli_run("", "dlq list --group " LETTERS_GROUP), "dead letters: 0 open");
}

/* At every step of the first transaction and of the second one. */
static void killed_anywhere_and_run_again(void **state) {
    char fault[64], prefix[16];

    (void)state;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
        for (int passage = 1; passage <= 2; passage++) {
            snprintf(fault, sizeof(fault), "KPK_FAULT=%s=exit@%d", points[i], passage);
            snprintf(prefix, sizeof(prefix), "k%zu.%d.", i, passage);
            put_many(prefix);
            struct kpk_child *kpk = start(fault);
            if (!kpk_child_await(kpk, KPK_CHILD_KILLED, AWAIT_MS))
                fail_msg("%s does not kill it", fault);
            kpk_child_close(kpk);
            struct cli_output *output = cli_run("", ALL);
            cli_assert_status(output, 0);
            assert_each_once(prefix);
        }
}

/* What a transaction that failed was to do is told as not done, and is done by the next run. */
static void failed_anywhere_and_run_again(void **state) {
    char fault[64], prefix[16];

    (void)state;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        snprintf(fault, sizeof(fault), "KPK_FAULT=%s=error@2", points[i]);
        snprintf(prefix, sizeof(prefix), "e%zu.", i);
        put_many(prefix);
        struct cli_output *output = cli_run(fault, ALL);
        cli_assert_status(output, 1);
        cli_assert_says(output, "sent to ");
        cli_assert_says(output, "not done\n");
        cli_assert_says(output, ", not done: ");
        cli_assert_status(cli_run("", ALL), 0);
        assert_each_once(prefix);
    }
}

/* The one that began later goes on; the other one says so, and has done nothing more. */
static void two_at_once(void **state) {
    char fault[64], prefix[16];

    (void)state;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        snprintf(fault, sizeof(fault), "KPK_FAULT=%s=stop", points[i]);
        snprintf(prefix, sizeof(prefix), "t%zu.", i);
        put_many(prefix);
        struct kpk_child *kpk = start(fault);
        assert_true(kpk_child_await(kpk, KPK_CHILD_STOPPED, AWAIT_MS));
        cli_assert_status(cli_run("", ALL), 0);
        kpk_child_signal(kpk, SIGCONT);
        assert_ok(kpk_child_await_words(kpk, "another kpk dlq took over", AWAIT_MS, err), err);
        assert_true(kpk_child_await(kpk, KPK_CHILD_EXITED, AWAIT_MS));
        assert_int_equal(kpk_child_status(kpk), 1);
        kpk_child_close(kpk);
        assert_each_once(prefix);
    }
}

/* --- made anew --------------------------------------------------------------------------- */

static void delete_topic(const char *name) {
    struct kpk_topic_plan topic = {.row = {.name = name}};
    struct kpk_plan plan = {.topics = &topic, .count = 1};
    struct kpk_admin *admin;

    kpk_full_name(name, topic.name);
    assert_ok(kpk_admin_open(&admin, &(struct kpk_admin_opts){0}, err), err);
    assert_ok(kpk_remove_topics(admin, &plan, err), err);
    kpk_admin_close(admin);
}

/* A broker that has just got the partitions may say for a moment that it leads none of them. */
static bool is_empty(void *ctx) {
    (void)ctx;
    return strstr(cli_run("", "dlq list --all")->text, "dead letters: 0 open, 0 redriven");
}

/* The ledger's word about the letters of a topic that was removed hides none of the new ones. */
static void a_topic_made_anew_has_new_letters(void **state) {

    (void)state;
    letters_put(&(struct letter){.key = "anew", .value = "v", .offset = 61});
    cli_assert_status(cli_run("", "dlq purge --key anew"), 0);
    delete_topic(LETTERS_DLQ);
    cli_assert_status(cli_run("", "topics apply --system retry-dlq"), 0);
    assert_true(wait_until(AWAIT_MS, is_empty, NULL));
    for (int i = 0; i < 3; i++)
        letters_put(&(struct letter){.key = "anew", .value = "v", .offset = 62 + i});
    cli_assert_says(cli_run("", "dlq list --key anew"), "dead letters: 3 open, 0 redriven");
    cli_assert_says(cli_run("", ALL), "redriven: 3\n");
    cli_assert_says(cli_run("", "dlq list --key anew"), "dead letters: 0 open, 3 redriven");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_anywhere_and_run_again),
        cmocka_unit_test(failed_anywhere_and_run_again),
        cmocka_unit_test(two_at_once),
        cmocka_unit_test(a_topic_made_anew_has_new_letters),
    };

    return cmocka_run_group_tests_name("kpk dlq: faults", tests, letters_open, letters_close);
}
