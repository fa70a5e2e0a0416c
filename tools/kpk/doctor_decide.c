/* From what was found to what is said about it. Each finding names the thing, its state, and
 * what to do; things that are well share one line. */
#include "tools/kpk/doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED = 6, OLD_S = 10 };

/* --- findings ---------------------------------------------------------------------------- */

const char *kpk_level_name(enum kpk_level level) {
    static const char *const names[KPK_LEVELS] = {"ok", "warn", "bad"};

    return names[level];
}

void kpk_find(struct kpk_findings *findings, enum kpk_level level, const char *about,
              const char *fmt, ...) {
    struct kpk_finding *finding;
    va_list args;

    findings->levels[level]++;
    if (findings->count == KPK_FINDINGS) return;
    finding = &findings->all[findings->count++];
    *finding = (struct kpk_finding){.level = level, .about = about};
    va_start(args, fmt);
    vsnprintf(finding->text, sizeof(finding->text), fmt, args);
    va_end(args);
}

size_t kpk_findings_total(const struct kpk_findings *findings) {
    size_t total = 0;

    for (int level = 0; level < KPK_LEVELS; level++) total += findings->levels[level];
    return total;
}

void kpk_fix(struct kpk_findings *findings, const char *fmt, ...) {
    struct kpk_finding *last = &findings->all[findings->count - 1];
    va_list args;

    if (kpk_findings_total(findings) > findings->count) return; /* it is not held */
    va_start(args, fmt);
    vsnprintf(last->fix, sizeof(last->fix), fmt, args);
    va_end(args);
}

bool kpk_is_bundled(const char *address, const char *stack_env) {
    size_t len = address ? strlen(address) : 0;

    if (len == 0) return true;
    for (const char *at = stack_env; at && *at;) {
        size_t word = strcspn(at, " ");
        if (word == len && memcmp(at, address, len) == 0) return true;
        at += word + strspn(at + word, " ");
    }
    return false;
}

bool kpk_is_without(const char *const *without, const char *part) {
    for (; *without; without++)
        if (strcmp(*without, part) == 0) return true;
    return false;
}

/* A few names of many: "tweets:0 tweets:3 and 48 more". */
struct list {
    char text[240];
    size_t count;
};

static void list_add(struct list *list, const char *fmt, ...) KPK_PRINTF(2, 3);
static void list_add(struct list *list, const char *fmt, ...) {
    size_t len = strlen(list->text);
    va_list args;

    if (list->count++ >= NAMED) return;
    if (len && len + 1 < sizeof(list->text)) list->text[len++] = ' ';
    va_start(args, fmt);
    vsnprintf(list->text + len, sizeof(list->text) - len, fmt, args);
    va_end(args);
}

static const char *list_end(struct list *list) {
    size_t len = strlen(list->text);

    if (list->count > NAMED)
        snprintf(list->text + len, sizeof(list->text) - len, " and %zu more",
                 list->count - NAMED);
    return list->text;
}

/* --- brokers ----------------------------------------------------------------------------- */

void kpk_decide_unreachable(struct kpk_findings *findings, const struct kpk_found_kafka *found,
                            const struct kpk_err *why) {
    kpk_find(findings, KPK_LEVEL_BAD, "brokers", "%s", why->msg);
    if (found->bundled)
        kpk_fix(findings, "make up");
    else
        kpk_fix(findings, "KPK_BOOTSTRAP_SERVERS says where they are looked for, "
                          "KPK_KAFKA_SECURITY_PROTOCOL and its like say how");
}

