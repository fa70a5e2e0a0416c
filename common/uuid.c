#include "common/uuid.h"

#include "common/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* RFC 9562, section 6.2, method 1: the 12 bits after the version are a counter within the
 * millisecond. When it is used up, or the clock stepped back, the millisecond is borrowed ahead. */
enum { COUNTER_MAX = 0xfff };

static struct {
    pthread_mutex_t lock;
    int64_t ms;
    unsigned counter;
} last = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void next(int64_t *ms, unsigned *counter) {
    int64_t now = kpk_now_ms();

    pthread_mutex_lock(&last.lock);
    if (now > last.ms) {
        last.ms = now;
        last.counter = 0;
    } else if (last.counter++ == COUNTER_MAX) {
        last.ms++;
        last.counter = 0;
    }
    *ms = last.ms;
    *counter = last.counter;
    pthread_mutex_unlock(&last.lock);
}

void kpk_uuid7(char out[KPK_UUID_BYTES]) {
    unsigned char random[8];
    unsigned counter;
    int64_t ms;

    next(&ms, &counter);
    while (getrandom(random, sizeof(random), 0) != sizeof(random)) continue;
    random[0] = (unsigned char)((random[0] & 0x3f) | 0x80); /* the variant */
    snprintf(out, KPK_UUID_BYTES, "%08x-%04x-7%03x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             (unsigned)((uint64_t)ms >> 16 & 0xffffffff), (unsigned)(ms & 0xffff),
             counter & 0xfff, random[0], random[1], random[2], random[3], random[4], random[5],
             random[6], random[7]);
}

bool kpk_uuid_valid(const char *text) {
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (strlen(text) != sizeof(shape) - 1) return false;
    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        if (shape[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
            return false;
    }
    return true;
}

int64_t kpk_uuid7_ms(const char *uuid) {
    unsigned high, low;

    if (sscanf(uuid, "%8x-%4x", &high, &low) != 2) return 0;
    return (int64_t)high << 16 | low;
}
