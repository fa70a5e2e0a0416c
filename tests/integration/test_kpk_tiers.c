/* What kpk lag, group reset, trace and doctor make of retry tiers and of the ledger of dead letters. The
 * group is the test itself: it takes everything there is once, and leaves. */
#include "common/clock.h"
#include "patterns/retry-dlq/headers.h"
#include "tests/support/cli.h"
#include "tests/support/letters.h"
#include "tests/support/offsets.h"
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AWAIT_MS = 60000, BATCH = 100, WAITING = 3 };

#define RESET "group reset " LETTERS_GROUP " "

static char group[KPK_NAME_BYTES], charges[KPK_NAME_BYTES], tier[KPK_NAME_BYTES];

static struct kpk_err error, *err = &error;

/* Take and commit 'count' records as the group's only member, and leave. */
static void take(size_t count) {
    struct kpk_consumer *consumer;
    struct kpk_batch batch = {0};
    int64_t until = kpk_mono_ms() + AWAIT_MS;

    assert_ok(kpk_group_open(&consumer, LETTERS_GROUP, err), err);
    assert_ok(kpk_batch_init(&batch, BATCH, err), err);
    while (count > 0) {
        assert_true(kpk_mono_ms() < until);
        assert_ok(kpk_poll_batch(consumer, &batch, 500, err), err);
        assert_true(batch.count <= count);
        count -= batch.count;
        assert_ok(kpk_commit(consumer, &batch, err), err);
        kpk_batch_clear(&batch);
    }
    kpk_consumer_close(consumer);
    kpk_batch_free(&batch);
}

static void put_in(const char *topic, const char *key) {
    letters_write(topic, key, "v", 1, letter_headers(&(struct letter){.key = key}));
}

/* The row of kpk lag that has 'topic' (on the cluster; "(all)"), from the topic on. */
static const char *lag_row(const char *topic) {
    static char row[512];
    char start[KPK_NAME_BYTES + 4];
    struct cli_output *output = cli_run("", "lag --group " LETTERS_GROUP);
    const char *at;

    cli_assert_status(output, 0);
    snprintf(start, sizeof(start), "  %s ", topic);
    at = strstr(output->text, start);
    if (!at) fail_msg("no row for %s in:\n%s", topic, output->text);
    snprintf(row, sizeof(row), "%.*s", (int)strcspn(at, "\n"), at);
    return row;
}

/* The group's column DLQ: the fifth word of its first row. */
static int open_letters(void) {
    struct cli_output *output = cli_run("", "lag --group " LETTERS_GROUP);
    const char *at = strstr(output->text, group);
    int letters;

    if (!at || sscanf(at, "%*s %*s %*s %*s %d", &letters) != 1)
        fail_msg("no DLQ in:\n%s", output->text);
    return letters;
}

static void assert_lag(const char *topic, int lag) {
    int found;

    if (sscanf(lag_row(topic), " %*s %*d %d", &found) != 1 || found != lag)
        fail_msg("the lag is not %d: %s", lag, lag_row(topic));
}

static void lag_shows_tiers_and_letters(void **state) {
    (void)state;
    put_in(KPK_TOPIC_CHARGES, "c1");
    put_in(LETTERS_TIER, "c2");
    put_in(LETTERS_LAST_TIER, "c3");
    take(3);
    assert_lag(charges, 0);
    assert_lag(tier, 0);
    assert_int_equal(open_letters(), 0);
    for (int i = 0; i < WAITING; i++) {
        put_in(LETTERS_TIER, "waits");
        put_in(LETTERS_DLQ, "dead");
    }
    assert_lag(charges, 0);
    assert_lag(tier, WAITING);
    assert_lag("(all)", WAITING);
    assert_int_equal(open_letters(), WAITING); /* copies: they are counted, not read */
}

static void lag_and_doctor_know_what_was_done(void **state) {
    (void)state;
    letters_put(&(struct letter){.key = "other", .value = "v", .offset = 7});
    assert_int_equal(open_letters(), WAITING + 1);
    struct cli_output *output = cli_run("", "doctor --system retry-dlq --without postgres "
                                            "--without redis");
    cli_assert_says(output, "  warn  dead letters  of " LETTERS_GROUP ": 4\n");

    cli_assert_says(cli_run("", "dlq park --key other"), "parked: 1\n");
    assert_int_equal(open_letters(), WAITING);
    cli_assert_says(cli_run("", "dlq purge --key dead"), "purged: 1\n");
    assert_int_equal(open_letters(), 0);
    output = cli_run("", "doctor --system retry-dlq --without postgres --without redis");
    cli_assert_says(output, "  ok    dead letters  none\n");
    cli_assert_says(output, "  ok    topics ");
}

