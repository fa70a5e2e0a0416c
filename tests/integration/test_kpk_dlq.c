/* kpk dlq against dead letters that the test puts there itself: what goes back, how often, and what
 * does not. Nobody reads the tier here, so that all that ever went there can be counted. */
#include "common/child.h"
#include "common/clock.h"
#include "common/event.h"
#include "patterns/retry-dlq/headers.h"
#include "tests/support/cli.h"
#include "tests/support/letters.h"
#include "tests/support/records.h"
#include "tests/support/test.h"
#include "tools/kpk/record.h"
#include "topology/admin.h"
#include "topology/scratch.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AWAIT_MS = 60000, MANY = 12 };

#define ALL "dlq redrive --group " LETTERS_GROUP " --all"

static struct kpk_scratch *scratch;

static struct kpk_err error, *err = &error;

/* --- what is there ----------------------------------------------------------------------- */

static const struct cli_output *list(const char *key) {
    return cli_run("", "dlq list --key %s", key);
}

/* The letter with this key is in the tier 'times' times, and open or not. */
static void assert_is(const char *key, size_t times, bool open) {
    size_t found = letters_count(LETTERS_TIER, key);

    if (found != times) fail_msg("%s is in the tier %zu times, not %zu", key, found, times);
    cli_assert_says(list(key), open ? "dead letters: 1 open" : "dead letters: 0 open");
}

/* Letters of one millisecond have no order of age. */
static void pass_a_ms(void) {
    int64_t now = kpk_now_ms();

    while (kpk_now_ms() == now) continue;
}

/* Whatever is open in the group's topics is none of the next test's. */
static int purge_all(void **state) {
    (void)state;
    cli_assert_status(cli_run("", "dlq purge --group " LETTERS_GROUP " --all"), 0);
    return 0;
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
        assert_is(cases[i].key, 0, true);
        struct cli_output *output =
            cli_run("", "dlq redrive %s", letters_position(cases[i].key));
        cli_assert_status(output, 0);
        cli_assert_harmless(output);
        cli_assert_says(output, "redriven: 1\n");
        assert_is(cases[i].key, 1, false);
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
    assert_is("once", 1, false);
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
    assert_is("named", 0, true);
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
    assert_is("f3", 0, true);
    cli_assert_says(cli_run("", "dlq redrive --reason provider --since %s", between),
                    "redriven: 1\n");
    assert_is("f1", 0, true);
    assert_is("f2", 1, false);
    cli_assert_says(cli_run("", "dlq redrive --reason 'provider: 5' --until %s", between),
                    "redriven: 1\n");
    assert_is("f1", 1, false);
    assert_is("f3", 0, true);
    cli_assert_says(cli_run("", "dlq redrive --key f3 --topic " KPK_TOPIC_CHARGES),
                    "redriven: 1\n");
    assert_is("f3", 1, false);
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
    assert_is("m0", 0, true);
    cli_assert_says(cli_run("", ALL " --limit 5"), "redriven: 5\n");
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "m%d", i);
        assert_is(key, i < 5, i >= 5);
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
    assert_is("n2", 1, false);
    assert_is("n1", 0, false);
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
    assert_is("capped", 0, true);
    cli_assert_status(cli_run("", "dlq redrive --key capped --max-redrives 4"), 0);
    assert_is("capped", 1, false);
}

static void a_parked_one_must_be_named(void **state) {
    const struct letter letter = {.key = "parked", .value = "v", .offset = 32};

    (void)state;
    letters_put(&letter);
    struct cli_output *output = cli_run("", "dlq park --key parked --dry-run");
    cli_assert_says(output, "would be parked: 1; a dry run");
    assert_is("parked", 0, true);
    cli_assert_status(cli_run("", "dlq park --key parked"), 0);
    assert_is("parked", 0, false);
    cli_assert_says(cli_run("", "dlq list --all --key parked"),
                    "0 open, 0 redriven, 1 parked, 0 purged");
    output = cli_run("", "dlq redrive --key parked");
    cli_assert_status(output, 0);
    cli_assert_says(output, "redriven: 0, parked and left alone: 1\n");
    assert_is("parked", 0, false);
    cli_assert_says(cli_run("", "dlq park %s", letters_position("parked")),
                    "nothing: parked 2");
    cli_assert_status(cli_run("", "dlq redrive %s", letters_position("parked")), 0);
    assert_is("parked", 1, false);
}

