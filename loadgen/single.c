#include "loadgen/single.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ASK_MS = 10000 };

static int assign(rd_kafka_t *rk, const char *topic, bool from_beginning, struct kpk_err *err) {
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rkt ? rd_kafka_metadata(rk, 0, rkt, &metadata, ASK_MS) : rd_kafka_last_error();
    rd_kafka_topic_partition_list_t *list;

    if (rkt) rd_kafka_topic_destroy(rkt);
    if (code || !metadata)
        return kpk_fail(err, KPK_WAIT, "%s: %s", topic, rd_kafka_err2str(code));
    if (metadata->topics[0].err || metadata->topics[0].partition_cnt == 0) {
        rd_kafka_metadata_destroy(metadata);
        return kpk_fail(err, KPK_REJECT, "%s: there is no such topic", topic);
    }
    list = rd_kafka_topic_partition_list_new(metadata->topics[0].partition_cnt);
    for (int i = 0; i < metadata->topics[0].partition_cnt && !code; i++) {
        int64_t low, high;
        code = rd_kafka_query_watermark_offsets(rk, topic, i, &low, &high, ASK_MS);
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = from_beginning ? low : high;
    }
    if (!code) code = rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(metadata);
    return code ? kpk_fail(err, KPK_WAIT, "%s: %s", topic, rd_kafka_err2str(code)) : 0;
}

int load_single_consumer(rd_kafka_t **consumer, const char *topic, bool from_beginning,
                         struct kpk_err *err) {
    /* 'group.id' is wanted by the client though nothing is ever committed. Not more than 1 MB of a partition at a time
     * (the client's default): answers of over 32 MB are memory that malloc gives back, and each costs new pages. */
    const char *pairs[] = {"group.id",
                           topic,
                           "enable.auto.commit",
                           "false",
                           "fetch.wait.max.ms",
                           "10",
                           "fetch.min.bytes",
                           from_beginning ? "100000" : "1",
                           "queued.min.messages",
                           "1000000",
                           "queued.max.messages.kbytes",
                           "262144",
                           "check.crcs",
                           "false",
                           NULL};
    rd_kafka_conf_t *conf = kpk_kafka_conf(pairs, err);
    char why[160];

    if (!conf) return -1;
    *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!*consumer) {
        rd_kafka_conf_destroy(conf);
        return kpk_fail(err, KPK_FATAL, "consumer: %s", why);
    }
    rd_kafka_poll_set_consumer(*consumer);
    if (!assign(*consumer, topic, from_beginning, err)) return 0;
    rd_kafka_destroy(*consumer); /* its threads must not outlive main */
    *consumer = NULL;
    return -1;
}

int load_single_producer(rd_kafka_t **producer, struct kpk_err *err) {
    static const char *const pairs[] = {
        "acks", "all", "enable.idempotence", "true", "linger.ms", "0", NULL};
    rd_kafka_conf_t *conf = kpk_kafka_conf(pairs, err);
    char why[160];

    if (!conf) return -1;
    *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (*producer) return 0;
    rd_kafka_conf_destroy(conf);
    return kpk_fail(err, KPK_FATAL, "producer: %s", why);
}

int load_writable(const char *option, const char *path, struct kpk_err *err) {
    struct stat there;
    bool is_new = lstat(path, &there) != 0, fine;
    FILE *file = NULL;

    if (!*path) return 0;
    /* Opening and closing a pipe would be its end. */
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode)) {
        fine = access(path, W_OK) == 0;
    } else {
        file = fopen(path, "ae");
        fine = file != NULL;
    }
    if (!fine)
        return kpk_fail(err, KPK_REJECT, "--%s %.120s: %s", option, path, strerror(errno));
    if (file) fclose(file);
    if (file && is_new) unlink(path);
    return 0;
}

int load_json_write(cJSON *json, const char *path, struct kpk_err *err) {
    char *text = cJSON_Print(json);
    FILE *file = text ? fopen(path, "w") : NULL;
    int failed = !file || fprintf(file, "%s\n", text) < 0;

    if (file && fclose(file)) failed = 1;
    if (!text)
        kpk_fail(err, KPK_FATAL, "no memory");
    else if (failed)
        kpk_fail(err, KPK_REJECT, "%.120s: cannot be written: %s", path, strerror(errno));
    free(text);
    cJSON_Delete(json);
    return failed ? -1 : 0;
}

int load_single_json(const char *path, const struct load_figure *figures, struct kpk_err *err) {
    cJSON *json;

    if (!*path) return 0;
    json = cJSON_CreateObject();
    for (; figures->name; figures++) {
        char name[64], *dot;
        cJSON *to = json;
        snprintf(name, sizeof(name), "%s", figures->name);
        if ((dot = strchr(name, '.'))) {
            *dot = '\0';
            to = cJSON_GetObjectItemCaseSensitive(json, name);
            if (!to) to = cJSON_AddObjectToObject(json, name);
        }
        cJSON_AddNumberToObject(to, dot ? dot + 1 : name, figures->value);
    }
    return load_json_write(json, path, err);
}
