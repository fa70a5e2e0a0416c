/* deploy/services starts as many members of a group as the topology says it has. */
#include "topology/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINE_BYTES = 256 };

static const struct kpk_group *group_of(const char *program) {
    for (const struct kpk_group *group = kpk_groups; group->name; group++)
        if (strcmp(group->program, program) == 0) return group;
    return NULL;
}

static void test_members(void **state) {
    FILE *table = fopen("deploy/services", "r");
    char line[LINE_BYTES], program[64], consumers[16];
    int procs, groups = 0;

    (void)state;
    assert_non_null(table);
    while (fgets(line, sizeof(line), table)) {
        if (*line == '#' || *line == '\n') continue;
        assert_int_equal(sscanf(line, "%*s %*s %63s %d %15s", program, &procs, consumers), 3);
        const struct kpk_group *group = group_of(program);
        if (!group && strcmp(consumers, "-") == 0) continue;
        if (!group) fail_msg("%s: the topology has no group for it", program);
        if (atoi(consumers) != group->consumers)
            fail_msg("%s: %s members, the topology says %d", program, consumers,
                     group->consumers);
        if (procs < 2) fail_msg("%s: one process; killing it would show nothing", program);
        groups++;
    }
    fclose(table);
    assert_true(groups > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_members)};

    return cmocka_run_group_tests_name("services", tests, NULL, NULL);
}
