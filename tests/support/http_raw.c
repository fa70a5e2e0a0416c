#include "tests/support/http_raw.h"

#include "common/child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int raw_free_port(void) {
    int port = kpk_child_free_port();

    assert_true(port > 0);
    return port;
}

int raw_try_connect(int port) {
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) return fd;
    close(fd);
    return -1;
}

int raw_connect(int port) {
    int fd = raw_try_connect(port);

    assert_true(fd >= 0);
    return fd;
}

void raw_send_bytes(int fd, const void *bytes, size_t len) {
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

void raw_send(int fd, const char *text) { raw_send_bytes(fd, text, strlen(text)); }

bool raw_readable(int fd, int ms) {
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    return poll(&polled, 1, ms) > 0;
}

bool raw_closed(int fd) {
    char byte;
    ssize_t got;

    if (!raw_readable(fd, RAW_DEADLINE_MS)) return false;
    got = recv(fd, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

/* One byte, or -1 at the end. Byte by byte, because what follows may be the next answer. */
static int next_byte(int fd) {
    unsigned char byte;

    if (!raw_readable(fd, RAW_DEADLINE_MS)) fail_msg("no answer within the deadline");
    return recv(fd, &byte, 1, 0) == 1 ? byte : -1;
}

void raw_read(int fd, bool head_request, struct raw_answer *answer) {
    size_t len = 0, body_len;
    const char *field;
    int c;

    memset(answer, 0, sizeof(*answer));
    while (!strstr(answer->head, "\r\n\r\n")) {
        if ((c = next_byte(fd)) < 0) return;
        assert_true(len < sizeof(answer->head) - 1);
        answer->head[len++] = (char)c;
    }
    assert_int_equal(sscanf(answer->head, "HTTP/1.%*d %d", &answer->status), 1);
    if (answer->status == 100) { /* "go on": the answer proper follows */
        raw_read(fd, head_request, answer);
        return;
    }
    field = strstr(answer->head, "\r\nContent-Length: ");
    if (head_request || !field) return;
    body_len = strtoull(field + strlen("\r\nContent-Length: "), NULL, 10);
    assert_true(body_len < sizeof(answer->body));
    for (len = 0; len < body_len; len++) {
        if ((c = next_byte(fd)) < 0) fail_msg("the body ends early");
        answer->body[len] = (char)c;
    }
}

void raw_ask_bytes(int port, const void *bytes, size_t len, struct raw_answer *answer) {
    int fd = raw_connect(port);

    raw_send_bytes(fd, bytes, len);
    raw_read(fd, len > 5 && memcmp(bytes, "HEAD ", 5) == 0, answer);
    close(fd);
}

void raw_ask(int port, const char *text, struct raw_answer *answer) {
    raw_ask_bytes(port, text, strlen(text), answer);
}
