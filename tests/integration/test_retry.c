/* Retry tiers against a real broker: what fails is tried again at its time, not before, as often as
 * there are tiers, and then is a dead letter; members that come and go, and stores that are down,
 * change nothing about that. In a namespace of its own. The program starts itself as the workers. */
#include "common/child.h"
#include "common/clock.h"
#include "common/event.h"
#include "common/opts.h"
#include "common/stop.h"
#include "common/tail.h"
#include "common/uuid.h"
#include "patterns/fanout/fanout.h"
#include "patterns/retry-dlq/headers.h"
#include "tests/support/test.h"
#include "topology/scratch.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* LATE_MS is what is promised of the delays. */
enum {
    CHARGES = 2000,
    TRIES = 8,
    MEMBERS = 2,
    BATCH = 100,
    LATE_MS = 1000,
    PATIENCE_MS = 30000
};

#define SHARED_FD "KPK_TEST_SHARED_FD"

/* What a charge meets, and what became of it: the workers write it down here. */
struct charge {
    int fails;     /* so many tries, then it is done; -1: it is rejected */
    int uncounted; /* so many of them, from the first one on, do not count */
    int retry_after_ms;
    atomic_int tries, last_tries;
    atomic_int waited_ms;            /* as the last one was told */
    _Atomic int64_t tried_ms[TRIES]; /* of the monotonic clock */
};

static struct shared {
    atomic_bool down; /* the store that all effects need */
    atomic_int refused;
    struct charge charges[CHARGES];
} * shared;

static struct kpk_err error, *err = &error;

/* --- a worker ---------------------------------------------------------------------------- */

struct work {
    size_t count;
    int charges[BATCH];
};

static int work_open(void **ctx, int batch, struct kpk_err *why) {
    (void)batch;
    *ctx = calloc(1, sizeof(struct work));
    return *ctx ? 0 : kpk_fail(why, KPK_FATAL, "no memory");
}

static void work_begin(void *ctx) { ((struct work *)ctx)->count = 0; }

static int work_note(void *ctx, const struct kpk_event *event, struct kpk_err *why) {
    struct work *work = ctx;
    int number = atoi(event->subject ? event->subject : "-1");

    if (number < 0 || number >= CHARGES) return kpk_fail(why, KPK_REJECT, "no such charge");
    work->charges[work->count++] = number;
    shared->charges[number].waited_ms = event->waited_ms;
    shared->charges[number].last_tries += event->last_try;
    return 0;
}

static int work_apply(void *ctx, struct kpk_err *why) {
    (void)ctx;
    if (!shared->down) return 0;
    shared->refused++;
    return kpk_fail(why, KPK_WAIT, "the store is down");
}

static int work_outcome(void *ctx, size_t index, struct kpk_err *why) {
    struct charge *charge = &shared->charges[((struct work *)ctx)->charges[index]];
    int tries = ++charge->tries;

    if (tries <= TRIES) charge->tried_ms[tries - 1] = kpk_mono_ms();
    if (charge->fails < 0) return kpk_fail(why, KPK_REJECT, "no account");
    if (tries > charge->fails) return 0;
    kpk_fail(why, KPK_RETRY, "503, %d", tries);
    why->retry_after_ms = charge->retry_after_ms;
    why->uncounted = tries <= charge->uncounted;
    return -1;
}

static const struct kpk_fanout_effect effect = {.open = work_open,
                                                .close = free,
                                                .begin = work_begin,
                                                .note = work_note,
                                                .apply = work_apply,
                                                .outcome = work_outcome};

static int work(void) {
    const struct kpk_fanout_opts opts = {.group = KPK_GROUP_CHARGE_WORKERS,
                                         .consumers = MEMBERS,
                                         .batch = BATCH,
                                         .effect = &effect};
    struct kpk_fanout *fanout = NULL;
    int failed;

    kpk_stop_init();
    failed = kpk_topology_init(err) || kpk_fanout_open(&fanout, &opts, err) ||
             kpk_fanout_run(fanout, err);
    kpk_fanout_close(fanout);
    return failed ? kpk_exit_failed(err) : 0;
}

static void share(void) {
    const char *fd = getenv(SHARED_FD);
    char text[16];
    int made;

    if (!fd) {
        made = memfd_create("charges", 0); /* the workers inherit it */
        if (made < 0 || ftruncate(made, sizeof(*shared))) abort();
        snprintf(text, sizeof(text), "%d", made);
        setenv(SHARED_FD, text, 1);
        fd = text;
    }
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(fd), 0);
    if (shared == MAP_FAILED) abort();
}

/* --- the stage --------------------------------------------------------------------------- */

static struct kpk_scratch *scratch;
static struct kpk_producer *producer;
static struct kpk_child *workers[2];
static int written; /* charges so far, of all tests */

