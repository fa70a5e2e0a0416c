#include "loadgen/target.h"

#include "common/clock.h"
#include "common/stop.h"
#include "loadgen/brokers.h"
#include "topology/remove.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xxhash.h>

enum { WAIT_MS = 10000, HOUR_MS = 3600 * 1000, MARGIN_PERCENT = 20, AGAIN_US = 100000 };

/* --- one at a time ----------------------------------------------------------------------- */

/* A name in Linux' abstract namespace of sockets: two cannot have it, it is no file that would be left, and it is
 * free when its process has ended, however that ended. */
static int lock(struct load_target *target, const struct load_profile *profile,
                struct kpk_err *err) {
    char *cluster = rd_kafka_clusterid(target->admin->rk, WAIT_MS);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char load[KPK_NAME_BYTES], name[KPK_NAME_BYTES];
    int len;

    if (!cluster) return kpk_fail(err, KPK_WAIT, "the cluster does not say which one it is");
    snprintf(load, sizeof(load), "load.%s", profile->name);
    kpk_full_name(load, name);
    len = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "loadgen:%.40s:%016llx",
                   cluster, (unsigned long long)XXH3_64bits(name, strlen(name)));
    rd_kafka_mem_free(target->admin->rk, cluster);
    target->lock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (target->lock < 0) return kpk_fail(err, KPK_FATAL, "a socket: %m");
    if (bind(target->lock, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) == 0)
        return 0;
    (void)(errno == EADDRINUSE
               ? kpk_fail(err, KPK_REJECT,
                          "another load of %s runs from here: its topic and groups have the "
                          "names that this one's would have",
                          profile->name)
               : kpk_fail(err, KPK_FATAL, "a name for the load: %m"));
    close(target->lock);
    target->lock = -1;
    return -1;
}

static int begin(struct load_target *target, const struct load_profile *profile,
                 struct kpk_err *err) {
    if (kpk_admin_open(&target->admin, &(struct kpk_admin_opts){.wait_ms = WAIT_MS}, err))
        return -1;
    target->brokers = target->admin->brokers;
    return lock(target, profile, err);
}

/* --- the topic --------------------------------------------------------------------------- */

/* Its segments lie on this machine, beside everything else: a full disk ends more than this run. */
static int check_room(struct load_target *target, double bytes, struct kpk_err *err) {
    double copies = target->replicas, room = load_brokers_room(target->admin->rk);
    double need = bytes * copies * (100 + MARGIN_PERCENT) / 100;

    target->room = room;
    if (room < 0 || room >= need) return 0;
    return kpk_fail(
        err, KPK_REJECT,
        "the run would write %.1f GB (replication and %d %% more included), and the brokers' "
        "disk has %.1f GB: a shorter --duration, or a lower --rate",
        need / 1e9, MARGIN_PERCENT, room / 1e9);
}

/* Where what others wrote ends, earlier runs for instance: it is none of this run. */
static int find_ends(struct load_target *target, struct kpk_err *err) {
    int64_t low;

    target->from = calloc((size_t)target->topic.partitions, sizeof(*target->from));
    if (!target->from) return kpk_fail(err, KPK_FATAL, "no memory");
    for (int i = 0; i < target->topic.partitions; i++) {
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
            target->admin->rk, target->topic.name, i, &low, &target->from[i], WAIT_MS);
        if (code)
            return kpk_fail(err, KPK_WAIT, "%s [%d]: %s", target->topic.name, i,
                            rd_kafka_err2str(code));
    }
    return 0;
}

