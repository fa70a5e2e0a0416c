/* Shared by crowd.c, which asks, and crowd_look.c, which looks what became of it. */
#ifndef KPK_TESTS_SUPPORT_CROWD_INTERNAL_H
#define KPK_TESTS_SUPPORT_CROWD_INTERNAL_H

#include "tests/support/crowd.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    CROWD_TAG_BYTES = KPK_UUID_BYTES,
    CROWD_WORD_BYTES = CROWD_TAG_BYTES + 12,
    CROWD_PROVIDERS = 4,
};

struct crowd {
    struct crowd_opts opts;
    char tag[CROWD_TAG_BYTES]; /* in every text; no other crowd has it */
    struct crowd_person *people;
    struct crowd_notice *notices; /* 'opts.notices' of them */
    int count;                    /* asked for; read by others only after the thread ended */
    struct crowd_fate (*fates)[NOTIFICATION_CHANNELS]; /* one per notice */
    int64_t begin_at[CROWD_PROVIDERS];                 /* what the providers had before */
    struct kpk_history *history;
    struct notification_client *client; /* the thread's */
    pthread_t thread;
    atomic_bool stop, finished;
};

/* Is notice 'n' to be told on 'channel'? */
bool crowd_is_due(const struct crowd *crowd, int n, enum notification_channel channel);

const char *crowd_word(const struct crowd *crowd, int n, char word[CROWD_WORD_BYTES]);

/* How many deliveries each provider knows by now. */
void crowd_count_known(int64_t known[CROWD_PROVIDERS]);

#endif