static void decide_broker(struct kpk_findings *findings, const struct kpk_found_kafka *found,
                          const struct kpk_found_broker *broker, const char *how_many) {
    const char *dash = found->bundled ? "-" : " "; /* broker-3 is what the stack calls it */

    if (*broker->address) {
        kpk_find(findings, KPK_LEVEL_BAD, "brokers", "broker%s%d at %s does not answer: %s",
                 dash, broker->id, broker->address, how_many);
        if (found->bundled)
            kpk_fix(findings, "make restart S=broker-%d", broker->id);
        else
            kpk_fix(findings,
                    "this machine must reach it there: it is what that broker gives as its "
                    "address (advertised.listeners)");
        return;
    }
    kpk_find(findings, KPK_LEVEL_BAD, "brokers", "broker%s%d is not there: %s", dash,
             broker->id, how_many);
    if (found->bundled)
        kpk_fix(findings, "make up starts it; make logs S=broker-%d tells why it ended",
                broker->id);
    else
        kpk_fix(findings, "start broker %d of your cluster: replicas lie on it", broker->id);
}

void kpk_decide_brokers(struct kpk_findings *findings, const struct kpk_found_kafka *found) {
    size_t answer = 0;
    char how_many[48];

    for (size_t i = 0; i < found->broker_count; i++) answer += found->brokers[i].answers;
    snprintf(how_many, sizeof(how_many), "%zu of %zu answer%s", answer, found->broker_count,
             answer == 1 ? "s" : "");
    if (answer == found->broker_count)
        kpk_find(findings, KPK_LEVEL_OK, "brokers", "%s", how_many);
    for (size_t i = 0; i < found->broker_count; i++)
        if (!found->brokers[i].answers)
            decide_broker(findings, found, &found->brokers[i], how_many);
}

bool kpk_broker_hangs(const struct kpk_found_kafka *found) {
    for (size_t i = 0; i < found->broker_count; i++)
        if (*found->brokers[i].address && !found->brokers[i].answers) return true;
    return false;
}

void kpk_decide_controller(struct kpk_findings *findings, const struct kpk_found_kafka *found) {
    if (!*found->controller) {
        kpk_find(findings, KPK_LEVEL_OK, "controllers", "the quorum answers");
        return;
    }
    kpk_find(findings, KPK_LEVEL_BAD, "controllers",
             "no quorum answers (%s): no leader is elected, no topic made", found->controller);
    if (found->bundled)
        kpk_fix(findings,
                "make up: most of the brokers must run, as they are the controllers too");
    else
        kpk_fix(findings, "look at the controllers of your cluster: most of them must run");
}

/* --- topics ------------------------------------------------------------------------------ */

static const char apply[] = "build/bin/kpk topics apply";

static void decide_missing(struct kpk_findings *findings, const struct kpk_plan *topics) {
    struct list names = {0};
    size_t missing;

    for (size_t i = 0; i < topics->count; i++)
        if (topics->topics[i].outcome == KPK_TOPIC_CREATED)
            list_add(&names, "%s", topics->topics[i].name);
    missing = names.count;
    if (missing == 0) return;
    kpk_find(findings, KPK_LEVEL_BAD, "topics", "%zu of %zu missing: %s", missing,
             topics->count, list_end(&names));
    kpk_fix(findings, "%s", apply);
}

/* One that is there. */
static void decide_topic(struct kpk_findings *findings, const struct kpk_topic_plan *topic) {
    switch (topic->outcome) {
    case KPK_TOPIC_CREATED:
        return;
    case KPK_TOPIC_REFUSED:
    case KPK_TOPIC_FAILED:
        kpk_find(findings, KPK_LEVEL_BAD, "topics",
                 "%s has %d partitions, and the table says %d%s", topic->name,
                 topic->found.partitions, topic->partitions,
                 kpk_scale_small() ? "" : " (SCALE=small is satisfied with less)");
        kpk_fix(findings, "%s --grow adds them; keys move then, and their order breaks", apply);
        return;
    case KPK_TOPIC_ALTERED:
        kpk_find(findings, KPK_LEVEL_WARN, "topics", "%s differs from the table: %s",
                 topic->name, topic->detail);
        kpk_fix(findings, "%s", apply);
        return;
    case KPK_TOPIC_UNCHANGED:
        break;
    }
    if (topic->found.replicas >= topic->replicas) return;
    kpk_find(findings, KPK_LEVEL_WARN, "topics",
             "%s has %d replica%s of each record, and the table says %d", topic->name,
             topic->found.replicas, topic->found.replicas == 1 ? "" : "s", topic->replicas);
    kpk_fix(findings, "Kafka's own kafka-reassign-partitions.sh adds replicas to a topic");
}