int load_target_open(struct load_target *target, const struct load_profile *profile,
                     int partitions, double bytes, bool keep, struct kpk_err *err) {
    struct kpk_plan plan = {.topics = &target->topic, .count = 1};
    struct kpk_topic_plan *topic = &target->topic;

    *target = (struct load_target){.lock = -1};
    snprintf(topic->base_name, sizeof(topic->base_name), "load.%s", profile->name);
    topic->row = (struct kpk_topic){.name = topic->base_name,
                                    .system = profile->name,
                                    .partitions = partitions,
                                    .key = profile->key,
                                    .retention_ms = HOUR_MS,
                                    .cleanup = "delete",
                                    .durability = profile->durability};
    kpk_full_name(topic->base_name, topic->name);
    if (begin(target, profile, err)) return -1;
    if (kpk_admin_describe(target->admin, &plan, err)) return -1;
    if (topic->found.exists && !keep && kpk_remove_topics(target->admin, &plan, err)) return -1;
    kpk_admin_decide(target->admin, &plan, false);
    topic->partitions =
        topic->found.exists ? topic->found.partitions : partitions; /* never scaled */
    target->replicas = topic->found.exists ? topic->found.replicas : topic->replicas;
    if (check_room(target, bytes, err)) return -1;
    target->made = true;
    if (kpk_admin_apply(target->admin, &plan, err)) return -1;
    if (kpk_admin_settle(target->admin, &plan, err)) return -1;
    target->held = load_target_count(target, err);
    if (target->held < 0) return -1;
    return target->held > 0 ? find_ends(target, err) : 0;
}

int load_target_find(struct load_target *target, const struct load_profile *profile,
                     double bytes, struct kpk_err *err) {
    struct kpk_plan plan = {.topics = &target->topic, .count = 1};
    struct kpk_topic_plan *topic = &target->topic;

    *target = (struct load_target){.lock = -1};
    snprintf(topic->base_name, sizeof(topic->base_name), "%s", profile->topic);
    topic->row = *kpk_topic_find(profile->topic);
    topic->row.name = topic->base_name;
    kpk_full_name(topic->base_name, topic->name);
    if (begin(target, profile, err)) return -1;
    if (kpk_admin_describe(target->admin, &plan, err)) return -1;
    if (!topic->found.exists)
        return kpk_fail(err, KPK_REJECT, "there is no topic %s: make up, or --via plain",
                        topic->name);
    topic->partitions = topic->found.partitions;
    target->replicas = topic->found.replicas;
    if (check_room(target, bytes, err)) return -1;
    return find_ends(target, err);
}

/* Nothing is compacted, and no transaction writes there: an offset is a record. A broker that was just told to
 * lead a partition may not know it yet. Not by kpk_admin_offsets(): that gives up when the process is asked to end,
 * and a run that was ended early is counted too. */
int64_t load_target_count(struct load_target *target, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + WAIT_MS, sum = 0, low, high;

    for (int i = 0; i < target->topic.partitions; i++) {
        rd_kafka_resp_err_t code;
        while ((code = rd_kafka_query_watermark_offsets(target->admin->rk, target->topic.name,
                                                        i, &low, &high, WAIT_MS)) &&
               kpk_mono_ms() < deadline)
            usleep(AGAIN_US);
        if (code)
            return kpk_fail(err, KPK_WAIT, "%s [%d]: %s", target->topic.name, i,
                            rd_kafka_err2str(code));
        sum += high - low;
    }
    return sum;
}

void load_target_close(struct load_target *target, bool keep, const char *const *groups) {
    struct kpk_plan plan = {.topics = &target->topic, .count = 1};
    struct kpk_err err;
    size_t count = 0;

    if (!target->admin) return;
    while (groups[count]) count++;
    if (target->lock >= 0 && /* else they are another load's */
        kpk_remove_groups(target->admin, groups, count, &err))
        fprintf(stderr, "loadgen: %s\n", err.msg);
    free(target->from);
    target->from = NULL;
    if (target->made && !keep && kpk_remove_topics(target->admin, &plan, &err))
        fprintf(stderr, "loadgen: %s\n", err.msg);
    if (target->lock >= 0) close(target->lock);
    kpk_admin_close(target->admin);
    target->admin = NULL;
}
