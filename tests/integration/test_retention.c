/* A group that fell behind retention: records are gone that it never saw. It must not go on as if
 * nothing were: its members end, loudly, commit nothing, and say what to do -- which is then done.
 *
 *   done  done | gone  gone | left  left
 *              ^committed   ^first record there is */
#include "common/child.h"
#include "common/clock.h"
#include "common/embed.h"
#include "common/event.h"
#include "common/metrics.h"
#include "common/pg.h"
#include "common/uuid.h"
#include "tests/support/cli.h"
#include "tests/support/offsets.h"
#include "tests/support/test.h"
#include "topology/admin.h"
#include "topology/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

KPK_EMBED(ddl, "patterns/fanout/example/schema.sql");

enum { WAIT_MS = 30000, POSTS = 60, AUTHORS = 12, BATCH = 100, POLL_MS = 500 };

#define SERVICE "timelines"
#define GROUP KPK_GROUP_POSTS_TIMELINES
#define METRIC "kpk_consumer_offset_out_of_range_total"

static struct kpk_scratch *scratch;
static struct kpk_pg *pg;
static char group[KPK_NAME_BYTES], topic[KPK_NAME_BYTES], schema[KPK_NAME_BYTES],
    remedy[KPK_NAME_BYTES + 64];

static struct kpk_err error, *err = &error;

/* --- posts and effects ------------------------------------------------------------------- */

struct posts {
    char ids[POSTS][KPK_UUID_BYTES];
};

static void publish(struct posts *posts) {
    struct kpk_producer *producer;

    assert_ok(kpk_producer_open(&producer,
                                &(struct kpk_producer_opts){.durability = KPK_CRITICAL}, err),
              err);
    for (int i = 0; i < POSTS; i++) {
        char key[16];
        struct kpk_event event = {.id = posts->ids[i],
                                  .source = "/test",
                                  .type = "post.created",
                                  .time_ms = kpk_now_ms(),
                                  .key = key,
                                  .data = "{}",
                                  .len = 2};
        kpk_uuid7(posts->ids[i]);
        event.key_len = (size_t)snprintf(key, sizeof(key), "%d", i % AUTHORS);
        assert_ok(kpk_event_send(producer, topic, &event, err), err);
    }
    assert_ok(kpk_producer_wait(producer, WAIT_MS, err), err);
    kpk_producer_close(producer);
}

/* How many of 'posts' have taken effect. */
static int count_effects(const struct posts *posts) {
    static const struct kpk_pg_stmt count = {
        "count",
        "SELECT count(*) FROM effects WHERE service = $1 AND post_id = ANY($2::uuid[])"};
    char *ids = kpk_pg_array(posts->ids[0], KPK_UUID_BYTES, POSTS);

    assert_non_null(ids);
    PGresult *result = kpk_pg_exec(pg, &count, (const char *[]){SERVICE, ids}, 2, err);
    if (!result) fail_msg("%s", err->msg);
    int effects = atoi(PQgetvalue(result, 0, 0));
    PQclear(result);
    free(ids);
    return effects;
}

static bool all_took_effect(void *ctx) { return count_effects(ctx) == POSTS; }

/* --- the group --------------------------------------------------------------------------- */

static struct kpk_child *start_member(void) {
    static const char *const argv[] = {"build/bin/fanout", "--role", SERVICE, "--way", "group",
                                       "--group",          GROUP,    NULL};
    static const char *const env[] = {"KPK_LOG_LEVEL=info", "KPK_LOG_FORMAT=logfmt", NULL};
    struct kpk_child *member;

    assert_ok(kpk_child_start(&member, &(struct kpk_child_opts){SERVICE, argv, env}, err), err);
    return member;
}

static void run_until(struct posts *posts) {
    struct kpk_child *member = start_member();

    if (!wait_until(WAIT_MS, all_took_effect, posts))
        fail_msg("%d of %d posts took effect", count_effects(posts), POSTS);
    assert_int_equal(kpk_child_state(member), KPK_CHILD_RUNS);
    assert_ok(kpk_child_end(member, WAIT_MS, err), err); /* commits what it did */
    kpk_child_close(member);
}

/* What retention does when its time has come, and now: the topic begins where it ended. */
static void drop_all_records(void) {
    rd_kafka_topic_partition_list_t *ends = offsets_at(topic, RD_KAFKA_OFFSET_END);
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(ends);
    struct kpk_admin *admin;

    assert_ok(kpk_admin_open(&admin, &(struct kpk_admin_opts){0}, err), err);
    rd_kafka_AdminOptions_t *opts = kpk_admin_options(admin, RD_KAFKA_ADMIN_OP_DELETERECORDS);
    rd_kafka_DeleteRecords(admin->rk, &request, 1, opts, kpk_admin_queue(admin));
    rd_kafka_event_t *event = kpk_admin_answer(admin, opts, "delete records", err);
    if (!event) fail_msg("%s", err->msg);
    const rd_kafka_topic_partition_list_t *results =
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
    for (int i = 0; i < results->cnt; i++) assert_int_equal(results->elems[i].err, 0);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(request);
    kpk_admin_close(admin);
    rd_kafka_topic_partition_list_destroy(ends);
}

