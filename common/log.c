#include "common/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 2048 };

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

static struct {
    enum kpk_log_level level;
    bool json;
    const char *program;
} config = {.level = KPK_LOG_INFO, .program = "kpk"};

int kpk_log_init(const char *program, struct kpk_err *err) {
    const char *level = getenv("KPK_LOG_LEVEL");
    const char *format = getenv("KPK_LOG_FORMAT");

    config.program = program;
    if (level && *level) {
        size_t i = 0;
        while (i < 4 && strcasecmp(level, level_names[i]) != 0) i++;
        if (i == 4)
            return kpk_fail(err, KPK_FATAL,
                            "KPK_LOG_LEVEL: '%s' is none of debug, info, warn, error", level);
        config.level = (enum kpk_log_level)i;
    }
    if (format && *format) {
        if (strcmp(format, "json") != 0 && strcmp(format, "logfmt") != 0)
            return kpk_fail(err, KPK_FATAL, "KPK_LOG_FORMAT: '%s' is none of logfmt, json", format);
        config.json = strcmp(format, "json") == 0;
    }
    return 0;
}

struct line {
    char text[LINE_BYTES];
    size_t len;
};

static void put(struct line *line, const char *s, size_t len) {
    size_t room = sizeof(line->text) - 2 - line->len; /* the newline, and the end */

    if (len > room) len = room;
    memcpy(line->text + line->len, s, len);
    line->len += len;
}

static void put_str(struct line *line, const char *s) { put(line, s, strlen(s)); }

/* The end of the value at 's': a quoted one ends at its closing quote, a bare one at a space. */
static const char *value_end(const char *s) {
    if (*s != '"') return s + strcspn(s, " ");
    for (s++; *s && *s != '"'; s++)
        if (*s == '\\' && s[1]) s++;
    return *s ? s + 1 : s;
}

/* "key=value key="quoted"" as JSON members. Bare values become strings: a reader of logs should
 * not see a field change its type from one line to the next. */
static void put_members(struct line *line, const char *pairs) {
    while (*pairs) {
        const char *eq = pairs + strcspn(pairs, "= ");
        if (*eq != '=') break;
        put_str(line, ",\"");
        put(line, pairs, (size_t)(eq - pairs));
        put_str(line, "\":");
        const char *value = eq + 1, *end = value_end(value);
        if (*value != '"') put_str(line, "\"");
        put(line, value, (size_t)(end - value));
        if (*value != '"') put_str(line, "\"");
        pairs = end + strspn(end, " ");
    }
}

void kpk_log_at(enum kpk_log_level level, const char *event, const char *fmt, ...) {
    char pairs[LINE_BYTES / 2], stamp[40];
    struct line line = {.len = 0};
    struct timeval now;
    struct tm utc;
    va_list args;

    if (level < config.level) return;
    va_start(args, fmt);
    vsnprintf(pairs, sizeof(pairs), fmt, args);
    va_end(args);
    gettimeofday(&now, NULL);
    gmtime_r(&now.tv_sec, &utc);
    size_t n = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp + n, sizeof(stamp) - n, ".%03dZ", (int)(now.tv_usec / 1000));

    if (config.json) {
        put_str(&line, "{\"time\":\"");
        put_str(&line, stamp);
        put_str(&line, "\",\"level\":\"");
        put_str(&line, level_names[level]);
        put_str(&line, "\",\"program\":\"");
        put_str(&line, config.program);
        put_str(&line, "\",\"event\":\"");
        put_str(&line, event);
        put_str(&line, "\"");
        put_members(&line, pairs);
        put_str(&line, "}");
    } else {
        put_str(&line, stamp);
        put_str(&line, " ");
        put_str(&line, level_names[level]);
        put_str(&line, " ");
        put_str(&line, event);
        if (*pairs) put_str(&line, " ");
        put_str(&line, pairs);
    }
    line.text[line.len++] = '\n';
    /* One write, so that lines of several threads and processes do not mix. */
    ssize_t ignored = write(STDERR_FILENO, line.text, line.len);
    (void)ignored;
}

const char *kpk_quote(struct kpk_quoted *buf, const char *s) {
    char *out = buf->text, *end = buf->text + sizeof(buf->text) - 8;

    *out++ = '"';
    for (; *s && out < end; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            *out++ = '\\';
            *out++ = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            out += sprintf(out, "\\u%04x", c);
        } else {
            *out++ = (char)c;
        }
    }
    *out++ = '"';
    *out = '\0';
    return buf->text;
}
