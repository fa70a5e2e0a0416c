/* A stranger's request to notify, from its JSON to what is sent: what services/notification/request takes is
 * as the schema says and comes back when it is written again; each message made of it is within its limits,
 * and its subject one line; what is refused has a reason that fits a header and a log. */
#include "services/notification/request.h"
#include "tests/fuzz/fuzz.h"

static void check_reason(const struct kpk_err *err) {
    must(err->verdict == KPK_REJECT && *err->msg && fuzz_is_line(err->msg));
}

static size_t points_of(const char *text) {
    size_t points = 0;

    must(kpk_utf8_valid(text, strlen(text), &points));
    return points;
}

static void check_messages(const struct notification_request *request) {
    static const size_t most[NOTIFICATION_CHANNELS] = {
        NOTIFICATION_TEXT_BYTES, NOTIFICATION_SMS_POINTS, NOTIFICATION_PUSH_POINTS};
    struct notification_message message;
    struct kpk_err err = {.msg = ""};

    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++) {
        memset(&message, 0x7f, sizeof(message));
        if (notification_render(request->template, channel, request->data, &message, &err)) {
            check_reason(&err);
            must(strncmp(err.msg, "data.", 5) == 0);
            continue;
        }
        must(points_of(message.text) <= most[channel]);
        must(points_of(message.subject) <= NOTIFICATION_SUBJECT_POINTS);
        must(fuzz_is_line(message.subject));
    }
}

static void check_request(const struct notification_request *request) {
    const cJSON *item;
    size_t bytes = 0;

    must(kpk_uuid_valid(request->id) && notification_user_id_valid(request->recipient_id));
    must(request->template && request->priority < NOTIFICATION_PRIORITIES);
    must(request->created_at >= 0 && request->created_at <= (int64_t)1 << 53);
    must(cJSON_GetArraySize(request->data) <= NOTIFICATION_DATA_MEMBERS);
    cJSON_ArrayForEach(item, request->data) {
        must(cJSON_IsString(item) && strlen(item->string) <= NOTIFICATION_DATA_NAME_BYTES);
        must(strlen(item->valuestring) <= NOTIFICATION_DATA_VALUE_BYTES);
        bytes += strlen(item->valuestring);
    }
    must(bytes <= NOTIFICATION_DATA_BYTES);
}

static struct kpk_event event_of(const char *data, size_t len) {
    return (struct kpk_event){.type = NOTIFICATION_REQUESTED, .data = data, .len = len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *bytes = fuzz_bytes(data, size), *json;
    struct kpk_event event = event_of(bytes, size);
    struct notification_request request, again;
    struct kpk_err err = {.msg = ""};
    cJSON *object, *copy;

    memset(&request, 0x7f, sizeof(request));
    if (notification_request_decode(&event, &object, &request, &err)) {
        must(!object);
        check_reason(&err);
        free(bytes);
        return 0;
    }
    check_request(&request);
    check_messages(&request);
    json = notification_request_encode(&request);
    must(json);
    event = event_of(json, strlen(json));
    must(!notification_request_decode(&event, &copy, &again, &err));
    must(strcmp(again.id, request.id) == 0 &&
         strcmp(again.recipient_id, request.recipient_id) == 0 &&
         again.template == request.template && again.priority == request.priority &&
         again.created_at == request.created_at);
    must(cJSON_Compare(again.data, request.data, true));
    cJSON_Delete(object);
    cJSON_Delete(copy);
    free(json);
    free(bytes);
    return 0;
}