/* How many partitions the group has fallen behind in. */
static int count_passed(void) {
    rd_kafka_topic_partition_list_t *begin = offsets_at(topic, RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_topic_partition_list_t *committed = offsets_committed(group, topic);
    int passed = 0;

    for (int i = 0; i < begin->cnt; i++)
        passed += committed->elems[i].offset >= 0 &&
                  committed->elems[i].offset < begin->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(begin);
    rd_kafka_topic_partition_list_destroy(committed);
    return passed;
}

static int64_t counted(void) {
    char *text = kpk_metrics_text(), *at = text ? strstr(text, "\n" METRIC " ") : NULL;
    int64_t value = at ? atoll(at + strlen("\n" METRIC " ")) : 0;

    free(text);
    return value;
}

/* --- tests ------------------------------------------------------------------------------- */

static struct posts done, gone, left;

static int fall_behind(void **state) {
    (void)state;
    assert_ok(kpk_pg_open(&pg, schema, err), err);
    assert_ok(kpk_pg_migrate(pg, schema, ddl, err), err);
    publish(&done);
    run_until(&done);
    publish(&gone);
    drop_all_records();
    publish(&left);
    assert_true(count_passed() > 0);
    return 0;
}

static int close_pg(void **state) {
    (void)state;
    kpk_pg_close(pg);
    return 0;
}

/* The call that every loop of the kit makes, within this process, so that its counter is seen. */
static void the_poll_is_fatal_and_counted(void **state) {
    int64_t deadline = kpk_mono_ms() + WAIT_MS;
    struct kpk_consumer *consumer;
    struct kpk_batch batch;
    int failed = 0;

    (void)state;
    assert_int_equal(counted(), 0);
    assert_ok(kpk_batch_init(&batch, BATCH, err), err);
    assert_ok(kpk_group_open(&consumer, GROUP, err), err);
    while (!failed && kpk_mono_ms() < deadline) {
        failed = kpk_poll_batch(consumer, &batch, POLL_MS, err);
        kpk_batch_clear(&batch);
    }
    assert_true(failed);
    assert_int_equal(err->verdict, KPK_FATAL);
    assert_non_null(strstr(err->msg, remedy)); /* whole, not cut */
    assert_int_equal(counted(), 1);
    kpk_consumer_close(consumer);
    kpk_batch_free(&batch);
}

static void a_service_ends_and_says_what_to_do(void **state) {
    struct kpk_child *member = start_member();

    (void)state;
    if (!kpk_child_await(member, KPK_CHILD_EXITED, WAIT_MS))
        fail_msg("it goes on as if nothing had happened");
    assert_int_not_equal(kpk_child_status(member), 0);
    assert_true(kpk_child_said(member, "offset-out-of-range group="));
    assert_true(kpk_child_said(member, "retention passed the group by"));
    assert_true(kpk_child_said(member, remedy));
    kpk_child_close(member);
    assert_true(count_passed() > 0); /* and it has not committed itself past the loss */
}

/* A member that ended while it joined is in the group until its session times out. */
static bool is_done(void *ctx) {
    struct cli_output **output = ctx;

    *output = cli_run("", "%s", remedy + strlen("kpk "));
    return !strstr((*output)->text, "has members");
}

/* To the letter: the command that the message names. */
static void what_it_says_helps(void **state) {
    struct cli_output *output;

    (void)state;
    (void)wait_until(WAIT_MS, is_done, &output);
    cli_assert_status(output, 0);
    cli_assert_says(output, ", 60 were lost to retention; its members may be started again");
    assert_int_equal(count_passed(), 0);
    run_until(&left);
    assert_int_equal(count_effects(&done), POSTS);
    assert_int_equal(count_effects(&gone), 0); /* lost, as it was told */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_poll_is_fatal_and_counted),
        cmocka_unit_test(a_service_ends_and_says_what_to_do),
        cmocka_unit_test(what_it_says_helps),
    };

    if (kpk_scratch_open(&scratch, "fanout", err)) {
        fprintf(stderr, "%s\n", err->msg);
        return 1;
    }
    kpk_full_name(GROUP, group);
    kpk_full_name(KPK_TOPIC_POSTS, topic);
    kpk_schema_name("fanout", schema);
    snprintf(remedy, sizeof(remedy), "kpk group reset %s --to beginning", group);
    int failed =
        cmocka_run_group_tests_name("a group behind retention", tests, fall_behind, close_pg);
    kpk_scratch_close(scratch);
    return failed;
}
