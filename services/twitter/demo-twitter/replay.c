/* An empty warehouse is filled from the first offset of the topic, by the stack's own workers, and
 * the facts are compared with those from before. Nothing is emptied for it: the topic has 7 days, the
 * warehouse may have years.
 *
 *   stop the workers, group to the beginning (1), schema set aside (2), start     an empty one fills
 *   compare
 *   stop the workers, group to the beginning (3), schema put back (4), start      the full one again
 *
 * Killed between any two steps, nothing is lost: whatever the group has read by then, it is read
 * again after (1) and (3), and a fact that is there already changes nothing. Before (2) and after (4)
 * the warehouse is as ever; in between it stays set aside, all of it, and the next run puts it back
 * (demo_mend()). (3) comes before (4): what others posted meanwhile is only in what (4) drops. */
#include "common/clock.h"
#include "common/command.h"
#include "common/fault.h"
#include "common/stop.h"
#include "services/twitter/demo-twitter/demo.h"
#include "services/twitter/demo-twitter/facts.h"
#include "services/twitter/demo-twitter/stack_tool.h"
#include "services/twitter/warehouse.h"
#include "topology/backlog.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STUCK_MS = 60000, LEAVE_MS = 20000, AGAIN_MS = 200, RECORDS_MOST = 100000 };

static const char *const workers[] = {"analytics-worker-1", "analytics-worker-2", NULL};

/* --- the exchange ------------------------------------------------------------------------ */

/* Refused while a member is left: one that was killed is, until its session times out. */
static int rewind_group(struct kpk_err *err) {
    char kpk[KPK_COMMAND_PATH_BYTES], command[KPK_COMMAND_PATH_BYTES + 100], line[200];
    int64_t deadline = kpk_mono_ms() + LEAVE_MS;

    snprintf(command, sizeof(command), "KPK_FAULT= '%s' group reset %s --to beginning 2>&1",
             kpk_command_path("kpk", kpk), KPK_GROUP_ANALYTICS);
    while (stack_tool_run(command, line, sizeof(line)) != 0) {
        if (kpk_mono_ms() >= deadline)
            return kpk_fail(err, KPK_FATAL, "kpk group reset %s --to beginning: %.150s",
                            KPK_GROUP_ANALYTICS, line);
        kpk_stop_wait(AGAIN_MS);
    }
    return 0;
}

/* 'step' between a stop and a start of the workers, which begin again. They are started whatever
 * happens. */
static int exchange(struct demo *demo, struct kpk_pg *pg,
                    int (*step)(struct kpk_pg *pg, struct kpk_err *err), struct kpk_err *err) {
    struct kpk_err why;
    int failed = -1;

    if (stack_tool_stop(demo->stack_tool, workers, err)) goto out;
    if (rewind_group(err)) goto out;
    failed = step(pg, err);
out:
    if (!stack_tool_start(demo->stack_tool, workers, &why)) return failed;
    if (!failed) *err = why;
    return -1;
}

/* Whether it is set aside the database knows: a commit whose answer was lost may have been made. */
static int put_back(struct demo *demo, struct kpk_pg *pg, struct kpk_err *err) {
    int aside = facts_aside(pg, err);

    if (aside <= 0) return aside;
    return exchange(demo, pg, facts_put_back, err);
}

int demo_mend(struct demo *demo, struct kpk_err *err) {
    static const char *const stopped[] = {"search-indexer-1", "search-indexer-2",
                                          "analytics-worker-1", "analytics-worker-2", NULL};
    struct kpk_pg *pg = NULL;
    int failed = -1, aside;

    if (stack_tool_start(demo->stack_tool, stopped, err)) goto out;
    if (warehouse_open(&pg, err)) goto out;
    aside = facts_aside(pg, err);
    if (aside < 0) goto out;
    if (aside > 0)
        printf("  An earlier run was killed while it had set the warehouse aside: it is put "
               "back first.\n\n");
    failed = aside ? put_back(demo, pg, err) : 0;
out:
    kpk_pg_close(pg);
    return failed;
}

/* --- whether ----------------------------------------------------------------------------- */

static bool has_word(const char *words, const char *word) {
    size_t len = strlen(word);

    for (const char *at = words; len > 0 && (at = strstr(at, word)); at += len)
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0')) return true;
    return false;
}

/* KPK_STACK_ENV, as `stack env` prints it, lists the addresses of the servers that are the stack's. */
static bool is_bundled(void) {
    const char *words = getenv("KPK_STACK_ENV"), *kafka = getenv("KPK_BOOTSTRAP_SERVERS");
    const char *host = getenv("PGHOST"), *port = getenv("PGPORT");
    char postgresql[300];

    snprintf(postgresql, sizeof(postgresql), "%s:%s", host ? host : "", port ? port : "");
    return words && kafka && has_word(words, kafka) && has_word(words, postgresql);
}

/* All that the topic has now. */
static int open_backlog(struct demo *demo, struct kpk_backlog **all, int64_t most,
                        struct kpk_err *err) {
    const struct kpk_backlog_opts opts = {
        .group = KPK_GROUP_ANALYTICS, .topic = KPK_TOPIC_TWEETS, .all = true, .most = most};

    return kpk_backlog_open(all, demo->admin, &opts, err);
}

