/* kpk dlq against dead letters that the test puts there itself: what goes back, how often, and what
 * does not. Nobody reads the tier here, so that all that ever went there can be counted. */
#include "common/clock.h"
#include "common/event.h"
#include "patterns/retry-dlq/headers.h"
#include "tests/support/cli.h"
#include "tests/support/letters.h"
#include "tests/support/records.h"
#include "tests/support/test.h"
#include "tools/kpk/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AWAIT_MS = 60000, MANY = 12 };

#define ALL "dlq redrive --group " LETTERS_GROUP " --all"

/* --- what is there ----------------------------------------------------------------------- */

static const struct cli_output *list(const char *key) {
    return cli_run("", "dlq list --key %s", key);
}

/* Letters of one millisecond have no order of age. */
static void pass_a_ms(void) {
    int64_t now = kpk_now_ms();

    while (kpk_now_ms() == now) continue;
}

/* --- what goes back ---------------------------------------------------------------------- */

static void assert_same_bytes(const void *a, size_t a_len, const void *b, size_t b_len) {
    assert_int_equal(a_len, b_len);
    assert_int_equal(a == NULL, b == NULL);
    if (a_len) assert_memory_equal(a, b, a_len);
}

/* Every header of 'before', in order, but for the two; and these two, each once. */
static void assert_same_headers(const rd_kafka_headers_t *before,
                                const rd_kafka_headers_t *after) {
    const char *name, *after_name;
    const void *value, *after_value;
    size_t len, after_len, at = 0;

    for (size_t i = 0; !rd_kafka_header_get_all(before, i, &name, &value, &len); i++) {
        if (strcmp(name, KPK_NOT_BEFORE) == 0 || strcmp(name, KPK_REDRIVEN) == 0) continue;
        assert_int_equal(
            rd_kafka_header_get_all(after, at++, &after_name, &after_value, &after_len), 0);
        assert_string_equal(name, after_name);
        assert_same_bytes(value, len, after_value, after_len);
    }
    assert_int_equal(rd_kafka_header_cnt(after), at + 2);
    assert_int_equal(rd_kafka_header_get_last(after, KPK_NOT_BEFORE, &value, &len), 0);
    assert_int_equal(rd_kafka_header_get_last(after, KPK_REDRIVEN, &value, &len), 0);
}

static int64_t number(const rd_kafka_message_t *msg, const char *name) {
    const void *value;
    size_t len;

    assert_true(kpk_record_header(msg, name, &value, &len));
    return strtoll(value, NULL, 10); /* librdkafka puts a NUL behind it */
}

static void assert_went_back(const rd_kafka_message_t *letter, const rd_kafka_message_t *back,
                             int times) {
    rd_kafka_headers_t *before, *after;
    int64_t late;

    assert_same_bytes(letter->key, letter->key_len, back->key, back->key_len);
    assert_same_bytes(letter->payload, letter->len, back->payload, back->len);
    assert_int_equal(rd_kafka_message_headers(letter, &before), 0);
    assert_int_equal(rd_kafka_message_headers(back, &after), 0);
    assert_same_headers(before, after);
    assert_int_equal(number(back, KPK_REDRIVEN), times);
    late = kpk_record_ms(back) - number(back, KPK_NOT_BEFORE);
    assert_true(late >= 0 && late < AWAIT_MS); /* it is due at once */
}

static void goes_back_as_it_was(void **state) {
    static char hostile[5000];
    const struct letter cases[] = {
        {.key = "plain", .value = "{\"amount\":100}", .offset = 1},
        {.key = "hostile",
         .value = hostile,
         .value_len = sizeof(hostile),
         .offset = 2,
         .reason = "\x1b[2J\xff"},
        {.key = "tombstone", .offset = 3},
        {.key = "again",
         .value = "v",
         .offset = 4,
         .redriven = "1",
         .other = {KPK_REDRIVEN, "2", KPK_NOT_BEFORE, "17", "a", "b"}},
    };
    static const int times[] = {1, 1, 1, 3};
    static struct letters letters, back;

    (void)state;
    record_fill_hostile(hostile, sizeof(hostile));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        letters_put(&cases[i]);
        letters_assert(cases[i].key, 0, true);
        struct cli_output *output =
            cli_run("", "dlq redrive %s", letters_position(cases[i].key));
        cli_assert_status(output, 0);
        cli_assert_harmless(output);
        cli_assert_says(output, "redriven: 1\n");
        letters_assert(cases[i].key, 1, false);
        letters_read(&letters, LETTERS_DLQ, cases[i].key);
        letters_read(&back, LETTERS_TIER, cases[i].key);
        assert_went_back(letters.msgs[0], back.msgs[0], times[i]);
        letters_free(&letters);
        letters_free(&back);
    }
    /* None of them went to where other groups read. */
    assert_int_equal(letters_count(KPK_TOPIC_CHARGES, NULL), 0);
    assert_int_equal(letters_count(LETTERS_LAST_TIER, NULL), 0);
}

