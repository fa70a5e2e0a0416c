#include "common/redis.h"

#include "common/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_URL "redis://127.0.0.1:16379"

enum { CONNECT_TIMEOUT_S = 2, COMMAND_TIMEOUT_S = 3 };

/* redis://[:password@]host:port[/database] */
static int parse_url(struct kpk_redis *redis, const char *url, struct kpk_err *err) {
    static const char scheme[] = "redis://";
    const char *rest = url + strlen(scheme), *at;
    int end = 0;

    if (strncmp(url, scheme, strlen(scheme)) != 0) goto malformed;
    at = strrchr(rest, '@');
    if (at) {
        if (*rest != ':' || (size_t)(at - rest) > sizeof(redis->password)) goto malformed;
        snprintf(redis->password, sizeof(redis->password), "%.*s", (int)(at - rest - 1),
                 rest + 1);
        rest = at + 1;
    }
    if (sscanf(rest, "%255[^:/]:%d%n/%d%n", redis->host, &redis->port, &end, &redis->database,
               &end) < 2 ||
        rest[end] != '\0' || redis->port < 1 || redis->port > 65535 || redis->database < 0)
        goto malformed;
    return 0;
malformed: /* without the value: it may hold a password */
    return kpk_fail(err, KPK_FATAL,
                    "KPK_REDIS_URL: not of the form redis://[:password@]host:port[/database]");
}

int kpk_redis_open(struct kpk_redis **out, struct kpk_err *err) {
    struct kpk_redis *redis = calloc(1, sizeof(*redis));
    const char *url = getenv("KPK_REDIS_URL");

    *out = NULL;
    if (!redis) return kpk_fail(err, KPK_FATAL, "redis: no memory");
    if (parse_url(redis, url && *url ? url : DEFAULT_URL, err)) {
        free(redis);
        return -1;
    }
    *out = redis;
    return 0;
}

static void disconnect(struct kpk_redis *redis) {
    if (redis->context) redisFree(redis->context);
    redis->context = NULL;
    redis->pending = 0;
}

void kpk_redis_close(struct kpk_redis *redis) {
    if (!redis) return;
    disconnect(redis);
    free(redis);
}

/* A context with an error is dead: its place in the stream of replies is unknown. */
static int lost(struct kpk_redis *redis, struct kpk_err *err) {
    bool silent = redis->context && redis->context->err == REDIS_ERR_IO && errno == EAGAIN;
    char why[160];

    if (silent)
        snprintf(why, sizeof(why), "no answer for %d s", COMMAND_TIMEOUT_S);
    else
        snprintf(why, sizeof(why), "%s", redis->context ? redis->context->errstr : "no memory");
    disconnect(redis);
    return kpk_fail(err, KPK_WAIT, "redis: %s:%d: %s", redis->host, redis->port, why);
}

/* What Redis refused: what passes by itself is WAIT. */
static int refused(const char *why, struct kpk_err *err) {
    static const char *const passing[] = {"LOADING",  "BUSY",       "OOM",         "MISCONF",
                                          "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"};

    for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++)
        if (strncmp(why, passing[i], strlen(passing[i])) == 0)
            return kpk_fail(err, KPK_WAIT, "redis: %s", why);
    return kpk_fail(err, KPK_FATAL, "redis: %s", why);
}

static redisReply *run(struct kpk_redis *redis, struct kpk_err *err, const char *fmt,
                       va_list args) {
    redisReply *reply = redisvCommand(redis->context, fmt, args);

    if (!reply) {
        lost(redis, err);
        return NULL;
    }
    if (reply->type != REDIS_REPLY_ERROR) return reply;
    refused(reply->str, err);
    freeReplyObject(reply);
    return NULL;
}

static int setup(struct kpk_redis *redis, struct kpk_err *err, const char *fmt, ...) {
    redisReply *reply;
    va_list args;

    va_start(args, fmt);
    reply = run(redis, err, fmt, args);
    va_end(args);
    if (!reply) {
        disconnect(redis);
        return -1;
    }
    freeReplyObject(reply);
    return 0;
}

static int ensure(struct kpk_redis *redis, struct kpk_err *err) {
    if (redis->context && !redis->context->err) return 0;
    disconnect(redis);
    redis->context = redisConnectWithTimeout(redis->host, redis->port,
                                             (struct timeval){.tv_sec = CONNECT_TIMEOUT_S});
    if (!redis->context || redis->context->err) return lost(redis, err);
    redisSetTimeout(redis->context, (struct timeval){.tv_sec = COMMAND_TIMEOUT_S});
    redisEnableKeepAlive(redis->context);
    if (*redis->password && setup(redis, err, "AUTH %s", redis->password)) return -1;
    if (redis->database && setup(redis, err, "SELECT %d", redis->database)) return -1;
    return 0;
}

redisReply *kpk_redis_command(struct kpk_redis *redis, struct kpk_err *err, const char *fmt,
                              ...) {
    int64_t until = kpk_mono_ms() + COMMAND_TIMEOUT_S * 1000;
    redisReply *reply = NULL;
    va_list args;

    /* The second try is for a connection that was idle while the server restarted, and not for a
     * server that is silent. */
    for (int tries = redis->context ? 2 : 1; tries > 0 && kpk_mono_ms() < until; tries--) {
        if (ensure(redis, err)) return NULL;
        va_start(args, fmt);
        reply = run(redis, err, fmt, args);
        va_end(args);
        if (redis->context) break;
    }
    return reply;
}

int kpk_redis_check(struct kpk_redis *redis, struct kpk_err *err) {
    redisReply *reply = kpk_redis_command(redis, err, "PING");

    if (!reply) return -1;
    freeReplyObject(reply);
    return 0;
}

static int make_room(struct kpk_redis *redis, struct kpk_err *err) {
    if (redis->pending >= KPK_REDIS_DEPTH && kpk_redis_drain(redis, err)) return -1;
    /* Only at the start of a pipeline: what a lost connection took with it must be appended again. */
    return redis->pending == 0 ? ensure(redis, err) : 0;
}

int kpk_redis_append(struct kpk_redis *redis, struct kpk_err *err, const char *fmt, ...) {
    va_list args;
    int failed;

    if (make_room(redis, err)) return -1;
    va_start(args, fmt);
    failed = redisvAppendCommand(redis->context, fmt, args);
    va_end(args);
    if (failed) return lost(redis, err);
    redis->pending++;
    return 0;
}

int kpk_redis_append_argv(struct kpk_redis *redis, int argc, const char **argv,
                          struct kpk_err *err) {
    if (make_room(redis, err)) return -1;
    if (redisAppendCommandArgv(redis->context, argc, argv, NULL)) return lost(redis, err);
    redis->pending++;
    return 0;
}

int kpk_redis_drain(struct kpk_redis *redis, struct kpk_err *err) {
    int failed = 0;

    while (redis->pending > 0) {
        void *reply = NULL;
        if (redisGetReply(redis->context, &reply) != REDIS_OK) return lost(redis, err);
        redis->pending--;
        if (((redisReply *)reply)->type == REDIS_REPLY_ERROR && !failed)
            failed = refused(((redisReply *)reply)->str, err);
        freeReplyObject(reply);
    }
    return failed;
}
