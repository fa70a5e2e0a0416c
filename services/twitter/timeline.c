#include "services/twitter/timeline.h"

#include "topology/topology.h"

#include <stdio.h>
#include <string.h>

const char *timeline_key(const char *user_id, char out[TIMELINE_KEY_BYTES]) {
    snprintf(out, TIMELINE_KEY_BYTES, "%stimeline:%s", kpk_namespace(), user_id);
    return out;
}

int timeline_push(struct kpk_redis *redis, const char *user_id,
                  const char (*tweet_ids)[KPK_UUID_BYTES], size_t count, struct kpk_err *err) {
    const char *argv[2 + 2 * TIMELINE_CAP];
    char key[TIMELINE_KEY_BYTES];
    int argc = 0;

    argv[argc++] = "ZADD";
    argv[argc++] = timeline_key(user_id, key);
    for (size_t i = 0; i < count && i < TIMELINE_CAP; i++) {
        argv[argc++] = "0";
        argv[argc++] = tweet_ids[i];
    }
    if (kpk_redis_append_argv(redis, argc, argv, err)) return -1;
    return kpk_redis_append(redis, err, "ZREMRANGEBYRANK %s 0 %d", key, -TIMELINE_CAP - 1);
}

/* Members that are no ids (somebody else's hand in our key) are skipped. */
static int copy_ids(const redisReply *reply, int limit, char (*ids)[KPK_UUID_BYTES]) {
    int count = 0;

    for (size_t i = 0; i < reply->elements && count < limit; i++)
        if (kpk_uuid_valid(reply->element[i]->str))
            strcpy(ids[count++], reply->element[i]->str);
    return count;
}

static int read_floor(struct kpk_redis *redis, const char *key, char floor[KPK_UUID_BYTES],
                      struct kpk_err *err) {
    /* The newest TIMELINE_CAP'th: there is one exactly when the timeline is full. */
    redisReply *reply =
        kpk_redis_command(redis, err, "ZRANGE %s %d %d", key, -TIMELINE_CAP, -TIMELINE_CAP);

    if (!reply) return -1;
    floor[0] = '\0';
    copy_ids(reply, 1, (char(*)[KPK_UUID_BYTES])floor);
    freeReplyObject(reply);
    return 0;
}

int timeline_read(struct kpk_redis *redis, const char *user_id, const char *before, int limit,
                  char (*ids)[KPK_UUID_BYTES], char floor[KPK_UUID_BYTES],
                  struct kpk_err *err) {
    char key[TIMELINE_KEY_BYTES];
    redisReply *reply;
    int count;

    timeline_key(user_id, key);
    reply = kpk_redis_command(redis, err, "ZREVRANGEBYLEX %s %s%s - LIMIT 0 %d", key,
                              before ? "(" : "+", before ? before : "", limit);
    if (!reply) return -1;
    count = copy_ids(reply, limit, ids);
    freeReplyObject(reply);
    /* The floor second: what was trimmed before the ids were read then lies below it. */
    return read_floor(redis, key, floor, err) ? -1 : count;
}
