/* Logs are events: a name, then key=value pairs, one line each, to stderr.
 *
 *   kpk_log("dlq", "topic=%s partition=%d offset=%" PRId64 " reason=%s", ..., kpk_quote(buf, why));
 *   -> 2026-11-23T10:00:00.123Z INFO dlq topic=tweets partition=3 offset=17 reason="not JSON"
 *
 * KPK_LOG_FORMAT=json writes the same event as one JSON object. A value that may hold a space, a
 * quote or a byte from outside goes through kpk_quote(), or the line could be forged.
 * Topic, partition and offset always travel together. Any thread may call these. */
#ifndef KPK_COMMON_LOG_H
#define KPK_COMMON_LOG_H

#include "common/err.h"

enum kpk_log_level { KPK_LOG_DEBUG, KPK_LOG_INFO, KPK_LOG_WARN, KPK_LOG_ERROR };

/* Read KPK_LOG_LEVEL (debug, info, warn, error) and KPK_LOG_FORMAT (logfmt, json).
 * returns  0, or -1 with 'err' naming the variable and what it may be */
int kpk_log_init(const char *program, struct kpk_err *err) KPK_MUST_CHECK;

void kpk_log_at(enum kpk_log_level level, const char *event, const char *fmt, ...)
    KPK_PRINTF(3, 4);

#define kpk_debug(event, ...) kpk_log_at(KPK_LOG_DEBUG, event, __VA_ARGS__)
#define kpk_log(event, ...) kpk_log_at(KPK_LOG_INFO, event, __VA_ARGS__)
#define kpk_warn(event, ...) kpk_log_at(KPK_LOG_WARN, event, __VA_ARGS__)
#define kpk_error(event, ...) kpk_log_at(KPK_LOG_ERROR, event, __VA_ARGS__)

/* 's' in double quotes, with quotes, backslashes and control characters escaped and '?' for what is
 * no UTF-8; cut to fit 'buf'.
 * returns  buf->text */
struct kpk_quoted {
    char text[320];
};
const char *kpk_quote(struct kpk_quoted *buf, const char *s);

#endif
