#include "tests/support/topology.h"

#include "tests/support/test.h"

#include <stdlib.h>

static void set(const char *variable, const char *value) {
    if (value)
        setenv(variable, value, 1);
    else
        unsetenv(variable);
}

int topology_try(const char *name, const char *scale, struct kpk_err *err) {
    *err = (struct kpk_err){0};
    set("KPK_NAMESPACE", name);
    set("KPK_SCALE", scale);
    return kpk_topology_init(err);
}

void topology_use(const char *name, const char *scale) {
    struct kpk_err error, *err = &error;

    assert_ok(topology_try(name, scale, err), err);
}