/* Headers without a value, names that come twice, no key at all. */
static void goes_back_without_a_key(void **state) {
    const struct letter letter = {.value = "keyless", .offset = 5, .reason = "keyless"};
    rd_kafka_headers_t *headers = letter_headers(&letter);
    static struct letters letters, back;
    size_t found = 0;

    (void)state;
    rd_kafka_header_add(headers, "null", -1, NULL, 0);
    rd_kafka_header_add(headers, "empty", -1, "", 0);
    rd_kafka_header_add(headers, "twice", -1, "1", -1);
    rd_kafka_header_add(headers, "twice", -1, "2", -1);
    letters_write(LETTERS_DLQ, NULL, letter.value, strlen(letter.value), headers);
    cli_assert_status(cli_run("", "dlq redrive --reason keyless"), 0);
    letters_read(&letters, LETTERS_DLQ, NULL);
    letters_read(&back, LETTERS_TIER, NULL);
    for (size_t i = 0; i < letters.count; i++)
        for (size_t j = 0; j < back.count; j++)
            if (!letters.msgs[i]->key && !back.msgs[j]->key) {
                assert_went_back(letters.msgs[i], back.msgs[j], 1);
                found++;
            }
    assert_int_equal(found, 1);
    letters_free(&letters);
    letters_free(&back);
}

static void once_however_often_it_is_run(void **state) {
    const struct letter letter = {.key = "once", .value = "v", .offset = 6};
    char position[KPK_NAME_BYTES + 40];

    (void)state;
    letters_put(&letter);
    snprintf(position, sizeof(position), "%s", letters_position("once"));
    cli_assert_says(cli_run("", "dlq redrive %s", position), "sent to ");
    struct cli_output *output = cli_run("", "dlq redrive %s", position);
    cli_assert_status(output, 0);
    cli_assert_says(output, "nothing: redriven 2");
    cli_assert_says(output, "redriven: 0, done before: 1\n");
    output = cli_run("", "dlq redrive --key once");
    cli_assert_status(output, 0);
    cli_assert_says(output, "redriven: 0\n");
    letters_assert("once", 1, false);
    cli_assert_says(cli_run("", "dlq list --all --key once"), "  redriven  a reason\n");
    output = cli_run("", "dlq show %s", position);
    cli_assert_status(output, 0);
    cli_assert_says(output, "redriven 2");
    cli_assert_says(output, " by ");
}

/* --- which ones -------------------------------------------------------------------------- */