static void start_worker(int i) {
    const char *const argv[] = {kpk_child_self(), "work", NULL};
    const char *const env[] = {"KPK_LOG_LEVEL=info", "KPK_KAFKA_SESSION_TIMEOUT_MS=1500",
                               "KPK_KAFKA_HEARTBEAT_INTERVAL_MS=300", NULL};

    assert_ok(kpk_child_start(&workers[i],
                              &(struct kpk_child_opts){i ? "worker-2" : "worker-1", argv, env},
                              err),
              err);
    assert_ok(kpk_child_await_words(workers[i], "change=assigned", PATIENCE_MS, err), err);
}

static int open_stage(void **state) {
    (void)state;
    assert_ok(kpk_scratch_open(&scratch, "retry-dlq", err), err);
    assert_ok(kpk_producer_open(&producer,
                                &(struct kpk_producer_opts){.durability = KPK_CRITICAL}, err),
              err);
    return 0;
}

static int close_stage(void **state) {
    (void)state;
    kpk_producer_close(producer);
    kpk_scratch_close(scratch);
    return 0;
}

static int begin(void **state) {
    (void)state;
    start_worker(0);
    return 0;
}

static int end(void **state) {
    (void)state;
    shared->down = false;
    for (int i = 0; i < 2; i++) {
        kpk_child_close(workers[i]);
        workers[i] = NULL;
    }
    return 0;
}

/* --- charges ----------------------------------------------------------------------------- */

static void send_to(const char *base_topic, const char *type, int number,
                    const char *not_before) {
    char topic[KPK_NAME_BYTES], id[KPK_UUID_BYTES], text[16];
    struct kpk_event event = {
        .id = id, .source = "/test", .type = type, .subject = text, .time_ms = kpk_now_ms()};
    rd_kafka_headers_t *headers;

    kpk_uuid7(id);
    snprintf(text, sizeof(text), "%d", number);
    headers = kpk_event_headers(&event);
    if (not_before) rd_kafka_header_add(headers, KPK_NOT_BEFORE, -1, not_before, -1);
    assert_ok(kpk_producer_send(producer, kpk_full_name(base_topic, topic), text, strlen(text),
                                "{}", 2, headers, err),
              err);
}

/* returns  the first of 'count' charges of one fate */
static int write_charges(int count, int fails, int retry_after_ms) {
    int first = written;

    assert_true(written + count <= CHARGES);
    for (; written < first + count; written++) {
        shared->charges[written].fails = fails;
        shared->charges[written].retry_after_ms = retry_after_ms;
        send_to(KPK_TOPIC_CHARGES, "charge.requested", written, NULL);
    }
    assert_ok(kpk_producer_wait(producer, PATIENCE_MS, err), err);
    return first;
}

struct range {
    int first, count, tries;
};

static bool are_tried(void *ctx) {
    const struct range *range = ctx;

    for (int i = range->first; i < range->first + range->count; i++)
        if (shared->charges[i].tries < range->tries) return false;
    return true;
}

static void await_tries(int first, int count, int tries) {
    struct range range = {first, count, tries};

    if (!wait_until(PATIENCE_MS, are_tried, &range))
        fail_msg("%d charges from %d are not tried %d times", count, first, tries);
}

static void assert_tries(int first, int count, int tries) {
    for (int i = first; i < first + count; i++)
        if (shared->charges[i].tries != tries)
            fail_msg("charge %d was tried %d times, not %d", i, (int)shared->charges[i].tries,
                     tries);
}

/* Between try number 'tries' and the next lay the delay of a tier. Never less. Hardly ever more than was
 * promised: a machine that does other things stops for a second now and then. */
static void assert_delay(int first, int count, int tries, int tier) {
    int delay_ms = kpk_group_find(KPK_GROUP_CHARGE_WORKERS)->retry_ms[tier], late = 0;
    int64_t latest = 0;

    for (int i = first; i < first + count; i++) {
        const struct charge *charge = &shared->charges[i];
        int64_t late_ms = charge->tried_ms[tries] - charge->tried_ms[tries - 1] - delay_ms;
        if (late_ms < 0)
            fail_msg("charge %d: try %d came %" PRId64 " ms before its time", i, tries + 1,
                     -late_ms);
        if (late_ms > latest) latest = late_ms;
        late += late_ms > LATE_MS;
    }
    if (late * 10 > count)
        fail_msg("%d of %d came later than %d ms after their time, up to %" PRId64 " ms", late,
                 count, LATE_MS, latest);
}

/* --- dead letters ------------------------------------------------------------------------ */

static const char *header(const rd_kafka_message_t *msg, const char *name) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;

    if (rd_kafka_message_headers(msg, &headers) ||
        rd_kafka_header_get_last(headers, name, &value, &len))
        return "";
    return value;
}

