#include "tools/kpk/where.h"

#include "common/event.h"
#include "topology/plan.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

int kpk_where_number(const char *text, size_t len, int64_t max, int64_t *out) {
    int64_t number = 0;

    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)text[i])) return -1;
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text[i] - '0', &number))
            return -1;
    }
    *out = number;
    return len > 0 && number <= max ? 0 : -1;
}

/* --- topics and positions ---------------------------------------------------------------- */

int kpk_where_topic(const char *name, char *out, struct kpk_err *err) {
    static const char legal[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    char full_name[KPK_NAME_BYTES];
    struct kpk_plan plan;
    size_t len = strlen(name);

    if (len == 0 || len >= KPK_NAME_BYTES || strspn(name, legal) != len)
        return kpk_fail(err, KPK_REJECT, "'%.80s' is no name of a topic", name);
    if (kpk_plan_open(&plan, NULL, err)) return -1;
    kpk_full_name(name, full_name);
    strcpy(out, kpk_plan_find(&plan, full_name) ? full_name : name);
    kpk_plan_close(&plan);
    return 0;
}

int kpk_position_parse(const char *text, struct kpk_position *position, struct kpk_err *err) {
    const char *offset = strrchr(text, ':'), *partition = NULL;
    int64_t number;

    if (offset) partition = memrchr(text, ':', (size_t)(offset - text));
    if (!partition || partition - text >= KPK_NAME_BYTES ||
        kpk_where_number(offset + 1, strlen(offset + 1), INT64_MAX, &position->offset) ||
        kpk_where_number(partition + 1, (size_t)(offset - partition - 1), INT32_MAX, &number))
        return kpk_fail(err, KPK_REJECT, "'%.80s' is not TOPIC:PARTITION:OFFSET", text);
    position->partition = (int32_t)number;
    snprintf(position->topic, sizeof(position->topic), "%.*s", (int)(partition - text), text);
    return 0;
}

int kpk_where_position(const char *text, struct kpk_position *position, struct kpk_err *err) {
    char topic[KPK_NAME_BYTES];

    if (kpk_position_parse(text, position, err)) return -1;
    strcpy(topic, position->topic);
    return kpk_where_topic(topic, position->topic, err);
}

/* --- times and starts -------------------------------------------------------------------- */

/* "5m": 300000. returns -1: no such thing */
static int64_t parse_duration(const char *text) {
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    size_t len = strlen(text);
    int64_t count;

    for (size_t i = 0; len > 1 && i < sizeof(units) / sizeof(units[0]); i++)
        if (text[len - 1] == units[i].unit &&
            kpk_where_number(text, len - 1, INT64_MAX / units[i].ms, &count) == 0)
            return count * units[i].ms;
    return -1;
}

#define MOMENT "a time such as 2026-11-23T10:00:00Z, or 5m or 2h ago (s, m, h, d)"

static int parse_time(const char *text, int64_t now_ms, int64_t *ms) {
    int64_t ago = parse_duration(text);

    if (ago < 0) return kpk_time_parse(text, ms);
    *ms = ago < now_ms ? now_ms - ago : 0;
    return 0;
}

int kpk_where_time(const char *text, int64_t now_ms, int64_t *ms, struct kpk_err *err) {
    if (parse_time(text, now_ms, ms) == 0 && *ms >= 0) return 0;
    return kpk_fail(err, KPK_REJECT, "'%.40s' is not " MOMENT, text);
}

int kpk_where_from(const char *text, int64_t now_ms, struct kpk_tail_from *from,
                   struct kpk_err *err) {
    *from = (struct kpk_tail_from){.start = KPK_TAIL_BEGINNING};
    if (strcmp(text, "beginning") == 0) return 0;
    from->start = KPK_TAIL_END;
    if (strcmp(text, "end") == 0) return 0;
    from->start = KPK_TAIL_OFFSET;
    if (kpk_where_number(text, strlen(text), INT64_MAX, &from->at) == 0) return 0;
    from->start = KPK_TAIL_TIME;
    if (parse_time(text, now_ms, &from->at) == 0 && from->at >= 0) return 0;
    return kpk_fail(err, KPK_REJECT, "'%.40s' is none of: beginning, end, an offset, " MOMENT,
                    text);
}
