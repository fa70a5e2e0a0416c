#include "common/conclude.h"

#include <stdarg.h>
#include <stdio.h>

int kpk_conclude(enum kpk_conclusion code, const char *fmt, ...) {
    va_list args;

    printf("verdict: %s ", code == KPK_PASS ? "PASS" : code == KPK_FAIL ? "FAIL" : "ANOMALY");
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    return code;
}

int kpk_conclude_broken(const struct kpk_err *err) {
    return kpk_conclude(KPK_FAIL, "the run could not be carried through: %s", err->msg);
}
