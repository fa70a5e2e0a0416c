/* kpk topics apply: put the table of topology/ on the cluster. What it may do to a topic that
 * exists, and what it never does, is in topology/plan.h. */
#include "tools/kpk/kpk.h"

#include "topology/admin.h"

#include <stdio.h>
#include <string.h>

enum { SYSTEMS = 16 };

static struct {
    const char *systems[SYSTEMS + 1];
    int grow, dry_run, wait_s, brokers;
} args;

/* clang-format off */
static const struct kpk_opt opts[] = {
    {"system", NULL, KPK_OPT_LIST, args.systems, NULL, 0, SYSTEMS, "only this system's topics, and those its groups read; may be repeated"},
    {"grow", NULL, KPK_OPT_FLAG, &args.grow, NULL, 0, 0, "grow keyed topics too: keys move to other partitions, and their order breaks across the move"},
    {"dry-run", NULL, KPK_OPT_FLAG, &args.dry_run, NULL, 0, 0, "print what would be done; change nothing"},
    {"wait", NULL, KPK_OPT_INT, &args.wait_s, "30", 1, 3600, "seconds for the cluster to answer, and again for new topics to get leaders"},
    {"brokers", NULL, KPK_OPT_INT, &args.brokers, "1", 1, 1000, "how many brokers to wait for: a topic made while one still starts has too few replicas"},
    {0},
};
/* clang-format on */

static const struct kpk_program program = {
    .name = "kpk topics apply",
    .summary = "Creates the topics that are missing, with their settings; alters what differs.",
    .opts = opts,
};

/* Fewer replicas than the table asks for is said once, not per topic. */
static void warn_of_few_brokers(const struct kpk_plan *plan, int brokers) {
    for (size_t i = 0; i < plan->count; i++) {
        int asked = kpk_durability_replicas(plan->topics[i].row.durability);
        if (asked <= brokers) continue;
        fprintf(stderr, "warning: %d broker%s: topics that ask for RF %d get RF %d\n", brokers,
                brokers == 1 ? "" : "s", asked, brokers);
        return;
    }
}

static void print(const struct kpk_plan *plan) {
    int width = 0;

    for (size_t i = 0; i < plan->count; i++) {
        int len = (int)strlen(plan->topics[i].name);
        if (len > width) width = len;
    }
    for (size_t i = 0; i < plan->count; i++) {
        const struct kpk_topic_plan *topic = &plan->topics[i];
        printf("%-9s  %-*s  %s\n", kpk_topic_outcome_name(topic->outcome), width, topic->name,
               topic->detail);
    }
    fflush(stdout);
}

static int apply(struct kpk_admin *admin, struct kpk_plan *plan, struct kpk_err *err) {
    int rc;

    if (kpk_admin_describe(admin, plan, err)) return -1;
    kpk_admin_decide(admin, plan, args.grow);
    warn_of_few_brokers(plan, admin->brokers);
    if (args.dry_run) {
        print(plan);
        printf("dry run: nothing was changed\n");
        return kpk_plan_verdict(plan, err);
    }
    rc = kpk_admin_apply(admin, plan, err);
    print(plan);
    return rc ? rc : kpk_admin_settle(admin, plan, err);
}

int kpk_topics_apply(int argc, char **argv, struct kpk_err *err) {
    struct kpk_admin *admin = NULL;
    struct kpk_plan plan = {0};
    int code = kpk_opts_parse(&program, &argc, argv, err);

    if (code) return code < 0 ? KPK_EXIT_USAGE : KPK_EXIT_OK;
    if (kpk_plan_open(&plan, args.systems[0] ? args.systems : kpk_systems_that_run, err))
        return KPK_EXIT_USAGE;
    if (kpk_scale_small()) printf("KPK_SCALE=small: a tenth of the guide's partitions\n");
    code = KPK_EXIT_FAILED;
    if (kpk_admin_open(
            &admin,
            &(struct kpk_admin_opts){.wait_ms = args.wait_s * 1000, .brokers = args.brokers},
            err))
        goto out;
    if (apply(admin, &plan, err)) goto out;
    code = KPK_EXIT_OK;
out:
    kpk_admin_close(admin);
    kpk_plan_close(&plan);
    return code;
}
