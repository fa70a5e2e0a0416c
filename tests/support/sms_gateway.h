/* An SMS gateway in the test's own process: what was sent, how often and under which key, and what it answers is the
 * test's word. */
#ifndef KPK_TESTS_SUPPORT_SMS_GATEWAY_H
#define KPK_TESTS_SUPPORT_SMS_GATEWAY_H

#include "common/http.h"

#include <pthread.h>

enum { SMS_SENT_MAX = 64, SMS_RETRY_AFTER_S = 7 };

struct sms_sent {
    char key[80], to[24], body[400];
};

/* One per process. Between two calls of the sender the test may read and write all but the lock. */
struct sms_gateway {
    pthread_mutex_t lock;
    struct kpk_http *http;              /* NULL: it is shut, nobody listens */
    int port;                           /* kept when it is shut */
    struct sms_sent sent[SMS_SENT_MAX]; /* those it accepted */
    int accepted, asked;
    int status[10]; /* its answer, by the last digit of the number; 0: accepted */
};
extern struct sms_gateway sms_gateway;

void sms_gateway_open(void);
void sms_gateway_shut(void);
/* All are accepted, and none was. */
void sms_gateway_forget(void);

#endif