static void assert_committed(const char *topic, rd_kafka_topic_partition_list_t *expected) {
    rd_kafka_topic_partition_list_t *found = offsets_committed(group, topic);

    assert_int_equal(found->cnt, expected->cnt);
    for (int i = 0; i < found->cnt; i++)
        assert_int_equal(found->elems[i].offset, expected->elems[i].offset);
    rd_kafka_topic_partition_list_destroy(found);
    rd_kafka_topic_partition_list_destroy(expected);
}

static void reset_leaves_tiers_alone(void **state) {
    rd_kafka_topic_partition_list_t *before = offsets_committed(group, tier);

    (void)state;
    struct cli_output *output = cli_run("", RESET "--to end");
    cli_assert_status(output, 0);
    cli_assert_says(output, "; its retry tiers stay where they are; ");
    assert_committed(tier, before);
    assert_committed(charges, offsets_at(charges, RD_KAFKA_OFFSET_END));
    assert_lag(tier, WAITING);

    output = cli_run("", RESET "--to end --topic " LETTERS_TIER);
    cli_assert_status(output, 0);
    if (strstr(output->text, "stay where they are")) fail_msg("%s", output->text);
    assert_committed(tier, offsets_at(tier, RD_KAFKA_OFFSET_END));
    assert_lag(tier, 0);
    output = cli_run("", RESET "--to end --topic " LETTERS_DLQ);
    cli_assert_status(output, 1);
    cli_assert_says(output, "has nothing in a topic");
}

/* One event on its way: read, put into a tier, read there, a dead letter, sent back. */
static void trace_follows_a_record_through_tiers(void **state) {
    static struct letters letters;
    char partition[16], offset[24];
    const struct letter handed = {
        .key = "traced",
        .value = "v",
        .reason = "provider: 503",
        .other = {KPK_ERRORS_PARTITION, partition, KPK_ERRORS_OFFSET, offset}};

    (void)state;
    put_in(KPK_TOPIC_CHARGES, "traced");
    letters_read(&letters, KPK_TOPIC_CHARGES, "traced");
    snprintf(partition, sizeof(partition), "%" PRId32, letters.msgs[0]->partition);
    snprintf(offset, sizeof(offset), "%" PRId64, letters.msgs[0]->offset);
    letters_free(&letters);
    take(1);
    struct cli_output *output = cli_run("", "trace traced");
    cli_assert_status(output, 0);
    cli_assert_says(output, "  processed  ");
    if (strstr(output->text, "\nretries\n")) fail_msg("%s", output->text);

    letters_write(LETTERS_TIER, "traced", "v", 1, letter_headers(&handed));
    output = cli_run("", "trace traced");
    cli_assert_says(output, "\nretries\n");
    cli_assert_says(output, "  provider: 503\n");
    cli_assert_says(output, "  retried  ");
    cli_assert_says(output, "  not yet: 1 offsets to go  ");

    take(1);
    letters_put(&handed);
    output = cli_run("", "trace traced");
    cli_assert_says(output, "  rejected  ");
    cli_assert_says(output, "  open   provider: 503\n");

    cli_assert_says(cli_run("", "dlq redrive --key traced"), "redriven: 1\n");
    output = cli_run("", "trace traced");
    cli_assert_status(output, 0);
    cli_assert_harmless(output);
    cli_assert_says(output, "  redriven  provider: 503\n");
}

static int open_tiers(void **state) {
    if (letters_open(state)) return -1;
    kpk_full_name(LETTERS_GROUP, group);
    kpk_full_name(KPK_TOPIC_CHARGES, charges);
    kpk_full_name(LETTERS_TIER, tier);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lag_shows_tiers_and_letters),
        cmocka_unit_test(lag_and_doctor_know_what_was_done),
        cmocka_unit_test(reset_leaves_tiers_alone),
        cmocka_unit_test(trace_follows_a_record_through_tiers),
    };

    return cmocka_run_group_tests_name("kpk: retry tiers", tests, open_tiers, letters_close);
}
