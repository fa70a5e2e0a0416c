#include "tools/kpk/record.h"

#include "common/event.h"
#include "common/json.h"
#include "tools/kpk/safe.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_VALUE = 1000, SHOWN_SMALL = 200, SHOWN_HEADERS = 32, NAME_COLUMN = 32 };

#define YEAR_10000_MS 253402300800000

/* --- what is in it ----------------------------------------------------------------------- */

const char *kpk_record_time(int64_t ms, char *out) {
    if (ms >= 0 && ms < YEAR_10000_MS) return kpk_time_format(ms, out);
    if (ms == -1)
        strcpy(out, "-");
    else
        snprintf(out, KPK_TIME_BYTES, "%" PRId64, ms);
    return out;
}

int64_t kpk_record_ms(const rd_kafka_message_t *msg) {
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(msg, &type);

    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : ms;
}

bool kpk_record_header(const rd_kafka_message_t *msg, const char *name, const void **value,
                       size_t *len) {
    rd_kafka_headers_t *headers;

    return !rd_kafka_message_headers(msg, &headers) &&
           !rd_kafka_header_get_last(headers, name, value, len) && *value;
}

bool kpk_record_has(const rd_kafka_message_t *msg, const char *name, const void *value,
                    size_t len) {
    rd_kafka_headers_t *headers;
    const char *found_name;
    const void *found;
    size_t found_len;

    if (rd_kafka_message_headers(msg, &headers)) return false;
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &found_name, &found, &found_len);
         i++)
        if (found && found_len == len && memcmp(found, value, len) == 0 &&
            strcmp(found_name, name) == 0)
            return true;
    return false;
}

/* --- for a person ------------------------------------------------------------------------ */

/* The rest of a line. */
static void print_bytes(FILE *out, const void *bytes, size_t len, size_t max) {
    if (!bytes)
        fprintf(out, "(null)");
    else if (len == 0)
        fprintf(out, "(empty)");
    else
        kpk_safe_print(out, bytes, len, max);
    fputc('\n', out);
}

/* For a person the name is text like everything else; NULL: memory is short. */
static char *header_name(const char *name, bool full) {
    return kpk_safe_text(name, strlen(name), full ? 0 : SHOWN_SMALL);
}

/* Widths are bytes: a name that is not ASCII stands a little out of its column. */
static int name_column(const rd_kafka_headers_t *headers, size_t count, bool full) {
    const char *name;
    const void *value;
    size_t len, widest = 0;

    for (size_t i = 0; i < count && !rd_kafka_header_get_all(headers, i, &name, &value, &len);
         i++) {
        char *text = header_name(name, full);
        size_t width = text ? strlen(text) : 0;
        if (width > widest && width <= NAME_COLUMN) widest = width;
        free(text);
    }
    return (int)widest;
}

static void print_headers(FILE *out, const rd_kafka_message_t *msg, bool full) {
    rd_kafka_headers_t *headers;
    size_t count, shown, len;
    const char *name;
    const void *value;

    if (rd_kafka_message_headers(msg, &headers)) return;
    count = rd_kafka_header_cnt(headers);
    shown = full || count < SHOWN_HEADERS ? count : SHOWN_HEADERS;
    int column = name_column(headers, shown, full);
    for (size_t i = 0; i < shown && !rd_kafka_header_get_all(headers, i, &name, &value, &len);
         i++) {
        char *text = header_name(name, full);
        fprintf(out, "    %-*s  ", column, text ? text : "(no memory)");
        print_bytes(out, value, len, full ? 0 : SHOWN_SMALL);
        free(text);
    }
    if (shown < count) fprintf(out, "    ... (%zu headers)\n", count);
}

static void print_text(FILE *out, const rd_kafka_message_t *msg, bool full) {
    char time[KPK_TIME_BYTES];

    fprintf(out, "%s:%" PRId32 ":%" PRId64 "  %s  ", rd_kafka_topic_name(msg->rkt),
            msg->partition, msg->offset, kpk_record_time(kpk_record_ms(msg), time));
    fprintf(out, "key ");
    print_bytes(out, msg->key, msg->key_len, full ? 0 : SHOWN_SMALL);
    print_headers(out, msg, full);
    fprintf(out, "  ");
    print_bytes(out, msg->payload, msg->len, full ? 0 : SHOWN_VALUE);
}

/* --- as JSON ----------------------------------------------------------------------------- */

/* A member of 'object': "name", or "name_base64" for what is no C string of UTF-8.
 * returns  false: memory is short */
static bool add_bytes(cJSON *object, const char *name, const void *bytes, size_t len) {
    char base64_name[32];
    char *text;
    bool added;

    if (!bytes) return cJSON_AddNullToObject(object, name);
    if (kpk_utf8_valid(bytes, len, NULL) && !memchr(bytes, '\0', len)) {
        text = strndup(bytes, len);
        added = text && cJSON_AddStringToObject(object, name, text);
    } else {
        snprintf(base64_name, sizeof(base64_name), "%s_base64", name);
        text = kpk_base64(bytes, len);
        added = text && cJSON_AddStringToObject(object, base64_name, text);
    }
    free(text);
    return added;
}

static bool add_headers(cJSON *object, const rd_kafka_message_t *msg) {
    cJSON *list = cJSON_AddArrayToObject(object, "headers");
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t len;

    if (!list) return false;
    if (rd_kafka_message_headers(msg, &headers)) return true;
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &len); i++) {
        cJSON *header = cJSON_CreateObject();
        if (!header) return false;
        cJSON_AddItemToArray(list, header);
        if (!add_bytes(header, "name", name, strlen(name)) ||
            !add_bytes(header, "value", value, len))
            return false;
    }
    return true;
}

static int print_json(FILE *out, const rd_kafka_message_t *msg, struct kpk_err *err) {
    cJSON *object = cJSON_CreateObject();
    int64_t ms = kpk_record_ms(msg);
    char *json = NULL;

    if (object && cJSON_AddStringToObject(object, "topic", rd_kafka_topic_name(msg->rkt)) &&
        cJSON_AddNumberToObject(object, "partition", msg->partition) &&
        kpk_json_add_int(object, "offset", msg->offset) &&
        (ms == -1 ? cJSON_AddNullToObject(object, "timestamp_ms") != NULL
                  : kpk_json_add_int(object, "timestamp_ms", ms)) &&
        add_bytes(object, "key", msg->key, msg->key_len) && add_headers(object, msg) &&
        add_bytes(object, "value", msg->payload, msg->len))
        json = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (!json) return kpk_fail(err, KPK_FATAL, "no memory for a record of %zu bytes", msg->len);
    kpk_safe_print_json(out, json);
    fputc('\n', out);
    free(json);
    return 0;
}

int kpk_record_print(FILE *out, const rd_kafka_message_t *msg,
                     const struct kpk_record_style *style, struct kpk_err *err) {
    if (style->json) return print_json(out, msg, err);
    print_text(out, msg, style->full);
    return 0;
}
