#include "common/err.h"

#include "common/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int kpk_fail(struct kpk_err *err, enum kpk_verdict verdict, const char *fmt, ...) {
    char msg[sizeof(err->msg)]; /* an argument may be err->msg itself */
    va_list args;

    va_start(args, fmt);
    vsnprintf(msg, sizeof(msg), fmt, args);
    va_end(args);
    kpk_utf8_line(msg);
    err->verdict = verdict;
    err->retry_after_ms = 0;
    err->uncounted = false;
    memcpy(err->msg, msg, sizeof(msg));
    return -1;
}

const char *kpk_verdict_name(enum kpk_verdict verdict) {
    static const char *const names[] = {"OK", "WAIT", "RETRY", "REJECT", "FATAL"};

    return names[verdict];
}