void kpk_decide_topics(struct kpk_findings *findings, const struct kpk_found_kafka *found) {
    size_t before = kpk_findings_total(findings);

    decide_missing(findings, &found->topics);
    for (size_t i = 0; i < found->topics.count; i++)
        decide_topic(findings, &found->topics.topics[i]);
    if (kpk_findings_total(findings) == before)
        kpk_find(findings, KPK_LEVEL_OK, "topics", "%zu, as the table says",
                 found->topics.count);
}

/* --- partitions -------------------------------------------------------------------------- */

enum partition_state { WELL, UNDER_REPLICATED, BELOW_MIN_ISR, LEADERLESS };

static enum partition_state partition_state(const struct kpk_found_partition *at) {
    if (at->leader < 0) return LEADERLESS;
    if (at->isr < at->min_isr) return BELOW_MIN_ISR;
    return at->isr < at->replicas ? UNDER_REPLICATED : WELL;
}

/* The partitions from 'first' on that are of one topic. returns  the first of the next one
 * in_state  out: how many of them are in 'state'; each, or all at once, is in 'names' then */
static size_t list_topic(const struct kpk_found_kafka *found, size_t first,
                         enum partition_state state, struct list *names, size_t *in_state) {
    const struct kpk_found_partition *all = found->partitions;
    size_t end = first;

    *in_state = 0;
    for (; end < found->partition_count && strcmp(all[end].topic, all[first].topic) == 0; end++)
        *in_state += partition_state(&all[end]) == state;
    if (*in_state == end - first && *in_state > 1) {
        list_add(names, "%s (all %zu)", all[first].topic, *in_state);
        return end;
    }
    for (size_t i = first; i < end; i++)
        if (partition_state(&all[i]) == state)
            list_add(names, "%s:%d", all[i].topic, all[i].partition);
    return end;
}

static void decide_partitions_in(struct kpk_findings *findings,
                                 const struct kpk_found_kafka *found,
                                 enum partition_state state) {
    static const char *const means[] = {
        [UNDER_REPLICATED] = "lack a replica in sync: one loss nearer to standing still",
        [BELOW_MIN_ISR] = "have too few replicas in sync (min.insync.replicas): writes fail",
        [LEADERLESS] = "have no leader: nobody can write or read",
    };
    struct list names = {0};
    size_t count = 0, of_topic;

    for (size_t at = 0; at < found->partition_count; count += of_topic)
        at = list_topic(found, at, state, &names, &of_topic);
    if (count == 0) return;
    kpk_find(findings, state == UNDER_REPLICATED ? KPK_LEVEL_WARN : KPK_LEVEL_BAD, "partitions",
             "%zu of %zu %s: %s", count, found->partition_count, means[state],
             list_end(&names));
    if (found->bundled)
        kpk_fix(findings, "make up: their brokers must run, and catch up; that takes seconds");
    else
        kpk_fix(findings,
                "the brokers of these replicas must run; the rest they do themselves");
}

void kpk_decide_partitions(struct kpk_findings *findings, const struct kpk_found_kafka *found) {
    size_t well = 0;

    for (size_t i = 0; i < found->partition_count; i++)
        well += partition_state(&found->partitions[i]) == WELL;
    if (well == found->partition_count)
        kpk_find(findings, KPK_LEVEL_OK, "partitions", "%zu%s", well,
                 well ? ", each with a leader and all its replicas in sync" : "");
    decide_partitions_in(findings, found, LEADERLESS);
    decide_partitions_in(findings, found, BELOW_MIN_ISR);
    decide_partitions_in(findings, found, UNDER_REPLICATED);
}

