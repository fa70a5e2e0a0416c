/* kpk against the running stack, as a person would call it: what it prints of hostile records,
 * what its filters keep, where it says that an event has been. */
#include "common/json.h"
#include "common/pg.h"
#include "services/twitter/database.h"
#include "services/twitter/world.h"
#include "tests/support/cli.h"
#include "tests/support/records.h"
#include "tests/support/stack.h"
#include "tests/support/test.h"
#include "tools/kpk/safe.h"
#include "topology/topology.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARRIVE_MS = 30000,
    TAG_BYTES = KPK_UUID_BYTES,
    RECORD_BYTES = 1048588, /* what a topic takes: message.max.bytes of the broker */
};

static struct kpk_err error, *err = &error;

/* --- what it prints ---------------------------------------------------------------------- */

static int count_lines(const struct cli_output *output) {
    int lines = 0;

    for (const char *at = output->text; *at; at++) lines += *at == '\n';
    return lines;
}

/* --- records ----------------------------------------------------------------------------- */

#define HOSTILE_VALUE "\x1b[2J\x1b]0;owned\x07 \xe2\x80\xae\xc2\x9b\xff\0 end"
#define HOSTILE_SHOWN "\\x1b[2J\\x1b]0;owned\\x07 \\u{202e}\\u{9b}\\xff\\x00 end"
#define HOSTILE_BASE64 "G1syShtdMDtvd25lZAcg4oCuwpv/ACBlbmQ="

/* A record that no group takes, with "run: <tag>", by which it is known again, and as its
 * ce_id.
 * len      SIZE_MAX: as much as the topic takes
 * returns  the length */
static size_t write_record(const char *key, const char *value, size_t len, const char *tag) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
    struct kpk_producer *producer;
    char topic[KPK_NAME_BYTES];

    rd_kafka_header_add(headers, "run", -1, tag, -1);
    rd_kafka_header_add(headers, "ce_id", -1, tag, -1);
    rd_kafka_header_add(headers, "\x1b[31m\r", -1, "\x1b[8mhidden\n", -1);
    if (len == SIZE_MAX) len = record_largest_value(RECORD_BYTES, strlen(key), headers);
    assert_ok(kpk_producer_open(&producer,
                                &(struct kpk_producer_opts){.durability = KPK_CRITICAL,
                                                            .max_message_bytes = RECORD_BYTES},
                                err),
              err);
    assert_ok(kpk_producer_send(producer, kpk_full_name(KPK_TOPIC_TWEETS, topic), key,
                                strlen(key), value, len, headers, err),
              err);
    assert_ok(kpk_producer_wait(producer, ARRIVE_MS, err), err);
    kpk_producer_close(producer);
    return len;
}

static void write_hostile(const char *tag) {
    write_record("k\x1b[5m", HOSTILE_VALUE, sizeof(HOSTILE_VALUE) - 1, tag);
}

/* A person watches the end of the topic while a stranger writes to it. */
static void tail_shows_a_hostile_record(void **state) {
    static struct cli_output output;
    char tag[TAG_BYTES], arguments[128], line[256];

    (void)state;
    kpk_uuid7(tag);
    snprintf(arguments, sizeof(arguments),
             "tail " KPK_TOPIC_TWEETS " --header run=%s --limit 1", tag);
    FILE *pipe = cli_start("", arguments);
    assert_non_null(fgets(line, sizeof(line), pipe)); /* it is reading now */
    assert_non_null(strstr(line, "from end"));
    write_hostile(tag);
    cli_finish(pipe, &output);
    cli_assert_status(&output, 0);
    cli_assert_harmless(&output);
    cli_assert_says(&output, HOSTILE_SHOWN "\n");
    cli_assert_says(&output, "key k\\x1b[5m\n");
    cli_assert_says(&output, "    \\x1b[31m\\x0d  \\x1b[8mhidden\\x0a\n");
    cli_assert_says(&output, tag);
}