/* Everything that the topic has, unless that is more than a demo should read by itself.
 * returns  1 yes, 0 it is left out, -1 with 'err' */
static int open_all(struct demo *demo, struct kpk_backlog **all, struct kpk_err *err) {
    if (!demo->replay && !is_bundled()) {
        printf("  The replay is left out: Kafka or PostgreSQL is your own. It would set schema "
               "%s\n"
               "  aside, and put it back; --replay does it.\n\n",
               warehouse_schema());
        return 0;
    }
    if (!open_backlog(demo, all, demo->replay ? INT64_MAX : RECORDS_MOST, err)) return 1;
    if (err->verdict != KPK_REJECT) return -1;
    printf("  The replay is left out: %s. --replay does it all the same.\n\n", err->msg);
    return 0;
}

/* --- told -------------------------------------------------------------------------------- */

/* What was posted before may still be on its way. */
static int await_facts(struct demo *demo, struct kpk_pg *pg, struct fingerprint *print,
                       struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + STUCK_MS;

    for (;;) {
        if (facts_fingerprint(pg, demo->world, print, err)) return -1;
        if (print->facts >= demo->world->tagged) return 0;
        if (kpk_stopping() || kpk_mono_ms() >= deadline)
            return kpk_fail(err, KPK_WAIT, "the warehouse has %" PRId64 " of %d tweets",
                            print->facts, demo->world->tagged);
        kpk_stop_wait(AGAIN_MS);
    }
}

static void tell(const char *when, const struct fingerprint *print) {
    printf("  %-44s  %5" PRId64 "  %16s\n", when, print->facts, print->hash);
}

/* The workers began again at 'begin_ms': when they have done all that the topic has now, is it as
 * before? */
static int await_same(struct demo *demo, struct kpk_pg *pg, const char *when, int64_t begin_ms,
                      const struct fingerprint *before, struct kpk_err *err) {
    struct kpk_backlog *all = NULL;
    struct fingerprint now;
    char text[64];
    int failed = -1;

    if (open_backlog(demo, &all, INT64_MAX, err)) goto out;
    if (kpk_backlog_await_none(all, STUCK_MS, err)) goto out;
    if (facts_fingerprint(pg, demo->world, &now, err)) goto out;
    snprintf(text, sizeof(text), "%s, %.1f s", when, (double)(kpk_mono_ms() - begin_ms) / 1000);
    tell(text, &now);
    failed = now.facts == before->facts && strcmp(now.hash, before->hash) == 0
                 ? 0
                 : kpk_fail(err, KPK_FATAL, "%s: the facts are not those from before", when);
out:
    kpk_backlog_close(all);
    return failed;
}

static int tell_all(struct kpk_pg *pg, struct kpk_err *err) {
    struct facts_difference all;

    if (facts_compare(pg, &all, err)) return -1;
    printf("\n  Of all %" PRId64 " facts that were there, %" PRId64
           " came out the same, %" PRId64 " differ; %" PRId64
           " the topic (7 days) no longer has.\n",
           all.before, all.same, all.differ, all.gone);
    return 0;
}

static int fill_empty(struct demo *demo, struct kpk_pg *pg, const struct fingerprint *before,
                      struct kpk_err *err) {
    int64_t begin_ms = kpk_mono_ms();

    if (exchange(demo, pg, facts_set_aside, err)) return -1;
    if (kpk_fault("demo:after-set-aside", err)) return -1;
    if (await_same(demo, pg, "an empty one, filled from offset 0", begin_ms, before, err))
        return -1;
    return tell_all(pg, err);
}

/* Also after a failure, which then stays the error. */
static int fill_full(struct demo *demo, struct kpk_pg *pg, const struct fingerprint *before,
                     int failed, struct kpk_err *err) {
    int64_t begin_ms = kpk_mono_ms();
    struct kpk_err why;

    if (put_back(demo, pg, &why)) {
        printf("  The facts from before are in schema %s: the next run puts them back.\n",
               facts_aside_name());
        if (!failed) *err = why;
        return -1;
    }
    if (failed) return -1;
    printf("  The old one is put back; its group reads all of it again, which changes "
           "nothing:\n\n");
    return await_same(demo, pg, "the full one, read again", begin_ms, before, err);
}

int demo_replay(struct demo *demo, struct kpk_err *err) {
    struct kpk_backlog *all = NULL;
    struct kpk_pg *pg = NULL;
    struct fingerprint before;
    int failed = open_all(demo, &all, err);

    if (failed <= 0) return failed;
    failed = -1;
    if (warehouse_open(&pg, err)) goto out;
    if (await_facts(demo, pg, &before, err)) goto out;
    printf("  The warehouse is set aside (schema %s); its group begins again at the\n"
           "  first of %" PRId64 " tweets: kpk group reset %s --to beginning\n\n"
           "  %-44s  %5s  %16s\n",
           facts_aside_name(), kpk_backlog_known(all), KPK_GROUP_ANALYTICS,
           "of this demo; s since the workers' stop", "facts", "their hash");
    tell("before", &before);
    failed = fill_empty(demo, pg, &before, err);
    failed = fill_full(demo, pg, &before, failed, err);
    printf("\n");
out:
    kpk_backlog_close(all);
    kpk_pg_close(pg);
    return failed;
}
