/* Between provider.c, which has many transfers in flight, and email.c, sms.c, push.c, which know what one
 * looks like: how a delivery becomes a request, and an answer an outcome. */
#ifndef KPK_SERVICES_NOTIFICATION_TRANSFER_H
#define KPK_SERVICES_NOTIFICATION_TRANSFER_H

#include "services/notification/gateway.h"
#include "services/notification/provider.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRANSFER_URL_BYTES = 1024,
    TRANSFER_KEY_BYTES = 48,           /* "<UUID>:<channel>" */
    TRANSFER_ANSWER_BYTES = 16 * 1024, /* what comes behind is not looked at */
    TRANSFER_LINE_BYTES = 256,
    TRANSFER_SENDER_BYTES = 256,
};

/* What of a provider's options a request needs. */
struct transfer_target {
    char url[TRANSFER_URL_BYTES]; /* without a '/' at its end, nor user and password */
    char *user, *password;        /* decoded; NULL: none */
    char sender[TRANSFER_SENDER_BYTES];
    long timeout_ms;
};

struct transfer {
    CURL *curl; /* kept */
    const struct transfer_target *target;
    struct notification_delivery *delivery; /* NULL: idle */
    char key[TRANSFER_KEY_BYTES];           /* the idempotency key */
    struct gateway *gateway;
    bool probe;
    int64_t began_us;
    /* the request */
    char *body;
    size_t body_bytes, body_sent; /* 'body_sent': of a mail */
    struct curl_slist *headers, *recipients;
    /* the answer */
    char answer[TRANSFER_ANSWER_BYTES + 1];
    size_t answer_bytes;
    char line[TRANSFER_LINE_BYTES]; /* of SMTP, the last one */
    char error[CURL_ERROR_SIZE];
};

struct transfer_channel {
    const char *schemes; /* as CURLOPT_PROTOCOLS_STR */
    const char *sender;  /* the kit's own */
    bool blocks;         /* libcurl waits in it: see performer.h */
    enum gateway_id (*gateway)(const struct notification_delivery *delivery);
    /* Set the options of 'transfer->curl', which is as new. returns  0, or -1: memory is short */
    int (*prepare)(struct transfer *transfer);
    /* What became of it: 'delivery->outcome', and 'provider_id' when it was accepted. */
    enum gateway_result (*judge)(struct transfer *transfer, CURLcode code);
};

extern const struct transfer_channel transfer_email, transfer_sms, transfer_push;

/* --- of HTTP (transfer_http.c) ----------------------------------------------------------- */

/* POST 'body', which is taken over, to a path. returns  0, or -1: memory is short ('body' NULL too) */
int transfer_post(struct transfer *transfer, const char *path, const char *content_type,
                  char *body) KPK_MUST_CHECK;
/* One more header field. returns  0 or -1 */
int transfer_header(struct transfer *transfer, const char *name,
                    const char *value) KPK_MUST_CHECK;

/* What the body of an answer says: why it was refused, or what the message is called there. */
struct transfer_words {
    char why[160]; /* "21211 The 'To' number ..."; "": nothing */
    char id[NOTIFICATION_PROVIDER_ID_BYTES];
};

/* Judge by the status of the answer.
 * read  from its body, if that is a JSON object */
enum gateway_result transfer_judge_http(struct transfer *transfer, CURLcode code,
                                        void (*read)(const cJSON *answer,
                                                     struct transfer_words *words));

#endif
