/* HTTP by hand, for tests: what is sent is exactly what the test wrote, malformed or not.
 * Everything has a deadline of 10 s; a failure to connect, send or read is a failed assertion.
 */
#ifndef KPK_TESTS_SUPPORT_HTTP_RAW_H
#define KPK_TESTS_SUPPORT_HTTP_RAW_H

#include <stdbool.h>
#include <stddef.h>

enum { RAW_DEADLINE_MS = 10000 };

struct raw_answer {
    int status;       /* 0: the connection was closed without an answer */
    char head[2048];  /* status line and header fields */
    char body[65536]; /* NUL-terminated */
};

/* A port of 127.0.0.1 that nobody listens on. */
int raw_free_port(void);

int raw_connect(int port);
/* The same, or -1 when nobody accepts connections. */
int raw_try_connect(int port);
void raw_send(int fd, const char *text);
void raw_send_bytes(int fd, const void *bytes, size_t len);

/* Wait for one answer. With 'head_request' no body is expected. */
void raw_read(int fd, bool head_request, struct raw_answer *answer);

/* Is something there to be read (an answer, or the end) within 'ms'? */
bool raw_readable(int fd, int ms);
/* Is the connection closed by the server, with nothing more sent, within the deadline? */
bool raw_closed(int fd);

/* Connect, send, read one answer, close. */
void raw_ask(int port, const char *text, struct raw_answer *answer);
void raw_ask_bytes(int port, const void *bytes, size_t len, struct raw_answer *answer);

#endif
