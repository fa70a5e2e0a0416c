#include "common/kafka.h"

#include "common/clock.h"
#include "common/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define ENV_PREFIX "KPK_KAFKA_"
#define DEFAULT_BOOTSTRAP "127.0.0.1:19092,127.0.0.1:19094,127.0.0.1:19096"

enum { CHECK_TIMEOUT_MS = 1000, PROPERTY_BYTES = 128 };

extern char **environ;

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    struct kpk_quoted quoted;

    kpk_log_at(level <= LOG_ERR       ? KPK_LOG_ERROR
               : level <= LOG_WARNING ? KPK_LOG_WARN
                                      : KPK_LOG_DEBUG,
               "librdkafka", "client=%s facility=%s text=%s", rk ? rd_kafka_name(rk) : "-",
               facility, kpk_quote(&quoted, text));
}

/* Broker connections come and go and librdkafka makes them again; a fatal error is returned by the
 * calls that meet it. So this is only told, and once a second: without brokers it is all there is. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    static _Atomic int64_t told_ms;
    struct kpk_quoted quoted;
    enum kpk_log_level level = KPK_LOG_DEBUG;

    (void)opaque;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && kpk_mono_ms() - told_ms > 1000) {
        told_ms = kpk_mono_ms();
        level = KPK_LOG_WARN;
    }
    kpk_log_at(level, "kafka-error", "client=%s code=%s reason=%s", rd_kafka_name(rk),
               rd_kafka_err2name(code), kpk_quote(&quoted, reason));
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, const char *source,
               struct kpk_err *err) {
    char why[160];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK) return 0;
    return kpk_fail(err, KPK_FATAL, "%s: %s", source, why);
}

/* KPK_KAFKA_SASL_MECHANISM=PLAIN -> sasl.mechanism=PLAIN; and log_level, the one with an
 * underscore */
static int set_from_environment(rd_kafka_conf_t *conf, struct kpk_err *err) {
    for (char **entry = environ; *entry; entry++) {
        char source[PROPERTY_BYTES], name[PROPERTY_BYTES], ignored[8];
        const char *eq = strchr(*entry, '=');

        if (!eq || strncmp(*entry, ENV_PREFIX, strlen(ENV_PREFIX)) != 0) continue;
        snprintf(source, sizeof(source), "%.*s", (int)(eq - *entry), *entry);
        snprintf(name, sizeof(name), "%s", source + strlen(ENV_PREFIX));
        for (char *c = name; *c; c++) *c = (char)tolower((unsigned char)*c);
        if (rd_kafka_conf_set(conf, name, eq + 1, ignored, sizeof(ignored)) == RD_KAFKA_CONF_OK)
            continue;
        for (char *c = name; *c; c++)
            if (*c == '_') *c = '.';
        if (set(conf, name, eq + 1, source, err)) return -1;
    }
    return 0;
}

rd_kafka_conf_t *kpk_kafka_conf(const char *const *pairs, struct kpk_err *err) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *bootstrap = getenv("KPK_BOOTSTRAP_SERVERS");

    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (!bootstrap || !*bootstrap) bootstrap = DEFAULT_BOOTSTRAP;
    if (set(conf, "bootstrap.servers", bootstrap, "KPK_BOOTSTRAP_SERVERS", err)) goto fail;
    if (set(conf, "client.id", program_invocation_short_name, "client.id", err)) goto fail;
    if (set(conf, "socket.nagle.disable", "true", "socket.nagle.disable", err)) goto fail;
    /* After an outage a client should be back within a second, not ten; and what it asked of a broker
     * that hung is asked again after ten seconds, not sixty. */
    if (set(conf, "reconnect.backoff.max.ms", "1000", "reconnect.backoff.max.ms", err))
        goto fail;
    if (set(conf, "socket.timeout.ms", "10000", "socket.timeout.ms", err)) goto fail;
    for (; pairs && *pairs; pairs += 2)
        if (set(conf, pairs[0], pairs[1], pairs[0], err)) goto fail;
    if (set_from_environment(conf, err)) goto fail;
    return conf;
fail:
    rd_kafka_conf_destroy(conf);
    return NULL;
}

int kpk_kafka_check(rd_kafka_t *rk, struct kpk_err *err) {
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, NULL, &metadata, CHECK_TIMEOUT_MS);

    if (code)
        return kpk_fail(err, KPK_WAIT, "kafka: no broker answers: %s", rd_kafka_err2str(code));
    rd_kafka_metadata_destroy(metadata);
    return 0;
}