/* returns  the dead letter of charge 'number', for rd_kafka_message_destroy() */
static rd_kafka_message_t *find_letter(struct kpk_tail *tail, int number) {
    int64_t deadline = kpk_mono_ms() + PATIENCE_MS;
    rd_kafka_message_t *msg;
    char subject[16];

    snprintf(subject, sizeof(subject), "%d", number);
    for (;;) {
        assert_ok(kpk_tail_next(tail, 500, &msg, err), err);
        if (msg && strcmp(header(msg, "ce_subject"), subject) == 0) return msg;
        if (msg) rd_kafka_message_destroy(msg);
        if (kpk_mono_ms() > deadline) fail_msg("charge %d is no dead letter", number);
    }
}

/* from  base name of the topic it was read from first */
static void assert_letter(int number, const char *from, const char *tries, const char *reason) {
    char name[KPK_NAME_BYTES], topic[KPK_NAME_BYTES], group[KPK_NAME_BYTES];
    rd_kafka_message_t *msg;
    struct kpk_tail *tail;
    struct kpk_topic row;

    kpk_topic_dlq(kpk_topic_find(KPK_TOPIC_CHARGES), kpk_group_find(KPK_GROUP_CHARGE_WORKERS),
                  name, &row);
    assert_ok(kpk_tail_open(&tail, kpk_full_name(name, topic), false, err), err);
    msg = find_letter(tail, number);

    assert_string_equal(header(msg, KPK_ERRORS_DELIVERY_COUNT), tries);
    assert_string_equal(header(msg, KPK_ERRORS_MESSAGE), reason);
    assert_string_equal(header(msg, KPK_ERRORS_TOPIC), kpk_full_name(from, topic));
    assert_string_equal(header(msg, KPK_ERRORS_GROUP),
                        kpk_full_name(KPK_GROUP_CHARGE_WORKERS, group));
    assert_string_equal(header(msg, KPK_NOT_BEFORE), "");
    assert_int_equal(msg->len, 2);
    rd_kafka_message_destroy(msg);
    kpk_tail_close(tail);
}

/* --- tests ------------------------------------------------------------------------------- */

static void a_charge_is_tried_once_per_tier_at_its_time(void **state) {
    int once = write_charges(50, 1, 0), twice = write_charges(50, 2, 0);
    int never = write_charges(10, TRIES, 0), bad = write_charges(5, -1, 0);
    int good = write_charges(200, 0, 0);

    (void)state;
    await_tries(good, 200, 1);
    await_tries(once, 50, 2);
    await_tries(twice, 50, 3);
    await_tries(never, 10, 3);
    assert_delay(once, 50, 1, 0);
    assert_delay(twice, 50, 1, 0);
    assert_delay(twice, 50, 2, 1);
    assert_letter(never, KPK_TOPIC_CHARGES, "3", "503, 3");
    assert_letter(bad, KPK_TOPIC_CHARGES, "1", "no account");
    assert_tries(good, 200, 1);
    assert_tries(once, 50, 2);
    assert_tries(twice, 50, 3);
    assert_tries(never, 10, 3);
    assert_tries(bad, 5, 1);
}

/* From the last tier into the last tier: as often as the effect says so, and then it is the last try. */
static void a_try_that_does_not_count(void **state) {
    enum { LAST = 1, UNCOUNTED = 4, EACH = 10 };
    int first = written, delay_ms = kpk_group_find(KPK_GROUP_CHARGE_WORKERS)->retry_ms[LAST];

    (void)state;
    for (int i = 0; i < 2 * EACH; i++) shared->charges[first + i].uncounted = UNCOUNTED;
    write_charges(EACH, UNCOUNTED, 0);
    write_charges(EACH, TRIES, 0);
    await_tries(first, 2 * EACH, UNCOUNTED + 1);
    assert_letter(first + EACH, KPK_TOPIC_CHARGES, "5", "503, 5");
    assert_tries(first, 2 * EACH, UNCOUNTED + 1);
    for (int tries = 2; tries <= UNCOUNTED; tries++) assert_delay(first, 2 * EACH, tries, LAST);
    for (int i = first; i < first + 2 * EACH; i++) {
        assert_int_equal(shared->charges[i].waited_ms, delay_ms);
        assert_int_equal(shared->charges[i].last_tries, UNCOUNTED - LAST);
    }
}

static void a_provider_says_when(void **state) {
    int short_enough = write_charges(10, 1, 1000), longer = write_charges(10, 1, 1001);
    int too_long = write_charges(10, 1, 3600000), both = write_charges(1, 2, 3600000);

    (void)state;
    await_tries(short_enough, 10, 2);
    await_tries(longer, 10, 2);
    await_tries(too_long, 10, 2);
    assert_delay(short_enough, 10, 1, 0);
    assert_delay(longer, 10, 1, 1);
    assert_delay(too_long, 10, 1, 1);
    assert_letter(both, KPK_TOPIC_CHARGES, "2", "503, 2"); /* it was in the last tier at once */
}

