/* Mail, by SMTP: encrypted where the server offers it (STARTTLS), one transaction a mail, on kept
 * connections. */
#include "services/notification/transfer.h"

#include "common/clock.h"
#include "services/notification/mime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_BYTES = TRANSFER_KEY_BYTES + TRANSFER_SENDER_BYTES };

static enum gateway_id gateway_of(const struct notification_delivery *delivery) {
    (void)delivery;
    return GATEWAY_EMAIL;
}

/* --- the request ------------------------------------------------------------------------- */

static size_t on_read(char *data, size_t size, size_t count, void *ctx) {
    struct transfer *transfer = ctx;
    size_t room = size * count, left = transfer->body_bytes - transfer->body_sent;
    size_t len = left < room ? left : room;

    memcpy(data, transfer->body + transfer->body_sent, len);
    transfer->body_sent += len;
    return len;
}

/* The server's replies, line by line: of a failure libcurl only tells the code. What is said to its QUIT
 * is no answer. */
static size_t on_line(char *data, size_t size, size_t count, void *ctx) {
    struct transfer *transfer = ctx;
    size_t len = size * count;

    if (len >= 3 && memcmp(data, "221", 3) == 0) return len;
    snprintf(transfer->line, sizeof(transfer->line), "%.*s", (int)len, data);
    transfer->line[strcspn(transfer->line, "\r\n")] = '\0';
    return len;
}

/* A mail that was sent before is sent on a connection that may be closed by now: libcurl begins anew. */
static int on_seek(void *ctx, curl_off_t offset, int origin) {
    struct transfer *transfer = ctx;

    if (origin != SEEK_SET || offset < 0 || (size_t)offset > transfer->body_bytes)
        return CURL_SEEKFUNC_FAIL;
    transfer->body_sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static char *message(struct transfer *transfer) {
    const struct notification_delivery *delivery = transfer->delivery;
    const char *sender = transfer->target->sender;
    char id[ID_BYTES];

    snprintf(id, sizeof(id), "%s.email%s", delivery->notification_id, strchr(sender, '@'));
    return mime_message(&(struct mime_mail){.from = sender,
                                            .to = delivery->address,
                                            .message_id = id,
                                            .subject = delivery->subject,
                                            .text = delivery->text,
                                            .date_ms = kpk_now_ms(),
                                            .urgent = delivery->urgent},
                        &transfer->body_bytes);
}

static int prepare(struct transfer *transfer) {
    CURL *curl = transfer->curl;

    transfer->body = message(transfer);
    transfer->recipients = curl_slist_append(NULL, transfer->delivery->address);
    if (!transfer->body || !transfer->recipients) return -1;
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, transfer->target->sender);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, transfer->recipients);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->body_bytes);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_line);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
    return curl_easy_setopt(curl, CURLOPT_URL, transfer->target->url) ? -1 : 0;
}

/* --- the answer -------------------------------------------------------------------------- */

/* Is a 5xx about this mail? Libcurl fails with SEND_ERROR when MAIL, RCPT or DATA is refused; with others when
 * the server refuses us (its greeting, EHLO, a password), or what DATA brought. */
static bool is_about_mail(const struct transfer *transfer, CURLcode code) {
    return code == CURLE_SEND_ERROR || transfer->body_sent > 0;
}

static enum gateway_result judge(struct transfer *transfer, CURLcode code) {
    struct notification_delivery *delivery = transfer->delivery;
    struct kpk_err *outcome = &delivery->outcome;
    long status = 0;

    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK) {
        *outcome = (struct kpk_err){.verdict = KPK_OK};
        /* "250 2.0.0 queued as 17": the server's own words behind the code */
        if (strncmp(transfer->line, "250 ", 4) == 0)
            snprintf(delivery->provider_id, sizeof(delivery->provider_id), "%.*s",
                     NOTIFICATION_PROVIDER_ID_BYTES - 1, transfer->line + 4);
        return GATEWAY_ACCEPTED;
    }
    if (status < 400 || code == CURLE_OPERATION_TIMEDOUT) {
        kpk_fail(outcome, KPK_RETRY, "email: no answer: %s",
                 *transfer->error ? transfer->error : curl_easy_strerror(code));
        return GATEWAY_FAILED;
    }
    bool mail = is_about_mail(transfer, code) && status != 421;
    bool refused = mail && status >= 500;
    kpk_fail(outcome, refused ? KPK_REJECT : KPK_RETRY, "email: %s", transfer->line);
    return refused ? GATEWAY_REJECTED : mail ? GATEWAY_THROTTLED : GATEWAY_FAILED;
}

const struct transfer_channel transfer_email = {
    "smtp,smtps", "notifications@kafka-pattern-kit.example", true, gateway_of, prepare, judge};
