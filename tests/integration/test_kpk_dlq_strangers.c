/* kpk dlq over what strangers wrote to a dead letter topic: it is refused, letter by letter, takes
 * nobody's place, and a terminal is safe from it. */
#include "patterns/retry-dlq/headers.h"
#include "tests/support/cli.h"
#include "tests/support/letters.h"
#include "tests/support/records.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuses_nonsense(void **state) {
    static const struct {
        const char *name, *value; /* the header that a group would not write so */
        const char *says;
    } cases[] = {
        {KPK_ERRORS_TOPIC, KPK_TOPIC_TWEETS, "does not say that it came from the topic"},
        {KPK_ERRORS_TOPIC, "", "does not say that it came from the topic"},
        {KPK_ERRORS_GROUP, KPK_GROUP_FANOUT_WORKERS, "does not say that the group"},
        {KPK_ERRORS_PARTITION, "-1", "does not say where"},
        {KPK_ERRORS_PARTITION, "2147483648", "does not say where"},
        {KPK_ERRORS_OFFSET, "\x1b[2J", "does not say where"},
        {KPK_ERRORS_OFFSET, "9223372036854775808", "does not say where"},
        {KPK_ERRORS_DELIVERY_COUNT, "often", "delivery.count is no number"},
        {KPK_REDRIVEN, "-1", "kpk-redriven is no number"},
        {KPK_REDRIVEN, "99999999999999999999", "kpk-redriven is no number"},
        {KPK_REDRIVEN, "999999", "it came back 999999 times"},
        {KPK_LEFT_OUT, "5242880", "too large to be copied"},
    };
    char key[16];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct letter letter = {.key = key,
                                      .value = "v",
                                      .offset = 41,
                                      .reason = "\x1b]0;owned\x07",
                                      .other = {cases[i].name, cases[i].value}};
        snprintf(key, sizeof(key), "s%zu", i);
        letters_put(&letter);
        struct cli_output *output = cli_run("", "dlq redrive --key %s", key);
        cli_assert_status(output, 1);
        cli_assert_harmless(output);
        cli_assert_says(output, cases[i].says);
        letters_assert(key, 0, true);
    }
    /* They hold up none of the others. */
    letters_put(&(struct letter){.key = "sound", .value = "v", .offset = 42});
    struct cli_output *output = cli_run("", "dlq redrive --group " LETTERS_GROUP " --all");
    cli_assert_status(output, 1);
    cli_assert_says(output, "redriven: 1, refused: 12");
    letters_assert("sound", 1, false);
    cli_assert_harmless(cli_run("", "dlq list --all"));
}

/* No headers at all, no value, no key. */
static void refuses_a_bare_record(void **state) {
    (void)state;
    letters_write(LETTERS_DLQ, "bare", NULL, 0, NULL);
    struct cli_output *output = cli_run("", "dlq redrive --key bare");
    cli_assert_status(output, 1);
    cli_assert_says(output, "does not say that it came from the topic");
    letters_assert("bare", 0, true);
    cli_assert_status(cli_run("", "dlq purge --key bare"), 0);
    letters_assert("bare", 0, false);
}

/* As much as the topic takes, so that two headers more are too many for the tier. */
static void refuses_what_would_not_fit(void **state) {
    const struct letter letter = {.key = "largest", .offset = 43};
    rd_kafka_headers_t *headers = letter_headers(&letter);
    char name[KPK_NAME_BYTES], *value;
    struct kpk_topic row;
    size_t len;

    (void)state;
    kpk_topic_dlq(kpk_topic_find(KPK_TOPIC_CHARGES), kpk_group_find(LETTERS_GROUP), name, &row);
    len = record_largest_value((size_t)row.max_message_bytes, strlen(letter.key), headers);
    assert_non_null(value = calloc(1, len));
    letters_write(LETTERS_DLQ, letter.key, value, len, headers);
    free(value);
    struct cli_output *output = cli_run("", "dlq redrive --key largest");
    cli_assert_status(output, 1);
    cli_assert_says(output, "refused: it is too large for ");
    letters_assert("largest", 0, true);
    letters_purge_all(NULL);
}

/* Who says of his record that it is another must not take its place. */
static void what_differs_is_no_copy(void **state) {
    static const char *const values[] = {"mine", "yours"};

    (void)state;
    for (int i = 0; i < 2; i++)
        letters_put(&(struct letter){.key = "differs", .value = values[i], .offset = 52});
    cli_assert_says(cli_run("", "dlq list --key differs"), "dead letters: 2 open");
    cli_assert_says(cli_run("", "dlq redrive --key differs"), "redriven: 2\n");
    letters_assert("differs", 2, false);
}

/* A script's variable that nobody set must not make it everybody's letters; nor is what could not be printed, as a disk
 * is full, a success. */
static void what_says_nothing_is_refused(void **state) {
    static const char *const filters[] = {"group", "topic", "reason", "key", "since", "until"};

    (void)state;
    letters_put(&(struct letter){.key = "all", .value = "v", .offset = 60});
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        struct cli_output *output = cli_run("", "dlq purge --reason 503 --%s ''", filters[i]);
        cli_assert_status(output, 2);
        cli_assert_says(output, "is empty");
    }
    letters_assert("all", 0, true);
    struct cli_output *output = cli_run("", "dlq list 2>&1 > /dev/full #");
    cli_assert_status(output, 1);
    cli_assert_says(output, "could not be written");
    cli_assert_status(cli_run("", "dlq purge --key all"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_nonsense),
        cmocka_unit_test(refuses_a_bare_record),
        cmocka_unit_test(refuses_what_would_not_fit),
        cmocka_unit_test(what_differs_is_no_copy),
        cmocka_unit_test(what_says_nothing_is_refused),
    };

    return cmocka_run_group_tests_name("kpk dlq: strangers", tests, letters_open,
                                       letters_close);
}