/* --- groups ------------------------------------------------------------------------------ */

/* What lies in retry tiers waits because it was told to: that alone says nothing.
 * returns  whether nothing had to be said of it */
static bool group_is_well(struct kpk_findings *findings, const struct kpk_found_group *group) {
    const struct kpk_lag_sum *sum = &group->sum;
    size_t wanted = (size_t)kpk_scaled_consumers(group->row);
    const char *name = group->row->name;

    if (group->members == 0) {
        if (group->exists)
            kpk_find(findings, KPK_LEVEL_BAD, "groups",
                     "%s has no members; records waiting: %" PRId64, name, sum->lag);
        else
            kpk_find(findings, KPK_LEVEL_BAD, "groups", "%s has no members, and never had",
                     name);
        kpk_fix(findings, "make up starts %s", group->row->program);
    } else if (group->members < wanted) {
        kpk_find(findings, KPK_LEVEL_WARN, "groups", "%s has %zu of %zu members", name,
                 group->members, wanted);
        kpk_fix(findings, "make up starts what is missing of %s", group->row->program);
    } else if (sum->lag > sum->retrying && sum->out_s <= 0) {
        kpk_find(findings, KPK_LEVEL_WARN, "groups",
                 "%s stands still: none done for a second; records waiting: %" PRId64, name,
                 sum->lag);
        kpk_fix(findings, "make status tells what %s waits for", group->row->program);
    } else if (sum->lag > sum->retrying && sum->in_s > sum->out_s) {
        kpk_find(
            findings, KPK_LEVEL_WARN, "groups",
            "%s falls behind: %.0f a second come, %.0f are done; records waiting: %" PRId64,
            name, sum->in_s, sum->out_s, sum->lag);
        kpk_fix(findings,
                "build/bin/kpk lag --watch shows whether it lasts; more members of %s do more",
                group->row->program);
    } else {
        return true;
    }
    return false;
}

void kpk_decide_groups(struct kpk_findings *findings, const struct kpk_found_kafka *found) {
    size_t well = 0, members = 0;
    int64_t waiting = 0;

    if (kpk_broker_hangs(found)) {
        kpk_find(
            findings, KPK_LEVEL_WARN, "groups",
            "not looked at: the broker that does not answer may be the one that knows them");
        kpk_fix(findings, "first what is bad above");
        return;
    }
    for (size_t i = 0; i < found->group_count; i++) {
        if (!group_is_well(findings, &found->groups[i])) continue;
        well++;
        members += found->groups[i].members;
        waiting += found->groups[i].sum.lag;
    }
    if (well == 0 && found->group_count) return;
    kpk_find(findings, KPK_LEVEL_OK, "groups",
             "%zu of %zu keep up, with all their %zu members; records waiting: %" PRId64, well,
             found->group_count, members, waiting);
}

void kpk_decide_letters(struct kpk_findings *findings, const struct kpk_found_kafka *found) {
    bool well = true;

    for (size_t i = 0; i < found->letter_count; i++) {
        const struct kpk_found_letters *letters = &found->letters[i];
        const char *name = letters->row->name;
        well = well && letters->count == 0 && letters->unread == 0;
        if (letters->count) {
            kpk_find(findings, KPK_LEVEL_WARN, "dead letters", "of %s: %" PRId64 "%s", name,
                     letters->count,
                     found->ledger_unread ? ", those that were dealt with included" : "");
            kpk_fix(findings, "build/bin/kpk dlq list --group %s tells why", name);
        }
        if (letters->unread) {
            kpk_find(findings, KPK_LEVEL_WARN, "dead letters",
                     "of %s: not counted in %d partitions, which do not answer", name,
                     letters->unread);
            kpk_fix(findings, "first what is bad above");
        }
    }
    if (well) kpk_find(findings, KPK_LEVEL_OK, "dead letters", "none");
}

/* --- PostgreSQL -------------------------------------------------------------------------- */

