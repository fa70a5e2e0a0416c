/* One error shape for the whole kit: a function returns 0, or -1 with 'err' filled.
 *
 * The verdict says what a consumer loop must do about it; nothing else may decide that:
 *   WAIT    a dependency is down. Keep the batch, commit nothing, try again later.
 *   RETRY   this record failed and may succeed later. It goes to a retry topic.
 *   REJECT  this record will never succeed. It goes to the dead letter queue.
 *   FATAL   the process cannot go on. Exit non-zero, commit nothing.
 * "Log and continue" is not among them: committing offset N commits everything before N. */
#ifndef KPK_COMMON_ERR_H
#define KPK_COMMON_ERR_H

#include <stdbool.h>

#define KPK_MUST_CHECK __attribute__((warn_unused_result))
#define KPK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum kpk_verdict { KPK_OK = 0, KPK_WAIT, KPK_RETRY, KPK_REJECT, KPK_FATAL };

struct kpk_err {
    enum kpk_verdict verdict;
    bool uncounted; /* RETRY: perhaps not the record's fault, so no try of it */
    char msg[256];  /* one line: what, which input, why; no newline at its end */
    int retry_after_ms; /* RETRY: not before this has passed, as whoever refused it asked; 0: no word */
};

/* Fill 'err' and return -1, so that a caller can write 'return kpk_fail(err, ...)'.
 * A message that is too long is cut, and made one line of UTF-8 (kpk_utf8_line()): it may quote
 * what a stranger sent, and goes into logs, answers and headers. */
int kpk_fail(struct kpk_err *err, enum kpk_verdict verdict, const char *fmt, ...)
    KPK_PRINTF(3, 4);

/* "WAIT", "RETRY", ... */
const char *kpk_verdict_name(enum kpk_verdict verdict);

#endif
