#include "common/log.h"

#include "common/utf8.h"

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
            return kpk_fail(err, KPK_FATAL, "KPK_LOG_FORMAT: '%s' is none of logfmt, json",
                            format);
        config.json = strcmp(format, "json") == 0;
    }
    return 0;
}

struct line {
    char text[LINE_BYTES];
    size_t len;
    bool cut; /* something did not fit */
};

enum { LINE_END = sizeof(",\"cut\":\"yes\"}\n") }; /* always has room */

static void put(struct line *line, const char *s, size_t len) {
    size_t room = sizeof(line->text) - LINE_END - line->len;

    if (len > room) {
        len = room;
        line->cut = true;
    }
    memcpy(line->text + line->len, s, len);
    line->len += len;
}

static void put_str(struct line *line, const char *s) { put(line, s, strlen(s)); }

static void put_end(struct line *line, const char *s) {
    size_t len = strlen(s);

    memcpy(line->text + line->len, s, len);
    line->len += len;
}

/* The end of the quoted value at 's', or NULL when it has none (it was cut). */
static const char *quote_end(const char *s) {
    for (s++; *s && *s != '"'; s++)
        if (*s == '\\' && s[1]) s++;
    return *s ? s + 1 : NULL;
}

/* Bytes that were not quoted by kpk_quote(), as a JSON string. */
static void put_bare(struct line *line, const char *s, size_t len) {
    put_str(line, "\"");
    for (; len > 0; s++, len--) {
        if (*s == '"' || *s == '\\') put_str(line, "\\");
        put(line, s, 1);
    }
    put_str(line, "\"");
}

/* key=value or key="quoted" at 'pair' as a JSON member. Bare values become strings: a reader of
 * logs should not see a field change its type from one line to the next. What is no pair is
 * kept as "text". returns where the next one starts */
static const char *put_member(struct line *line, const char *pair) {
    const char *eq = pair + strcspn(pair, "= ");
    const char *value = *eq == '=' ? eq + 1 : pair, *end;

    put_str(line, ",");
    put_bare(line, *eq == '=' ? pair : "text", *eq == '=' ? (size_t)(eq - pair) : 4);
    put_str(line, ":");
    if (*eq == '=' && *value == '"' && (end = quote_end(value))) {
        put(line, value, (size_t)(end - value));
    } else {
        end = value + (*eq == '=' && *value != '"' ? strcspn(value, " ") : strlen(value));
        put_bare(line, value, (size_t)(end - value));
    }
    return end + strspn(end, " ");
}

static void put_json(struct line *line, const char *stamp, enum kpk_log_level level,
                     const char *event, const char *pairs) {
    const char *const head[] = {"{\"time\":\"",
                                stamp,
                                "\",\"level\":\"",
                                level_names[level],
                                "\",\"program\":\"",
                                config.program,
                                "\",\"event\":\"",
                                event,
                                "\""};

    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++) put_str(line, head[i]);
    while (*pairs) {
        size_t before = line->len;

        pairs = put_member(line, pairs);
        if (!line->cut) continue;
        line->len = before; /* whole members only, or the line is not JSON */
        put_end(line, ",\"cut\":\"yes\"");
        break;
    }
    put_end(line, "}");
}

static void put_logfmt(struct line *line, const char *stamp, enum kpk_log_level level,
                       const char *event, const char *pairs) {
    const char *const parts[] = {stamp, level_names[level], event, pairs};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && *parts[i]; i++) {
        if (i > 0) put_str(line, " ");
        put_str(line, parts[i]);
    }
}

void kpk_log_at(enum kpk_log_level level, const char *event, const char *fmt, ...) {
    static const char cut[] = " cut=yes";
    char pairs[LINE_BYTES / 2], stamp[40];
    struct line line = {.len = 0};
    struct timeval now;
    struct tm utc;
    va_list args;

    if (level < config.level) return;
    va_start(args, fmt);
    int len = vsnprintf(pairs, sizeof(pairs), fmt, args);
    va_end(args);
    if (len >= (int)sizeof(pairs)) strcpy(pairs + sizeof(pairs) - sizeof(cut), cut);
    gettimeofday(&now, NULL);
    gmtime_r(&now.tv_sec, &utc);
    size_t n = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp + n, sizeof(stamp) - n, ".%03dZ", (int)(now.tv_usec / 1000));

    kpk_utf8_line(pairs); /* one event is one line, whatever it was given */
    if (config.json)
        put_json(&line, stamp, level, event, pairs);
    else
        put_logfmt(&line, stamp, level, event, pairs);
    put_end(&line, "\n");
    /* One write, so that lines of several threads and processes do not mix. */
    ssize_t ignored = write(STDERR_FILENO, line.text, line.len);
    (void)ignored;
}

const char *kpk_quote(struct kpk_quoted *buf, const char *s) {
    enum { WORST = sizeof("\\u0000\"") }; /* an escape, the closing quote, the end */
    char *out = buf->text, *end = buf->text + sizeof(buf->text) - WORST;
    size_t len = strlen(s), step;

    *out++ = '"';
    for (; len > 0 && out <= end; s += step, len -= step) {
        uint32_t point;

        step = kpk_utf8_next(s, len);
        point = kpk_utf8_point(s, step ? step : 1);
        if (step == 0) {
            *out++ = '?';
            step = 1;
        } else if (point == '"' || point == '\\') {
            *out++ = '\\';
            *out++ = *s;
        } else if (kpk_utf8_control(point)) {
            out += sprintf(out, "\\u%04x", point);
        } else {
            memcpy(out, s, step);
            out += step;
        }
    }
    *out++ = '"';
    *out = '\0';
    return buf->text;
}
