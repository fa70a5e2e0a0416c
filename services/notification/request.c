#include "services/notification/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

enum { WORD_BYTES = 40 }; /* the longest name of a template or category that is looked up */

static const char *const priorities[NOTIFICATION_PRIORITIES] = {
    [NOTIFICATION_HIGH] = "high", [NOTIFICATION_NORMAL] = "normal", [NOTIFICATION_LOW] = "low"};

const char *notification_priority_name(enum notification_priority priority) {
    return priorities[priority];
}

bool notification_user_id_valid(const char *text) {
    size_t len = strlen(text);

    if (len == 0 || len >= NOTIFICATION_USER_ID_BYTES || *text == '0') return false;
    if (strspn(text, "0123456789") != len) return false;
    errno = 0;
    (void)strtoll(text, NULL, 10);
    return errno == 0;
}

/* --- the data ---------------------------------------------------------------------------- */

/* Newline and tab are text; other control characters are for whoever reads it on. */
static int check_value(const char *name, const cJSON *item, struct kpk_err *err) {
    const char *text = item->valuestring;

    if (!cJSON_IsString(item))
        return kpk_fail(err, KPK_REJECT, "data.%s: must be a string", name);
    size_t len = strlen(text);
    if (len > NOTIFICATION_DATA_VALUE_BYTES)
        return kpk_fail(err, KPK_REJECT, "data.%s: longer than %d bytes", name,
                        NOTIFICATION_DATA_VALUE_BYTES);
    for (size_t at = 0, step; at < len; at += step) {
        step = kpk_utf8_next(text + at, len - at);
        if (step == 0) return kpk_fail(err, KPK_REJECT, "data.%s: not valid UTF-8", name);
        uint32_t point = kpk_utf8_point(text + at, step);
        if (kpk_utf8_control(point) && point != '\n' && point != '\t')
            return kpk_fail(err, KPK_REJECT, "data.%s: control character U+%04" PRIX32, name,
                            point);
    }
    return 0;
}

static bool name_valid(const char *name) {
    size_t len = strlen(name);

    return len > 0 && len <= NOTIFICATION_DATA_NAME_BYTES && *name >= 'a' && *name <= 'z' &&
           name[strspn(name, NAME_LETTERS)] == '\0';
}

static int check_data(const cJSON *data, struct kpk_err *err) {
    const cJSON *item;
    size_t bytes = 0;
    int count = 0;

    if (!data) return kpk_fail(err, KPK_REJECT, "data: missing");
    if (!cJSON_IsObject(data)) return kpk_fail(err, KPK_REJECT, "data: must be an object");
    cJSON_ArrayForEach(item, data) {
        if (++count > NOTIFICATION_DATA_MEMBERS)
            return kpk_fail(err, KPK_REJECT, "data: more than %d members",
                            NOTIFICATION_DATA_MEMBERS);
        if (!name_valid(item->string))
            return kpk_fail(err, KPK_REJECT,
                            "data: a member's name is a letter, then letters, digits and _, "
                            "all in lower case, at most %d",
                            NOTIFICATION_DATA_NAME_BYTES);
        if (check_value(item->string, item, err)) return -1;
        bytes += strlen(item->valuestring);
    }
    if (bytes > NOTIFICATION_DATA_BYTES)
        return kpk_fail(err, KPK_REJECT, "data: %zu bytes, at most %d", bytes,
                        NOTIFICATION_DATA_BYTES);
    return 0;
}

/* --- the members ------------------------------------------------------------------------- */

static int read_template(const cJSON *object, struct notification_request *request,
                         struct kpk_err *err) {
    const char *name, *category;

    if (kpk_json_str(object, "template", WORD_BYTES, &name, err)) return -1;
    request->template = notification_template_find(name);
    if (!request->template)
        return kpk_fail(err, KPK_REJECT, "template: there is no '%s'", name);
    if (!cJSON_GetObjectItemCaseSensitive(object, "category")) return 0;
    if (kpk_json_str(object, "category", WORD_BYTES, &category, err)) return -1;
    /* Or an offer could call itself an order, and reach whoever forbids offers. */
    name = notification_category_name(request->template->category);
    if (strcmp(category, name) != 0)
        return kpk_fail(err, KPK_REJECT, "category: template %s is of %s, not of '%s'",
                        request->template->name, name, category);
    return 0;
}