/* What is due later than everything else here is tried last. */
static void the_topic_goes_on_while_a_tier_waits(void **state) {
    int waits = write_charges(10, 1, 3000), good;

    (void)state;
    await_tries(waits, 10, 1);
    good = write_charges(200, 0, 0);
    await_tries(good, 200, 1);
    assert_tries(waits, 10, 1);
    await_tries(waits, 10, 2);
    assert_delay(waits, 10, 1, 1);
}

/* Write charges that wait in the last tier, and let one member come and one go meanwhile.
 * returns  false: on a machine that is busy that took longer than they wait, and so nothing was proved */
static bool change_members_while_they_wait(int come, int leave) {
    int waits = write_charges(50, 1, 3000), more;
    bool proved;

    await_tries(waits, 50, 1);
    start_worker(come);
    more = write_charges(50, 1, 0);
    assert_ok(kpk_child_end(workers[leave], PATIENCE_MS, err), err);
    kpk_child_close(workers[leave]);
    workers[leave] = NULL;
    struct range range = {waits, 50, 2};
    proved = !are_tried(&range);
    await_tries(waits, 50, 2);
    await_tries(more, 50, 2);
    if (proved) assert_tries(waits, 50, 2);
    return proved;
}

static void a_rebalance_while_it_waits_loses_nothing(void **state) {
    bool proved = false;
    int there = 0;

    (void)state;
    for (int i = 0; i < 5 && !proved; i++, there = !there)
        proved = change_members_while_they_wait(!there, there);
    /* And back, where the partitions were paused. */
    change_members_while_they_wait(!there, there);
    if (!proved) skip();
}

static void a_death_while_it_waits_loses_nothing(void **state) {
    int waits = write_charges(50, 1, 3000);

    (void)state;
    start_worker(1);
    await_tries(waits, 50, 1);
    kpk_child_close(workers[0]); /* kill -9 */
    workers[0] = NULL;
    await_tries(waits, 50, 2);
    for (int i = waits; i < waits + 50; i++)
        assert_true(shared->charges[i].tries <= 3); /* its last batch may have come again */
}

static bool is_refused(void *ctx) {
    (void)ctx;
    return shared->refused > 0;
}

static bool is_due(void *ctx) { return kpk_mono_ms() > *(int64_t *)ctx; }

static void a_store_that_is_down_while_it_waits_changes_nothing(void **state) {
    int waits = write_charges(50, 1, 0), good;
    int64_t past_ms;

    (void)state;
    await_tries(waits, 50, 1);
    past_ms = kpk_mono_ms() + 2000; /* they are due meanwhile */
    shared->refused = 0;
    shared->down = true;
    good = write_charges(50, 0, 0);
    assert_true(wait_until(PATIENCE_MS, is_refused, NULL));
    assert_true(wait_until(PATIENCE_MS, is_due, &past_ms));
    assert_tries(waits, 50, 1);
    assert_tries(good, 50, 0);
    shared->down = false;
    await_tries(good, 50, 1);
    await_tries(waits, 50, 2);
    assert_tries(good, 50, 1);
    assert_tries(waits, 50, 2);
}

/* A stranger's records in a tier: one that would wait for ever, one that is no event. */
static void a_stranger_stops_no_tier(void **state) {
    const struct kpk_group *group = kpk_group_find(KPK_GROUP_CHARGE_WORKERS);
    char tier[KPK_NAME_BYTES];
    struct kpk_topic row;

    (void)state;
    kpk_topic_retry(kpk_topic_find(KPK_TOPIC_CHARGES), group, 0, tier, &row);
    shared->charges[written].fails = 0;
    shared->charges[written + 1].fails = -1;
    send_to(tier, "charge.requested", written, "999999999999999999");
    send_to(tier, "charge.requested", written + 1, "\xff soon");
    assert_ok(kpk_producer_wait(producer, PATIENCE_MS, err), err);
    await_tries(written, 2, 1);
    assert_letter(written + 1, tier, "1", "no account");
    written += 2;
    int after = write_charges(20, 1, 0);
    await_tries(after, 20, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        TEST(a_charge_is_tried_once_per_tier_at_its_time),
        TEST(a_try_that_does_not_count),
        TEST(a_provider_says_when),
        TEST(the_topic_goes_on_while_a_tier_waits),
        TEST(a_rebalance_while_it_waits_loses_nothing),
        TEST(a_death_while_it_waits_loses_nothing),
        TEST(a_store_that_is_down_while_it_waits_changes_nothing),
        TEST(a_stranger_stops_no_tier),
    };

    share();
    if (argc > 1 && strcmp(argv[1], "work") == 0) return work();
    return cmocka_run_group_tests_name("retry", tests, open_stage, close_stage);
}