static void tail_shows_it_as_json(void **state) {
    char tag[TAG_BYTES];
    const char *text;
    cJSON *json;

    (void)state;
    kpk_uuid7(tag);
    write_hostile(tag);
    struct cli_output *output =
        cli_run("", "tail " KPK_TOPIC_TWEETS " --from 5m --header run=%s --json", tag);
    cli_assert_status(output, 0);
    cli_assert_harmless(output);
    assert_int_equal(count_lines(output), 1);
    json = kpk_json_parse(output->text, strlen(output->text), err);
    if (!json) fail_msg("%s: %s", err->msg, output->text);
    assert_ok(kpk_json_str(json, "value_base64", 1000, &text, err), err);
    assert_string_equal(text, HOSTILE_BASE64);
    assert_ok(kpk_json_str(json, "key", 1000, &text, err), err);
    assert_string_equal(text, "k\x1b[5m");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "headers")), 3);
    assert_null(cJSON_GetObjectItem(json, "value"));
    cJSON_Delete(json);
}

static void tail_filters_and_cuts(void **state) {
    static char large[5000];
    char tag[TAG_BYTES], key[TAG_BYTES + 8];

    (void)state;
    kpk_uuid7(tag);
    memset(large, 'x', sizeof(large));
    for (int i = 0; i < 3; i++) {
        snprintf(key, sizeof(key), "%s-%d", tag, i);
        write_record(key, large, sizeof(large), tag);
    }
    struct cli_output *output = cli_run(
        "", "tail " KPK_TOPIC_TWEETS " --from beginning --key %s-1 --header run=%s", tag, tag);
    cli_assert_status(output, 0);
    assert_int_equal(count_lines(output), 5); /* position, three headers, value */
    cli_assert_says(output, "-1\n");
    cli_assert_says(output, "xxx... (5000 bytes)\n");
    output = cli_run("", "tail " KPK_TOPIC_TWEETS " --from beginning --key %s-1 --full", tag);
    assert_true(strlen(output->text) > sizeof(large));

    output = cli_run(
        "", "tail " KPK_TOPIC_TWEETS " --from beginning --header run=%s --limit 2 --json", tag);
    assert_int_equal(count_lines(output), 2);
    output = cli_run("", "tail " KPK_TOPIC_TWEETS " --from beginning --key %s", tag);
    cli_assert_status(output, 0);
    assert_int_equal(count_lines(output), 1);
    cli_assert_says(output, "no record to show");
}

static void tail_refuses(void **state) {
    struct cli_output *output = cli_run("", "tail no-such-topic");

    (void)state;
    cli_assert_status(output, 1);
    cli_assert_says(output, "no topic 'no-such-topic'");
    output = cli_run("", "tail " KPK_TOPIC_TWEETS " --from yesterday");
    cli_assert_status(output, 2);
    cli_assert_says(output, "'yesterday' is none of: beginning, end, an offset");
}

/* --- dead letters ------------------------------------------------------------------------ */

struct rejection {
    char tag[TAG_BYTES];
    char letter[KPK_NAME_BYTES + 40]; /* its position, once it is there */
};

/* The position of the dead letter: kpk tail of the dead letter topic finds it by its tag. */
static bool find_letter(void *ctx) {
    struct rejection *rejection = ctx;
    char dlq[KPK_NAME_BYTES];
    struct kpk_topic row;

    kpk_topic_dlq(kpk_topic_find(KPK_TOPIC_TWEETS), kpk_group_find(KPK_GROUP_FANOUT_WORKERS),
                  dlq, &row);
    struct cli_output *output =
        cli_run("", "tail %s --from 5m --header run=%s --limit 1", dlq, rejection->tag);
    cli_assert_status(output, 0);
    if (!strstr(output->text, rejection->tag)) return false;
    snprintf(rejection->letter, sizeof(rejection->letter), "%.*s",
             (int)strcspn(output->text, " "), output->text);
    return true;
}

static void await_letter(struct rejection *rejection) {
    if (!wait_until(ARRIVE_MS, find_letter, rejection)) fail_msg("no dead letter comes");
}

static void reject_a_record(struct rejection *rejection) {
    kpk_uuid7(rejection->tag);
    write_hostile(rejection->tag);
    await_letter(rejection);
}

