/* For the commands that use one handle of each kind and no profile; and what every command writes. */
#ifndef KPK_LOADGEN_SINGLE_H
#define KPK_LOADGEN_SINGLE_H

#include "common/kafka.h"

#include <cjson/cJSON.h>

/* All partitions of a topic (full name), without a group: from the beginning, or from where it ends now.
 * Close it with rd_kafka_consumer_close() and rd_kafka_destroy().
 * returns  0, or -1 with 'err' (WAIT, or REJECT: no such topic) */
int load_single_consumer(rd_kafka_t **consumer, const char *topic, bool from_beginning,
                         struct kpk_err *err) KPK_MUST_CHECK;
/* acks=all, idempotent, sends at once. */
int load_single_producer(rd_kafka_t **producer, struct kpk_err *err) KPK_MUST_CHECK;

/* Before what takes minutes: could the file of --<option> be written? Nothing is written to it, and it is not there
 * afterwards when it was not before. "" as a path: nothing.
 * returns  0, or -1 with 'err' (REJECT) */
int load_writable(const char *option, const char *path, struct kpk_err *err) KPK_MUST_CHECK;

/* Write 'json' to a file and delete it, also on failure.
 * returns  0, or -1 with 'err' (REJECT: the file cannot be written; FATAL: memory) */
int load_json_write(cJSON *json, const char *path, struct kpk_err *err) KPK_MUST_CHECK;

/* Figures as a JSON object; a name with a dot is one in an object: "end_to_end_us.p50". "" as a path: nothing. */
struct load_figure {
    const char *name; /* NULL ends them */
    double value;
};
int load_single_json(const char *path, const struct load_figure *figures,
                     struct kpk_err *err) KPK_MUST_CHECK;

#endif
