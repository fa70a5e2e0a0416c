#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>

int kpk_fail(struct kpk_err *err, enum kpk_verdict verdict, const char *fmt, ...) {
    va_list args;

    err->verdict = verdict;
    va_start(args, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
    return -1;
}

const char *kpk_verdict_name(enum kpk_verdict verdict) {
    static const char *const names[] = {"OK", "WAIT", "RETRY", "REJECT", "FATAL"};

    return names[verdict];
}
