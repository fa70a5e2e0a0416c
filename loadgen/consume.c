/* loadgen consume: an existing topic, read as fast as one member can. */
#include "loadgen/run.h"

#include "common/opts.h"
#include "common/stop.h"
#include "loadgen/single.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = 10000, POLL_MS = 200, IDLE_MS = 10000 };

struct args {
    const char *json;
    int records;
};

/* From the first record on: joining the group is not what is measured.
 * returns  records read */
static uint64_t read_all(rd_kafka_t *rk, uint64_t records, double *seconds, uint64_t *bytes) {
    static rd_kafka_message_t *msgs[BATCH];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    int64_t begin_us = 0, last_us = kpk_mono_us();
    uint64_t seen = 0;

    while (seen < records && !kpk_stopping() && kpk_mono_us() - last_us < IDLE_MS * 1000) {
        msgs[0] = rd_kafka_consumer_poll(rk, POLL_MS);
        if (!msgs[0]) continue;
        ssize_t count = 1 + rd_kafka_consume_batch_queue(queue, 0, msgs + 1, BATCH - 1);
        last_us = kpk_mono_us();
        if (!begin_us) begin_us = last_us;
        for (ssize_t i = 0; i < count; i++) {
            if (!msgs[i]->err) seen++, *bytes += msgs[i]->len;
            rd_kafka_message_destroy(msgs[i]);
        }
    }
    rd_kafka_queue_destroy(queue);
    *seconds = begin_us ? (double)(kpk_mono_us() - begin_us) / 1e6 : 0;
    return seen;
}

int load_consume(int argc, char **argv) {
    struct args args = {0};
    struct kpk_err error = {0}, *err = &error;
    const struct kpk_opt opts[] = {
        {"records", NULL, KPK_OPT_INT, &args.records, "1000000", 1, 2147483647, "to read"},
        {"json", NULL, KPK_OPT_STR, &args.json, "", 0, 0, "file for the result"},
        {0}};
    const struct kpk_program program = {"loadgen consume",
                                        "an existing topic, read as fast as one member can",
                                        "<topic> [options]", opts};
    int parsed = kpk_opts_parse(&program, &argc, argv, err);
    rd_kafka_t *rk = NULL;
    uint64_t seen, bytes = 0;
    double seconds;

    if (parsed > 0) return 0;
    if (!parsed && argc != 2) parsed = kpk_fail(err, KPK_REJECT, "which topic?");
    if (parsed < 0 || load_writable("json", args.json, err) ||
        load_single_consumer(&rk, argv[1], true, err))
        return kpk_exit_failed(err);
    seen = read_all(rk, (uint64_t)args.records, &seconds, &bytes);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    if (seen < (uint64_t)args.records) {
        kpk_fail(err, KPK_WAIT, "%s: %llu of %d records came", argv[1],
                 (unsigned long long)seen, args.records);
        return kpk_exit_failed(err);
    }
    printf("  %llu records in %.2f s: %.0f records/s, %.1f MB/s\n", (unsigned long long)seen,
           seconds, (double)seen / seconds, (double)bytes / seconds / 1e6);
    const struct load_figure figures[] = {{"consumed", (double)seen},
                                          {"seconds", seconds},
                                          {"consumed_per_s", (double)seen / seconds},
                                          {"mb_per_s", (double)bytes / seconds / 1e6},
                                          {0}};
    return load_single_json(args.json, figures, err) ? kpk_exit_failed(err) : 0;
}
