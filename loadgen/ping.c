/* loadgen ping: one record is sent, and the next only when it was received. What Java's EndToEndLatency
 * measures. */
#include "loadgen/run.h"

#include "common/opts.h"
#include "common/stop.h"
#include "loadgen/single.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MS = 10000, BYTES_MOST = 1000000, WARM_UP = 100 };

static int there_and_back(rd_kafka_t *producer, rd_kafka_t *consumer, const char *topic,
                          char *value, size_t bytes, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + ANSWER_MS;
    rd_kafka_resp_err_t code =
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_VALUE(value, bytes),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);

    if (code) return kpk_fail(err, KPK_FATAL, "%s: %s", topic, rd_kafka_err2str(code));
    while (kpk_mono_ms() < deadline && !kpk_stopping()) {
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(consumer, 1000);
        bool same =
            msg && !msg->err && msg->len == bytes && memcmp(msg->payload, value, bytes) == 0;
        if (msg) rd_kafka_message_destroy(msg);
        rd_kafka_poll(producer, 0);
        if (same) return 0;
    }
    return kpk_fail(err, KPK_WAIT, "%s: what was sent does not come back", topic);
}

static int measure(rd_kafka_t *producer, rd_kafka_t *consumer, const char *topic, int records,
                   size_t bytes, struct kpk_histogram *took_us, struct kpk_err *err) {
    char *value = malloc(bytes + 1);
    int failed = 0;

    if (!value) return kpk_fail(err, KPK_FATAL, "no memory");
    for (int i = -WARM_UP; !failed && i < records && !kpk_stopping(); i++) {
        int64_t begin_us;
        memset(value, 'x', bytes);
        snprintf(value, bytes + 1, "%d.%d ", getpid(), i + WARM_UP);
        begin_us = kpk_mono_us();
        failed = there_and_back(producer, consumer, topic, value, bytes, err);
        if (!failed && i >= 0) kpk_histogram_add(took_us, kpk_mono_us() - begin_us);
    }
    free(value);
    return failed;
}

int load_ping(int argc, char **argv) {
    static struct kpk_histogram took_us;
    struct kpk_err error = {0}, *err = &error;
    const char *json;
    int records, bytes, failed;
    const struct kpk_opt opts[] = {
        {"records", NULL, KPK_OPT_INT, &records, "1000", 1, 10000000, "to send"},
        {"bytes", NULL, KPK_OPT_INT, &bytes, "100", 32, BYTES_MOST, "of a value"},
        {"json", NULL, KPK_OPT_STR, &json, "", 0, 0, "file for the result"},
        {0}};
    const struct kpk_program program = {"loadgen ping",
                                        "one record at a time, there and back; acks=all",
                                        "<topic> [options]", opts};
    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    rd_kafka_t *producer = NULL, *consumer = NULL;

    if (parsed > 0) return 0;
    if (!parsed && argc != 2) parsed = kpk_fail(err, KPK_REJECT, "which topic?");
    if (parsed < 0 || load_writable("json", json, err)) return kpk_exit_failed(err);
    failed = load_single_producer(&producer, err) ||
             load_single_consumer(&consumer, argv[1], false, err) ||
             measure(producer, consumer, argv[1], records, (size_t)bytes, &took_us, err);
    if (consumer) rd_kafka_consumer_close(consumer), rd_kafka_destroy(consumer);
    if (producer) rd_kafka_destroy(producer);
    if (failed) return kpk_exit_failed(err);
    const struct load_figure figures[] = {
        {"end_to_end_us.p50", (double)kpk_histogram_at(&took_us, 50)},
        {"end_to_end_us.p99", (double)kpk_histogram_at(&took_us, 99)},
        {"end_to_end_us.p99_9", (double)kpk_histogram_at(&took_us, 99.9)},
        {"end_to_end_us.max", (double)took_us.max},
        {"end_to_end_us.mean", kpk_histogram_mean(&took_us)},
        {0}};
    printf("  %llu records: p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, max %.2f ms\n",
           (unsigned long long)took_us.count, figures[0].value / 1000, figures[1].value / 1000,
           figures[2].value / 1000, figures[3].value / 1000);
    return load_single_json(json, figures, err) ? kpk_exit_failed(err) : 0;
}