static void decide_outbox(struct kpk_findings *findings,
                          const struct kpk_found_outbox *outbox) {
    const char *system = outbox->system;
    char schema[KPK_NAME_BYTES];

    if (!outbox->exists) {
        kpk_find(findings, KPK_LEVEL_OK, "outbox", "%s has none", system);
        return;
    }
    if (!outbox->relay) {
        kpk_find(findings, KPK_LEVEL_BAD, "outbox",
                 "%s: no relay is active; events waiting: %" PRId64, system, outbox->waiting);
        kpk_fix(findings, "make up starts outbox-relay; make status tells what it waits for");
    } else if (outbox->waiting && outbox->oldest_s >= OLD_S) {
        kpk_find(findings, KPK_LEVEL_WARN, "outbox",
                 "%s: the oldest event waits for %" PRId64 " s now; events waiting: %" PRId64,
                 system, outbox->oldest_s, outbox->waiting);
        kpk_fix(findings, "make status tells what outbox-relay waits for");
    } else {
        kpk_find(findings, KPK_LEVEL_OK, "outbox",
                 "%s: a relay is active; events waiting: %" PRId64, system, outbox->waiting);
    }
    if (outbox->parked == 0) return;
    kpk_find(findings, KPK_LEVEL_WARN, "outbox",
             "%s: events parked, which can never be published: %" PRId64, system,
             outbox->parked);
    kpk_fix(findings,
            "psql -c 'SELECT id, parked FROM %s.outbox WHERE parked IS NOT NULL' tells why",
            kpk_schema_name(system, schema));
}

void kpk_decide_postgres(struct kpk_findings *findings,
                         const struct kpk_found_postgres *found) {
    if (*found->reason) {
        kpk_find(findings, KPK_LEVEL_BAD, "postgres", "cannot be asked: %s", found->reason);
        if (found->bundled)
            kpk_fix(findings, "make restart S=postgres");
        else
            kpk_fix(findings, "it is looked for where PGHOST, PGPORT, PGUSER, PGDATABASE say");
        return;
    }
    kpk_find(findings, KPK_LEVEL_OK, "postgres", "answers");
    for (size_t i = 0; i < found->outbox_count; i++)
        decide_outbox(findings, &found->outboxes[i]);
}

/* --- Redis ------------------------------------------------------------------------------- */

void kpk_decide_redis(struct kpk_findings *findings, const struct kpk_found_redis *found) {
    bool told = *found->appendonly && *found->appendfsync;
    bool durable =
        strcmp(found->appendonly, "yes") == 0 && strcmp(found->appendfsync, "always") == 0;
    bool evicts =
        *found->maxmemory_policy && strcmp(found->maxmemory_policy, "noeviction") != 0;

    if (*found->reason) {
        kpk_find(findings, KPK_LEVEL_BAD, "redis", "cannot be asked: %s", found->reason);
        if (found->bundled)
            kpk_fix(findings, "make restart S=redis");
        else
            kpk_fix(findings, "it is looked for where KPK_REDIS_URL says");
        return;
    }
    if (told && !durable) {
        kpk_find(findings, KPK_LEVEL_WARN, "redis",
                 "may lose what it answered for (appendonly %s, appendfsync %s), and consumers "
                 "commit their offsets over that",
                 found->appendonly, found->appendfsync);
        kpk_fix(findings,
                "redis-cli: CONFIG SET appendonly yes, CONFIG SET appendfsync always; "
                "then CONFIG REWRITE");
    }
    if (evicts) {
        kpk_find(findings, KPK_LEVEL_WARN, "redis",
                 "throws keys away when its memory is full (maxmemory-policy %s)",
                 found->maxmemory_policy);
        kpk_fix(findings,
                "redis-cli: CONFIG SET maxmemory-policy noeviction, then CONFIG REWRITE");
    }
    if (evicts || (told && !durable)) return;
    kpk_find(findings, KPK_LEVEL_OK, "redis", "answers%s",
             told ? ", and has each write on disk first" : "");
}
