#include "tests/support/http_stream.h"

#include "tests/support/http_raw.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int http_stream_open(struct http_stream *stream, int port) {
    if (stream->fd >= 0) return 0;
    stream->port = port;
    stream->at = stream->len = 0;
    stream->fd = raw_try_connect(port);
    return stream->fd >= 0 ? 0 : -1;
}

void http_stream_close(struct http_stream *stream) {
    if (!stream || stream->fd < 0) return;
    close(stream->fd);
    stream->fd = -1;
}

void http_stream_reset(struct http_stream *stream) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (stream->fd >= 0)
        setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    http_stream_close(stream);
}

void http_stream_send(struct http_stream *stream, const void *bytes, size_t len) {
    for (size_t sent = 0; sent < len;) {
        ssize_t n = send(stream->fd, (const char *)bytes + sent, len - sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return;
        sent += (size_t)n;
    }
}

void http_stream_send_end(struct http_stream *stream) { shutdown(stream->fd, SHUT_WR); }

/* ---- reading ---- */

static enum stream_result next_byte(struct http_stream *stream, char *byte) {
    struct pollfd polled = {.fd = stream->fd, .events = POLLIN};

    if (stream->at == stream->len) {
        ssize_t n = recv(stream->fd, stream->buffer, sizeof(stream->buffer), MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN) {
            if (poll(&polled, 1, STREAM_DEADLINE_MS) == 0) return STREAM_SILENCE;
            n = recv(stream->fd, stream->buffer, sizeof(stream->buffer), 0);
        }
        if (n <= 0) return STREAM_END;
        stream->at = 0;
        stream->len = (size_t)n;
    }
    *byte = stream->buffer[stream->at++];
    return STREAM_ANSWER;
}

static enum stream_result read_head(struct http_stream *stream, struct stream_answer *answer) {
    enum stream_result result;
    size_t len = 0;

    for (;;) {
        if ((result = next_byte(stream, &answer->head[len]))) {
            answer->head[len] = '\0';
            return result == STREAM_END && len > 0 ? STREAM_NONSENSE : result;
        }
        answer->head[++len] = '\0';
        if (len >= 4 && strcmp(answer->head + len - 4, "\r\n\r\n") == 0) return STREAM_ANSWER;
        if (len == sizeof(answer->head) - 1) return STREAM_NONSENSE;
    }
}

enum stream_result http_stream_read(struct http_stream *stream, bool head_request,
                                    struct stream_answer *answer) {
    enum stream_result result;
    size_t body_len = 0;
    const char *field;
    char byte;

    answer->body[0] = '\0';
    do {
        if ((result = read_head(stream, answer))) return result;
        if (sscanf(answer->head, "HTTP/1.%*1d %3d", &answer->status) != 1)
            return STREAM_NONSENSE;
    } while (answer->status / 100 == 1); /* "go on": the answer proper follows */
    answer->closes = strcasestr(answer->head, "\r\nConnection: close\r\n") != NULL;
    field = strcasestr(answer->head, "\r\nContent-Length: ");
    if (head_request || answer->status == 204) return STREAM_ANSWER;
    if (!field) return STREAM_NONSENSE; /* this server always says how long it is */
    body_len = strtoull(field + strlen("\r\nContent-Length: "), NULL, 10);
    for (size_t i = 0; i < body_len; i++) {
        if ((result = next_byte(stream, &byte)))
            return result == STREAM_END ? STREAM_NONSENSE : result;
        if (i >= sizeof(answer->body) - 1) continue;
        answer->body[i] = byte;
        answer->body[i + 1] = '\0';
    }
    return STREAM_ANSWER;
}
