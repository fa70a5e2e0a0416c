#include "common/members.h"

#include "common/log.h"
#include "common/stop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct thread {
    pthread_t id;
    int index;
    kpk_member member;
    void *arg;
    int failed;
    struct kpk_err err;
};

static void *run(void *arg) {
    struct thread *thread = arg;
    struct kpk_quoted quoted;

    thread->failed = thread->member(thread->index, thread->arg, &thread->err);
    if (thread->failed) {
        kpk_error("member", "index=%d verdict=%s reason=%s", thread->index,
                  kpk_verdict_name(thread->err.verdict), kpk_quote(&quoted, thread->err.msg));
        kpk_stop();
    }
    return NULL;
}

int kpk_members_run(int count, kpk_member member, void *arg, struct kpk_err *err) {
    struct thread *threads = calloc((size_t)count, sizeof(*threads));
    int started, failed = 0;

    if (!threads) return kpk_fail(err, KPK_FATAL, "members: no memory for %d threads", count);
    for (started = 0; started < count; started++) {
        struct thread *thread = &threads[started];
        int code;
        *thread = (struct thread){.index = started, .member = member, .arg = arg};
        code = pthread_create(&thread->id, NULL, run, thread);
        if (!code) continue;
        failed = kpk_fail(err, KPK_FATAL, "members: thread %d: %s", started, strerror(code));
        kpk_stop();
        break;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i].id, NULL);
        if (!threads[i].failed || failed) continue;
        *err = threads[i].err;
        failed = -1;
    }
    free(threads);
    return failed;
}
