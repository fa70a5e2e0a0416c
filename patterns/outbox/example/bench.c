/* What the outbox costs, and how fast a relay is; each figure beside its peer in the same run. */
#include "common/clock.h"
#include "common/conclude.h"
#include "common/histogram.h"
#include "common/stop.h"
#include "patterns/outbox/example/cast.h"
#include "patterns/outbox/example/writer.h"
#include "topology/topology.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ROUNDS = 3,
    ROUND_MS = 2000,
    CLIENTS_MAX = 16,
    ROWS = 20000,
    WARM = 200,
    PACED = 1200,
    PER_SECOND = 100
};

/* --- the writer's side ------------------------------------------------------------------- */

/* One client: transactions for a while, with the outbox row or without it. */
struct client {
    pthread_t thread;
    struct kpk_pg *pg;
    bool with_outbox;
    int index, done;
    int failed;
    struct kpk_err err;
};

static int transact(const struct client *client, struct kpk_err *err) {
    struct kpk_pg *pg = client->pg;
    struct change change = {.order = (client->index + client->done) % SHOP_ORDERS};
    int failed;

    kpk_uuid7(change.id);
    if (kpk_pg_begin(pg, err)) return -1;
    failed =
        client->with_outbox ? write_change(pg, &change, err) : change_order(pg, &change, err);
    if (!failed) failed = kpk_pg_commit(pg, err);
    kpk_pg_rollback(pg);
    return failed;
}

static void *run_client(void *arg) {
    struct client *client = arg;
    int64_t until = kpk_mono_ms() + ROUND_MS;

    while (!client->failed && kpk_mono_ms() < until && !kpk_stopping()) {
        client->failed = transact(client, &client->err);
        client->done++;
    }
    return NULL;
}

/* returns  transactions a second, or -1 with 'err' */
static double measure(int clients, bool with_outbox, struct kpk_err *err) {
    struct client client[CLIENTS_MAX];
    int done = 0, started = 0, failed = 0;

    for (; started < clients; started++) {
        client[started] = (struct client){.with_outbox = with_outbox, .index = started};
        if (kpk_pg_open(&client[started].pg, shop_schema(), err)) break;
        if (pthread_create(&client[started].thread, NULL, run_client, &client[started])) break;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(client[i].thread, NULL);
        kpk_pg_close(client[i].pg);
        done += client[i].done;
        if (!client[i].failed) continue;
        *err = client[i].err;
        failed = -1;
    }
    if (started < clients && !failed)
        failed = kpk_fail(err, KPK_FATAL, "a client did not start");
    return failed ? -1 : done * 1000.0 / ROUND_MS;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Alternating, so that what else the machine does hits both. */
static int compare(int clients, struct kpk_err *err) {
    double bare[ROUNDS], outbox[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        bare[i] = measure(clients, false, err);
        outbox[i] = bare[i] < 0 ? -1 : measure(clients, true, err);
        if (outbox[i] < 0) return -1;
    }
    qsort(bare, ROUNDS, sizeof(*bare), by_value);
    qsort(outbox, ROUNDS, sizeof(*outbox), by_value);
    printf("  %2d client%s  %7.0f/s without, %7.0f/s with an outbox row: %.2f\n", clients,
           clients == 1 ? " " : "s", bare[ROUNDS / 2], outbox[ROUNDS / 2],
           outbox[ROUNDS / 2] / bare[ROUNDS / 2]);
    return 0;
}

/* --- the relay's side -------------------------------------------------------------------- */

static int fill_outbox(struct cast *cast, struct kpk_err *err) {
    static const struct kpk_pg_stmt clear = {"bench_clear", "DELETE FROM outbox"};
    static const struct kpk_pg_stmt fill = {
        "bench_fill",
        "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) "
        "SELECT gen_random_uuid(), $1, (n % 1000)::text, 'order.changed', "
        "       json_build_object('order_id', (n % 1000)::text, 'change_id', n::text) "
        "FROM generate_series(1, $2) AS n"};
    char rows[16];

    snprintf(rows, sizeof(rows), "%d", ROWS);
    if (kpk_pg_run(cast->shop.pg, &clear, NULL, 0, err)) return -1;
    return kpk_pg_run(cast->shop.pg, &fill, (const char *[]){KPK_TOPIC_ORDERS, rows}, 2, err);
}

/* returns  rows that wait, or -1 with 'err' */
static int waiting(struct cast *cast, struct kpk_err *err) {
    static const struct kpk_pg_stmt count = {"bench_count", "SELECT count(*) FROM outbox"};
    PGresult *result = kpk_pg_exec(cast->shop.pg, &count, NULL, 0, err);
    int rows = result ? atoi(PQgetvalue(result, 0, 0)) : -1;

    PQclear(result);
    return rows;
}

static int measure_relay(struct cast *cast, struct kpk_err *err) {
    int64_t begun_ms;
    int rows;

    if (fill_outbox(cast, err) || cast_relay(cast, 0, "relay", NULL, err)) return -1;
    begun_ms = kpk_mono_ms();
    while ((rows = waiting(cast, err)) > 0 && !kpk_stopping()) kpk_stop_wait(10);
    if (rows < 0) return -1;
    printf("  relayed     %7.0f events/s: %d rows that waited, published and deleted\n",
           ROWS * 1000.0 / (double)(kpk_mono_ms() - begun_ms), ROWS);
    return 0;
}

/* Changes at an even rate, each until it was read from the topic. */
static int measure_latency(struct cast *cast, struct kpk_err *err) {
    static struct kpk_histogram wait_us;
    struct shop *shop = &cast->shop;
    struct kpk_report report;
    int64_t next_us;

    if (shop_begin(shop, err) || cast_writer(cast, "outbox", NULL, err)) return -1;
    next_us = kpk_mono_us();
    for (int i = 0; i < PACED && !kpk_stopping(); i++, next_us += 1000000 / PER_SECOND) {
        if (shop_change(shop, cast->writer, i % SHOP_ORDERS, err)) return -1;
        shop->attempts[i].begun_us =
            kpk_mono_us(); /* answered: from here on the relay has it */
        while (kpk_mono_us() < next_us && !kpk_stopping())
            if (shop_read_topic(shop, 1, err)) return -1;
    }
    if (shop_judge(shop, CAST_PATIENCE_MS, &report, err)) return -1;
    if (report.first[0]) return kpk_fail(err, KPK_FATAL, "%s", report.first);
    for (int i = WARM; i < PACED; i++)
        kpk_histogram_add(&wait_us, shop->attempts[i].seen_us - shop->attempts[i].begun_us);
    printf("  latency     p50 %.1f ms, p99 %.1f ms from the answered commit to a reader of the "
           "topic,\n"
           "              at %d changes/s\n",
           (double)kpk_histogram_at(&wait_us, 50) / 1000,
           (double)kpk_histogram_at(&wait_us, 99) / 1000, PER_SECOND);
    return 0;
}

int story_bench(struct cast *cast) {
    struct kpk_err err;

    printf(
        "\n  Transactions that change an order; medians of %d rounds of %d s, alternating:\n\n",
        ROUNDS, ROUND_MS / 1000);
    if (compare(1, &err) || compare(CLIENTS_MAX, &err) || measure_relay(cast, &err) ||
        measure_latency(cast, &err))
        return kpk_conclude_broken(&err);
    printf("\n");
    return kpk_conclude(KPK_PASS, "measured; every change of the last run was in the topic");
}