static void refuses_without_a_choice(void **state) {
    static const struct {
        const char *arguments;
        int status;
        const char *says;
    } cases[] = {
        {"dlq redrive", 2, "which ones?"},
        {"dlq park --limit 3", 2, "which ones?"},
        {"dlq purge --group " LETTERS_GROUP, 2, "which ones?"},
        {"dlq redrive --all", 2, "--group must say which"},
        {"dlq redrive --all --topic " KPK_TOPIC_CHARGES, 2, "--group must say which"},
        {"dlq redrive 1 --all --group " LETTERS_GROUP, 2, "not both"},
        {"dlq redrive 1 --key k", 2, "not both"},
        {"dlq redrive --since yesterday", 2, "'yesterday' is not a time"},
        {"dlq redrive --group nobody --all", 2, "dead letters of group nobody"},
        {"dlq redrive one", 2, "is not TOPIC:PARTITION:OFFSET"},
        {"dlq redrive " KPK_TOPIC_CHARGES ":0:0", 2, "is no dead letter topic"},
        {"dlq redrive " LETTERS_DLQ ":0:999999", 1, "no dead letter at "},
        {"dlq redrive 999999", 1, "no dead letter 999999"},
        {"dlq redrive --max-redrives 0 1", 2, "--max-redrives: 0 is not in 1..1000"},
        {"dlq park --max-redrives 1 1", 2, "no such option"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cli_output *output = cli_run("", "%s", cases[i].arguments);
        cli_assert_status(output, cases[i].status);
        cli_assert_says(output, cases[i].says);
    }
}

/* One of several that cannot be found, and none is done. */
static void all_names_must_be_there(void **state) {
    const struct letter letter = {.key = "named", .value = "v", .offset = 7};

    (void)state;
    letters_put(&letter);
    struct cli_output *output =
        cli_run("", "dlq redrive %s " LETTERS_DLQ ":0:999999", letters_position("named"));
    cli_assert_status(output, 1);
    letters_assert("named", 0, true);
}

static void chooses_by_filters(void **state) {
    const struct letter letters[] = {
        {.key = "f1", .value = "v", .offset = 11, .reason = "provider: 503"},
        {.key = "f2", .value = "v", .offset = 12, .reason = "provider: 500"},
        {.key = "f3", .value = "v", .offset = 13, .reason = "address: not one"},
    };
    char between[KPK_TIME_BYTES];

    (void)state;
    letters_put(&letters[0]);
    pass_a_ms();
    kpk_time_format(kpk_now_ms(), between);
    letters_put(&letters[1]);
    letters_put(&letters[2]);

    /* None is like all of it. */
    cli_assert_says(cli_run("", "dlq redrive --reason provider --key f3"), "redriven: 0\n");
    cli_assert_says(cli_run("", "dlq redrive --reason provider --until 2020-01-01T00:00:00Z"),
                    "redriven: 0\n");
    letters_assert("f3", 0, true);
    cli_assert_says(cli_run("", "dlq redrive --reason provider --since %s", between),
                    "redriven: 1\n");
    letters_assert("f1", 0, true);
    letters_assert("f2", 1, false);
    cli_assert_says(cli_run("", "dlq redrive --reason 'provider: 5' --until %s", between),
                    "redriven: 1\n");
    letters_assert("f1", 1, false);
    letters_assert("f3", 0, true);
    cli_assert_says(cli_run("", "dlq redrive --key f3 --topic " KPK_TOPIC_CHARGES),
                    "redriven: 1\n");
    letters_assert("f3", 1, false);
}

/* In order of age, over all partitions, and then the rest. */
static void as_many_as_it_is_told(void **state) {
    char key[16];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "m%d", i);
        letters_put(&(struct letter){.key = key, .value = "v", .offset = 100 + i});
        pass_a_ms();
    }
    struct cli_output *output = cli_run("", ALL " --limit 5 --dry-run");
    cli_assert_status(output, 0);
    cli_assert_says(output, "WOULD BE");
    cli_assert_says(output, "would be redriven: 5; a dry run: nothing was done\n");
    letters_assert("m0", 0, true);
    cli_assert_says(cli_run("", ALL " --limit 5"), "redriven: 5\n");
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "m%d", i);
        letters_assert(key, i < 5, i >= 5);
    }
    cli_assert_says(cli_run("", ALL), "redriven: 7\n");
    cli_assert_says(cli_run("", ALL), "redriven: 0\n");
    assert_int_equal(letters_count(LETTERS_TIER, "m11"), 1);
}

/* A number stays the letter's own when others are dealt with. */
static void by_number(void **state) {
    const struct letter letters[] = {{.key = "n1", .value = "v", .offset = 21},
                                     {.key = "n2", .value = "v", .offset = 22}};
    int numbers[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        letters_put(&letters[i]);
        const char *row = strstr(list(letters[i].key)->text, "REASON\n");
        assert_non_null(row);
        assert_int_equal(sscanf(row + strlen("REASON\n"), "%d", &numbers[i]), 1);
    }
    cli_assert_says(cli_run("", "dlq park %d", numbers[0]), "parked: 1\n");
    cli_assert_says(cli_run("", "dlq redrive %d", numbers[1]), "redriven: 1\n");
    letters_assert("n2", 1, false);
    letters_assert("n1", 0, false);
}

/* --- not back ---------------------------------------------------------------------------- */

static void not_too_often(void **state) {
    const struct letter letter = {.key = "capped", .value = "v", .offset = 31, .redriven = "3"};

    (void)state;
    letters_put(&letter);
    cli_assert_says(list("capped"), "  came back 3  a reason\n");
    struct cli_output *output = cli_run("", "dlq redrive --key capped");
    cli_assert_status(output, 1);
    cli_assert_says(output, "refused: it came back 3 times already (--max-redrives)");
    cli_assert_says(output, "redriven: 0, refused: 1\n");
    letters_assert("capped", 0, true);
    cli_assert_status(cli_run("", "dlq redrive --key capped --max-redrives 4"), 0);
    letters_assert("capped", 1, false);
}