static void dlq_lists_and_shows(void **state) {
    struct rejection rejection;
    char number[16];

    (void)state;
    reject_a_record(&rejection);
    struct cli_output *output = cli_run("", "dlq list --group " KPK_GROUP_FANOUT_WORKERS
                                            " --topic " KPK_TOPIC_TWEETS " --limit 100000");
    cli_assert_status(output, 0);
    cli_assert_harmless(output);
    cli_assert_says(output, "not an event: header ce_specversion is missing\n");
    cli_assert_says(output, "\nCOUNT  GROUP");
    char *line = strstr(output->text, rejection.letter);
    if (!line) fail_msg("no %s in:\n%s", rejection.letter, output->text);
    while (line > output->text && line[-1] != '\n') line--;
    assert_int_equal(sscanf(line, "%15s", number), 1);

    /* By its position and by its number. */
    const char *const names[] = {rejection.letter, number};
    for (int i = 0; i < 2; i++) {
        output = cli_run(
            "", "dlq show %s --group " KPK_GROUP_FANOUT_WORKERS " --topic " KPK_TOPIC_TWEETS,
            names[i]);
        cli_assert_status(output, 0);
        cli_assert_harmless(output);
        cli_assert_says(output, rejection.letter);
        cli_assert_says(output, rejection.tag);
        cli_assert_says(output, "__dlq.errors.offset");
        cli_assert_says(output, HOSTILE_SHOWN "\n");
    }

    output = cli_run("", "dlq show " KPK_TOPIC_TWEETS ":0:999999999");
    cli_assert_status(output, 1);
    cli_assert_says(output, "no record at ");
    output = cli_run("", "dlq list --group nobody");
    cli_assert_status(output, 2);
}

/* --- doctor ------------------------------------------------------------------------------ */

static void doctor_counts_dead_letters(void **state) {
    struct rejection rejection;

    (void)state;
    reject_a_record(&rejection);
    struct cli_output *output = cli_run("", "doctor --system twitter");
    cli_assert_status(output, 0);
    cli_assert_harmless(output);
    cli_assert_says(output, "\n  warn  dead letters  of " KPK_GROUP_FANOUT_WORKERS ": ");
    cli_assert_says(output, "kpk dlq list --group " KPK_GROUP_FANOUT_WORKERS);
    cli_assert_says(output, "\n  ok    topics ");
    cli_assert_says(output, "\n  ok    controllers ");
    cli_assert_says(output, "\n  ok    outbox ");
}

static void doctor_names_what_is_bad(void **state) {
    struct cli_output *output = cli_run("KPK_NAMESPACE=nobody", "doctor");

    (void)state;
    cli_assert_status(output, 1);
    cli_assert_says(output, "\n  bad   topics        ");
    cli_assert_says(output, " missing: nobody." KPK_TOPIC_TWEETS);
    cli_assert_says(output, "-> build/bin/kpk topics apply\n");
    cli_assert_says(output, KPK_GROUP_FANOUT_WORKERS " has no members, and never had");

    output =
        cli_run("PGPORT=1 KPK_REDIS_URL=redis://127.0.0.1:1 KPK_BOOTSTRAP_SERVERS=127.0.0.1:1",
                "doctor --wait 2");
    cli_assert_status(output, 1);
    cli_assert_says(output, "  bad   brokers       no broker answers at 127.0.0.1:1");
    cli_assert_says(output, "\n  bad   postgres      cannot be asked: ");
    cli_assert_says(output, "\n  bad   redis         cannot be asked: 127.0.0.1:1: ");
    cli_assert_says(output, "kpk doctor: 3 bad, 0 warn, 0 ok\n");
}

/* As much as the topic takes, of bytes that do harm: it lies in the dead letter topic as it was, is
 * shown whole and harmless, and stops nobody. */
static void dlq_shows_the_largest_record(void **state) {
    static char value[RECORD_BYTES];
    struct rejection largest, next;
    char *expected;

    (void)state;
    kpk_uuid7(largest.tag);
    record_fill_hostile(value, sizeof(value));
    size_t len = write_record("1", value, SIZE_MAX, largest.tag);
    await_letter(&largest);

    struct cli_output *output = cli_run("", "dlq show %s", largest.letter);
    cli_assert_status(output, 0);
    cli_assert_harmless(output);
    assert_non_null(expected = kpk_safe_text(value, len, 0));
    size_t shown = strlen(expected), said = strlen(output->text);
    assert_true(said > shown + 1);
    assert_memory_equal(output->text + said - shown - 1, expected, shown);
    free(expected);

    output = cli_run("", "dlq show %s --json", largest.letter);
    cli_assert_status(output, 0);
    cli_assert_harmless(output);
    assert_int_equal(count_lines(output), 1);
    assert_non_null(expected = kpk_base64(value, len));
    assert_non_null(strstr(output->text, expected));
    free(expected);

    output = cli_run("", "dlq list --limit 1 --group " KPK_GROUP_FANOUT_WORKERS);
    cli_assert_status(output, 0);
    cli_assert_harmless(output);
    cli_assert_says(output, largest.letter);
    reject_a_record(&next);
}