static void a_purged_one_never_again(void **state) {
    const struct letter letter = {.key = "purged", .value = "v", .offset = 33};

    (void)state;
    letters_put(&letter);
    cli_assert_status(cli_run("", "dlq park --key purged"), 0);
    cli_assert_says(cli_run("", "dlq purge --key purged"),
                    "purged: 0, parked and left alone: 1\n");
    cli_assert_says(cli_run("", "dlq purge %s", letters_position("purged")), "purged: 1\n");
    assert_is("purged", 0, false);
    struct cli_output *output = cli_run("", "dlq redrive %s", letters_position("purged"));
    cli_assert_status(output, 1);
    cli_assert_says(output, "refused: it is purged");
    assert_is("purged", 0, false);
}

/* --- strangers --------------------------------------------------------------------------- */

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
        assert_is(key, 0, true);
    }
    /* They hold up none of the others. */
    letters_put(&(struct letter){.key = "sound", .value = "v", .offset = 42});
    struct cli_output *output = cli_run("", ALL);
    cli_assert_status(output, 1);
    cli_assert_says(output, "redriven: 1, refused: 12");
    assert_is("sound", 1, false);
    cli_assert_harmless(cli_run("", "dlq list --all"));
}

/* No headers at all, no value, no key. */
static void refuses_a_bare_record(void **state) {
    (void)state;
    letters_write(LETTERS_DLQ, "bare", NULL, 0, NULL);
    struct cli_output *output = cli_run("", "dlq redrive --key bare");
    cli_assert_status(output, 1);
    cli_assert_says(output, "does not say that it came from the topic");
    assert_is("bare", 0, true);
    cli_assert_status(cli_run("", "dlq purge --key bare"), 0);
    assert_is("bare", 0, false);
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
    assert_is("largest", 0, true);
    purge_all(NULL);
}

/* --- copies ------------------------------------------------------------------------------ */

static void a_copy_is_the_same_letter(void **state) {
    const struct letter letter = {.key = "copy", .value = "v", .offset = 51};

    (void)state;
    letters_put(&letter);
    letters_put(&letter);
    assert_is("copy", 0, true);
    cli_assert_says(list("copy"), "  twice  a reason\n");
    struct cli_output *output = cli_run("", "dlq redrive --key copy");
    cli_assert_status(output, 0);
    cli_assert_says(output, "; it lies there twice\n");
    assert_is("copy", 1, false);

    /* A third, that the group hands over after a crash, when all was done already. */
    letters_put(&letter);
    assert_is("copy", 1, false);
    cli_assert_says(list("copy"), "0 open, 1 redriven");
    output = cli_run("", "dlq redrive --key copy");
    cli_assert_status(output, 0);
    cli_assert_says(output, "noted: a copy of what was redriven 2");
    cli_assert_says(output, "redriven: 0, copies noted: 1\n");
    assert_is("copy", 1, false);
    cli_assert_says(cli_run("", "dlq redrive %s", letters_position("copy")),
                    "done before: 1\n");
    assert_is("copy", 1, false);

    /* It failed again: that is another letter. */
    letters_put(&(struct letter){.key = "copy", .value = "v", .offset = 51, .redriven = "1"});
    assert_is("copy", 1, true);
    cli_assert_status(cli_run("", "dlq redrive --key copy"), 0);
    assert_is("copy", 2, false);
}