static int read_priority(const cJSON *object, struct notification_request *request,
                         struct kpk_err *err) {
    const char *name;

    request->priority = NOTIFICATION_NORMAL;
    if (!cJSON_GetObjectItemCaseSensitive(object, "priority")) return 0;
    if (kpk_json_str(object, "priority", WORD_BYTES, &name, err)) return -1;
    for (int i = 0; i < NOTIFICATION_PRIORITIES; i++) {
        if (strcmp(priorities[i], name) != 0) continue;
        request->priority = i;
        return 0;
    }
    return kpk_fail(err, KPK_REJECT, "priority: none of high, normal, low");
}

int notification_request_read(const cJSON *object, struct notification_request *request,
                              struct kpk_err *err) {
    const char *recipient_id;

    if (kpk_json_str(object, "recipient_id", NOTIFICATION_USER_ID_BYTES - 1, &recipient_id,
                     err))
        return -1;
    if (!notification_user_id_valid(recipient_id))
        return kpk_fail(err, KPK_REJECT, "recipient_id: not a user id");
    if (read_template(object, request, err) || read_priority(object, request, err)) return -1;
    request->data = cJSON_GetObjectItemCaseSensitive(object, "data");
    if (check_data(request->data, err)) return -1;
    strcpy(request->recipient_id, recipient_id);
    return 0;
}

/* --- the event --------------------------------------------------------------------------- */

static int decode_members(const cJSON *object, struct notification_request *request,
                          struct kpk_err *err) {
    const char *id, *ignored;

    if (kpk_json_str(object, "notification_id", KPK_UUID_BYTES - 1, &id, err)) return -1;
    if (!kpk_uuid_valid(id)) return kpk_fail(err, KPK_REJECT, "notification_id: not a UUID");
    /* Over HTTP they may be left out; here the schema asks for them. */
    if (kpk_json_str(object, "category", WORD_BYTES, &ignored, err) ||
        kpk_json_str(object, "priority", WORD_BYTES, &ignored, err) ||
        kpk_json_int(object, "created_at", 0, (int64_t)1 << 53, &request->created_at, err))
        return -1;
    strcpy(request->id, id);
    return notification_request_read(object, request, err);
}

int notification_request_decode(const struct kpk_event *event, cJSON **object,
                                struct notification_request *request, struct kpk_err *err) {
    *object = NULL;
    if (strcmp(event->type, NOTIFICATION_REQUESTED) != 0)
        return kpk_fail(err, KPK_REJECT, "ce_type '%.60s' is not known here", event->type);
    *object = kpk_json_parse(event->data, event->len, err);
    if (!*object) return -1;
    if (!decode_members(*object, request, err)) return 0;
    cJSON_Delete(*object);
    *object = NULL;
    return -1;
}

char *notification_request_encode(const struct notification_request *request) {
    cJSON *object = cJSON_CreateObject();
    char *json;

    cJSON_AddStringToObject(object, "notification_id", request->id);
    cJSON_AddStringToObject(object, "recipient_id", request->recipient_id);
    cJSON_AddStringToObject(object, "category",
                            notification_category_name(request->template->category));
    cJSON_AddStringToObject(object, "template", request->template->name);
    cJSON_AddItemToObject(object, "data", cJSON_Duplicate(request->data, true));
    cJSON_AddStringToObject(object, "priority", priorities[request->priority]);
    kpk_json_add_int(object, "created_at", request->created_at);
    json = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return json;
}

int notification_request_check(const struct notification_request *request,
                               struct kpk_err *err) {
    struct notification_message message;

    for (int channel = 0; channel < NOTIFICATION_CHANNELS; channel++)
        if (notification_render(request->template, channel, request->data, &message, err))
            return -1;
    return 0;
}
