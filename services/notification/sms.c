/* SMS, by a gateway of the shape of Twilio's: a form, POSTed to the account's Messages resource.
 * https://www.twilio.com/docs/messaging/api/message-resource */
#include "services/notification/transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static enum gateway_id gateway_of(const struct notification_delivery *delivery) {
    (void)delivery;
    return GATEWAY_SMS;
}

/* returns  for free(); NULL: memory is short */
static char *form(struct transfer *transfer) {
    const char *const fields[][2] = {{"To", transfer->delivery->address},
                                     {"From", transfer->target->sender},
                                     {"Body", transfer->delivery->text}};
    char *text = NULL, *escaped;
    bool failed = false;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (!out) return NULL;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        escaped = curl_easy_escape(transfer->curl, fields[i][1], 0);
        if (!escaped || fprintf(out, "%s%s=%s", i ? "&" : "", fields[i][0], escaped) < 0)
            failed = true;
        curl_free(escaped);
    }
    if (fclose(out) == 0 && !failed) return text;
    free(text);
    return NULL;
}

static int prepare(struct transfer *transfer) {
    const char *user = transfer->target->user;
    char *account = curl_easy_escape(transfer->curl, user ? user : "kpk", 0);
    char path[TRANSFER_URL_BYTES];
    int len = snprintf(path, sizeof(path), "/2010-04-01/Accounts/%s/Messages.json",
                       account ? account : "");

    curl_free(account);
    if (!account || len >= (int)sizeof(path)) return -1;
    return transfer_post(transfer, path, "application/x-www-form-urlencoded", form(transfer));
}

/* {"sid": "SM..."}, or {"code": 21211, "message": "...", "status": 400} */
static void read_answer(const cJSON *answer, struct transfer_words *words) {
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(answer, "code");
    const char *sid = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "sid")),
               *message =
                   cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "message"));

    if (sid) snprintf(words->id, sizeof(words->id), "%s", sid);
    if (message)
        snprintf(words->why, sizeof(words->why), "%.0f %s",
                 cJSON_IsNumber(code) ? code->valuedouble : 0, message);
}

static enum gateway_result judge(struct transfer *transfer, CURLcode code) {
    return transfer_judge_http(transfer, code, read_answer);
}

const struct transfer_channel transfer_sms = {"http,https", "+15550100100", false,
                                              gateway_of,   prepare,        judge};