/* Who says of his record that it is another must not take its place. */
static void what_differs_is_no_copy(void **state) {
    static const char *const values[] = {"mine", "yours"};

    (void)state;
    for (int i = 0; i < 2; i++)
        letters_put(&(struct letter){.key = "differs", .value = values[i], .offset = 52});
    cli_assert_says(list("differs"), "dead letters: 2 open");
    cli_assert_says(cli_run("", "dlq redrive --key differs"), "redriven: 2\n");
    assert_is("differs", 2, false);
}

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
    struct kpk_admin *admin;
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);

    assert_ok(kpk_admin_open(&admin, &(struct kpk_admin_opts){0}, err), err);
    rd_kafka_AdminOptions_t *opts = kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    rd_kafka_DeleteTopics(admin->rk, &topic, 1, opts, kpk_admin_queue(admin));
    rd_kafka_event_t *event = kpk_admin_answer(admin, opts, "delete", err);
    if (!event) fail_msg("%s", err->msg);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteTopic_destroy(topic);
    kpk_admin_close(admin);
}

static bool is_gone(void *ctx) {
    (void)ctx;
    return strstr(cli_run("", "topics describe " LETTERS_DLQ)->text, "missing (table 3)");
}

/* A broker that has just got the partitions may say for a moment that it leads none of them. */
static bool is_empty(void *ctx) {
    (void)ctx;
    return strstr(cli_run("", "dlq list --all")->text, "dead letters: 0 open, 0 redriven");
}

/* The ledger's word about the letters of a topic that was removed hides none of the new ones. */
static void a_topic_made_anew_has_new_letters(void **state) {
    char full_name[KPK_NAME_BYTES];

    (void)state;
    letters_put(&(struct letter){.key = "anew", .value = "v", .offset = 61});
    purge_all(NULL);
    delete_topic(kpk_full_name(LETTERS_DLQ, full_name));
    assert_true(wait_until(AWAIT_MS, is_gone, NULL));
    cli_assert_status(cli_run("", "topics apply --system retry-dlq"), 0);
    assert_true(wait_until(AWAIT_MS, is_empty, NULL));
    for (int i = 0; i < 3; i++)
        letters_put(&(struct letter){.key = "anew", .value = "v", .offset = 62 + i});
    cli_assert_says(list("anew"), "dead letters: 3 open, 0 redriven");
    cli_assert_says(cli_run("", ALL), "redriven: 3\n");
    cli_assert_says(list("anew"), "dead letters: 0 open, 3 redriven");
}

/* ----------------------------------------------------------------------------------------- */

static int open_producer(void **state) {
    (void)state;
    letters_open();
    return 0;
}

static int close_scratch(void **state) {
    (void)state;
    letters_close();
    kpk_scratch_close(scratch);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_back_as_it_was),
        cmocka_unit_test(goes_back_without_a_key),
        cmocka_unit_test(once_however_often_it_is_run),
        cmocka_unit_test(refuses_without_a_choice),
        cmocka_unit_test(all_names_must_be_there),
        cmocka_unit_test_setup(chooses_by_filters, purge_all),
        cmocka_unit_test(as_many_as_it_is_told),
        cmocka_unit_test(by_number),
        cmocka_unit_test(not_too_often),
        cmocka_unit_test(a_parked_one_must_be_named),
        cmocka_unit_test(a_purged_one_never_again),
        cmocka_unit_test_setup(refuses_nonsense, purge_all),
        cmocka_unit_test(refuses_a_bare_record),
        cmocka_unit_test(refuses_what_would_not_fit),
        cmocka_unit_test(a_copy_is_the_same_letter),
        cmocka_unit_test(what_differs_is_no_copy),
        cmocka_unit_test_setup(killed_anywhere_and_run_again, purge_all),
        cmocka_unit_test(failed_anywhere_and_run_again),
        cmocka_unit_test(two_at_once),
        cmocka_unit_test_setup(a_topic_made_anew_has_new_letters, purge_all),
    };

    if (kpk_scratch_open(&scratch, "retry-dlq", err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("kpk dlq", tests, open_producer, close_scratch);
}
