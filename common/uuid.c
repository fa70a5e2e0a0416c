#include "common/uuid.h"

#include "common/clock.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
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

/* The 16 bytes that 'uuid' stands for. */
static void to_bytes(const char *uuid, unsigned char *bytes) {
    for (int i = 0; i < 16; uuid++) {
        if (*uuid == '-') continue;
        sscanf(uuid++, "%2hhx", &bytes[i++]);
    }
}

/* Section 5.5: SHA-1 of the name space and the name, cut to 16 bytes, with version and variant. */
void kpk_uuid5(const char *space, const char *name, char out[KPK_UUID_BYTES]) {
    unsigned char bytes[16], hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *sha1 = EVP_MD_CTX_new();

    to_bytes(space, bytes);
    if (!sha1 || !EVP_DigestInit_ex(sha1, EVP_sha1(), NULL) ||
        !EVP_DigestUpdate(sha1, bytes, sizeof(bytes)) ||
        !EVP_DigestUpdate(sha1, name, strlen(name)) || !EVP_DigestFinal_ex(sha1, hash, NULL))
        abort(); /* no memory: an id of something else would be worse */
    EVP_MD_CTX_free(sha1);
    hash[6] = (unsigned char)((hash[6] & 0x0f) | 0x50);
    hash[8] = (unsigned char)((hash[8] & 0x3f) | 0x80);
    for (int i = 0; i < 16; i++, out += 2) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
        sprintf(out, "%02x", hash[i]);
    }
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
