/* A connection that carries many requests, and reads their answers one after the other: faster than
 * http_raw.h, which reads byte by byte, and nothing here fails a test: the other side may be hanging
 * up, and it is the caller who knows whether that was right. */
#ifndef KPK_TESTS_SUPPORT_HTTP_STREAM_H
#define KPK_TESTS_SUPPORT_HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>

enum { STREAM_BUFFER_BYTES = 16 << 10, STREAM_HEAD_BYTES = 4096, STREAM_BODY_BYTES = 4096 };

/* Above all that a busy machine may take. */
enum { STREAM_DEADLINE_MS = 60000 };

struct http_stream {
    int port, fd; /* -1: not connected */
    size_t at, len;
    char buffer[STREAM_BUFFER_BYTES];
};

struct stream_answer {
    int status;
    bool closes; /* it says so: nothing follows */
    char head[STREAM_HEAD_BYTES];
    char body[STREAM_BODY_BYTES]; /* cut when it is longer; NUL-terminated */
};

enum stream_result { STREAM_ANSWER, STREAM_END, STREAM_SILENCE, STREAM_NONSENSE };

/* Connect, unless it is. returns 0 or -1 */
int http_stream_open(struct http_stream *stream, int port);
/* NULL and a stream that is not connected are fine. */
void http_stream_close(struct http_stream *stream);
/* The same, by a RST: whatever is under way is lost. */
void http_stream_reset(struct http_stream *stream);

/* Whether it could be sent shows in what is read. */
void http_stream_send(struct http_stream *stream, const void *bytes, size_t len);
void http_stream_send_end(struct http_stream *stream); /* half-close: nothing more comes */

/* The next answer.
 * head_request  it has no body, whatever its fields say
 * returns       STREAM_END      the connection ended before it, or was reset
 *               STREAM_SILENCE  nothing came for STREAM_DEADLINE_MS
 *               STREAM_NONSENSE no HTTP, or ended within it */
enum stream_result http_stream_read(struct http_stream *stream, bool head_request,
                                    struct stream_answer *answer);

#endif