/* --- trace ------------------------------------------------------------------------------- */

static const char *const relays[] = {"outbox-relay-1", "outbox-relay-2"};

static int relays_go_on(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) stack_signal(relays[i], SIGCONT);
    return 0;
}

/* The ce_id of the event that waits in the outbox for 'tweet'. */
static void read_event_id(const struct twitter_tweet *tweet, char *id) {
    static const struct kpk_pg_stmt find = {"event_id",
                                            "SELECT id FROM outbox WHERE subject = $1"};
    const char *subject = tweet->id;
    struct kpk_pg *pg;

    assert_ok(twitter_database_open(&pg, err), err);
    PGresult *rows = kpk_pg_exec(pg, &find, &subject, 1, err);
    if (!rows) fail_msg("%s", err->msg);
    assert_int_equal(PQntuples(rows), 1);
    snprintf(id, KPK_UUID_BYTES, "%s", PQgetvalue(rows, 0, 0));
    PQclear(rows);
    kpk_pg_close(pg);
}

struct saying {
    const char *id, *part;
};

static bool trace_says(void *ctx) {
    const struct saying *saying = ctx;

    return strstr(cli_run("", "trace %s", saying->id)->text, saying->part);
}

/* From the outbox, where the relays leave it, through the topic to the group that reads it. */
static void trace_follows_a_tweet(void **state) {
    struct twitter_tweet tweet;
    struct world *world;
    char id[KPK_UUID_BYTES];

    (void)state;
    for (int i = 0; i < 2; i++) stack_signal(relays[i], SIGSTOP);
    assert_ok(world_open(&world, 1, err), err);
    assert_ok(world_post(world, 0, &tweet, err), err);
    read_event_id(&tweet, id);
    struct cli_output *output = cli_run("", "trace %s", id);
    cli_assert_status(output, 0);
    cli_assert_says(output, "pending: since ");
    cli_assert_says(output, "none has this ce_id");

    /* Without the database the topics still answer; here they do not know it yet. */
    output = cli_run("PGPORT=1", "trace %s", id);
    cli_assert_status(output, 1);
    cli_assert_says(output, "unknown: postgresql: connect");
    cli_assert_says(output, "none has this ce_id");
    cli_assert_says(output, "found nowhere");

    relays_go_on(NULL);
    if (!wait_until(ARRIVE_MS, trace_says, &(struct saying){id, "  processed  "}))
        fail_msg("it is not processed:\n%s", cli_run("", "trace %s", id)->text);
    output = cli_run("", "trace %s", id);
    cli_assert_status(output, 0);
    cli_assert_says(output, "not there: published and deleted");
    cli_assert_says(output, TWITTER_TWEET_CREATED "\n");
    cli_assert_says(output, "\ndead letters\n  none has this ce_id\n");
    world_close(world);
}

static void trace_shows_a_rejection(void **state) {
    struct rejection rejection;

    (void)state;
    reject_a_record(&rejection);
    if (!wait_until(ARRIVE_MS, trace_says, &(struct saying){rejection.tag, "  rejected  "}))
        fail_msg("it is not rejected:\n%s", cli_run("", "trace %s", rejection.tag)->text);
    struct cli_output *output = cli_run("", "trace %s", rejection.tag);
    cli_assert_status(output, 0);
    cli_assert_harmless(output);
    cli_assert_says(output, rejection.letter);
    cli_assert_says(output, "not an event: header ce_specversion is missing\n");
    cli_assert_says(output, "k\\x1b[5m");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tail_shows_a_hostile_record),
        cmocka_unit_test(tail_shows_it_as_json),
        cmocka_unit_test(tail_filters_and_cuts),
        cmocka_unit_test(tail_refuses),
        cmocka_unit_test(dlq_lists_and_shows),
        cmocka_unit_test(doctor_counts_dead_letters),
        cmocka_unit_test(doctor_names_what_is_bad),
        cmocka_unit_test(dlq_shows_the_largest_record),
        cmocka_unit_test_teardown(trace_follows_a_tweet, relays_go_on),
        cmocka_unit_test(trace_shows_a_rejection),
    };

    if (kpk_topology_init(err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    return cmocka_run_group_tests_name("kpk", tests, NULL, NULL);
}