static void a_parked_one_must_be_named(void **state) {
    const struct letter letter = {.key = "parked", .value = "v", .offset = 32};

    (void)state;
    letters_put(&letter);
    struct cli_output *output = cli_run("", "dlq park --key parked --dry-run");
    cli_assert_says(output, "would be parked: 1; a dry run");
    letters_assert("parked", 0, true);
    cli_assert_status(cli_run("", "dlq park --key parked"), 0);
    letters_assert("parked", 0, false);
    cli_assert_says(cli_run("", "dlq list --all --key parked"),
                    "0 open, 0 redriven, 1 parked, 0 purged");
    output = cli_run("", "dlq redrive --key parked");
    cli_assert_status(output, 0);
    cli_assert_says(output, "redriven: 0, parked and left alone: 1\n");
    letters_assert("parked", 0, false);
    cli_assert_says(cli_run("", "dlq park %s", letters_position("parked")),
                    "nothing: parked 2");
    cli_assert_status(cli_run("", "dlq redrive %s", letters_position("parked")), 0);
    letters_assert("parked", 1, false);
}

static void a_purged_one_never_again(void **state) {
    const struct letter letter = {.key = "purged", .value = "v", .offset = 33};

    (void)state;
    letters_put(&letter);
    cli_assert_status(cli_run("", "dlq park --key purged"), 0);
    cli_assert_says(cli_run("", "dlq purge --key purged"),
                    "purged: 0, parked and left alone: 1\n");
    cli_assert_says(cli_run("", "dlq purge %s", letters_position("purged")), "purged: 1\n");
    letters_assert("purged", 0, false);
    struct cli_output *output = cli_run("", "dlq redrive %s", letters_position("purged"));
    cli_assert_status(output, 1);
    cli_assert_says(output, "refused: it is purged");
    letters_assert("purged", 0, false);
}

/* --- copies ------------------------------------------------------------------------------ */

static void a_copy_is_the_same_letter(void **state) {
    const struct letter letter = {.key = "copy", .value = "v", .offset = 51};

    (void)state;
    letters_put(&letter);
    letters_put(&letter);
    letters_assert("copy", 0, true);
    cli_assert_says(list("copy"), "  twice  a reason\n");
    struct cli_output *output = cli_run("", "dlq redrive --key copy");
    cli_assert_status(output, 0);
    cli_assert_says(output, "; it lies there twice\n");
    letters_assert("copy", 1, false);

    /* A third, that the group hands over after a crash, when all was done already. */
    letters_put(&letter);
    letters_assert("copy", 1, false);
    cli_assert_says(list("copy"), "0 open, 1 redriven");
    output = cli_run("", "dlq redrive --key copy");
    cli_assert_status(output, 0);
    cli_assert_says(output, "noted: a copy of what was redriven 2");
    cli_assert_says(output, "redriven: 0, copies noted: 1\n");
    letters_assert("copy", 1, false);
    cli_assert_says(cli_run("", "dlq redrive %s", letters_position("copy")),
                    "done before: 1\n");
    letters_assert("copy", 1, false);

    /* It failed again: that is another letter. */
    letters_put(&(struct letter){.key = "copy", .value = "v", .offset = 51, .redriven = "1"});
    letters_assert("copy", 1, true);
    cli_assert_status(cli_run("", "dlq redrive --key copy"), 0);
    letters_assert("copy", 2, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_back_as_it_was),
        cmocka_unit_test(goes_back_without_a_key),
        cmocka_unit_test(once_however_often_it_is_run),
        cmocka_unit_test(refuses_without_a_choice),
        cmocka_unit_test(all_names_must_be_there),
        cmocka_unit_test_setup(chooses_by_filters, letters_purge_all),
        cmocka_unit_test(as_many_as_it_is_told),
        cmocka_unit_test(by_number),
        cmocka_unit_test(not_too_often),
        cmocka_unit_test(a_parked_one_must_be_named),
        cmocka_unit_test(a_purged_one_never_again),
        cmocka_unit_test(a_copy_is_the_same_letter),
    };

    return cmocka_run_group_tests_name("kpk dlq", tests, letters_open, letters_close);
}
