/* Redis: a connection that comes back, and pipelines.
 *
 *   for (...) if (kpk_redis_append(redis, err, "ZADD %s 0 %s", key, id)) return -1;
 *   return kpk_redis_drain(redis, err);
 *
 * The address is KPK_REDIS_URL: redis://[:password@]host:port[/database]. Keys carry the namespace:
 * see kpk_full_name(). */
#ifndef KPK_COMMON_REDIS_H
#define KPK_COMMON_REDIS_H

#include "common/err.h"

#include <hiredis/hiredis.h>

/* One thread uses it. */
struct kpk_redis {
    redisContext *context; /* NULL: not connected */
    /* private */
    char host[256], password[256];
    int port, database;
    size_t pending; /* appended commands without a reply yet */
};

/* Connects at the first use. returns 0, or -1 with 'err' (FATAL: KPK_REDIS_URL is malformed) */
int kpk_redis_open(struct kpk_redis **redis, struct kpk_err *err) KPK_MUST_CHECK;
void kpk_redis_close(struct kpk_redis *redis); /* NULL is fine */

/* For /readyz: does it answer PING? returns 0, or -1 with 'err' */
int kpk_redis_check(struct kpk_redis *redis, struct kpk_err *err) KPK_MUST_CHECK;

/* One command, one round trip. Arguments as redisCommand(): %s, %b.
 * returns  the reply, for freeReplyObject(); NULL with 'err': WAIT the server is gone, silent for
 *          3 s, loading or out of memory; FATAL it refused the command */
redisReply *kpk_redis_command(struct kpk_redis *redis, struct kpk_err *err, const char *fmt,
                              ...);

/* Queue one command. Every KPK_REDIS_DEPTH of them the replies are read, so that neither side's
 * buffers grow without end. returns 0, or -1 with 'err' as above: what was queued may or may not
 * have run, and must be safe to run again */
enum { KPK_REDIS_DEPTH = 256 };
int kpk_redis_append(struct kpk_redis *redis, struct kpk_err *err, const char *fmt,
                     ...) KPK_MUST_CHECK;
/* The same, its words in an array: for a command of as many arguments as there are members. */
int kpk_redis_append_argv(struct kpk_redis *redis, int argc, const char **argv,
                          struct kpk_err *err) KPK_MUST_CHECK;

/* Read the replies still missing. returns 0: every command since the last drain succeeded */
int kpk_redis_drain(struct kpk_redis *redis, struct kpk_err *err) KPK_MUST_CHECK;

#endif
