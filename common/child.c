#include "common/child.h"

#include "common/clock.h"
#include "common/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 5, ENDING_MS = 1000, LINE_BYTES = 512, LOG_BYTES = 4 * 1024 * 1024 };

extern char **environ;

struct kpk_child {
    char name[64];
    pid_t pid; /* 0: it has ended, and was waited for */
    enum kpk_child_state state;
    int status;
    int log_fd;            /* what it wrote to standard error; a file that has no name */
    int in, out;           /* our ends of its standard input and output */
    char line[LINE_BYTES]; /* of its standard output, so far */
    size_t line_len;
};

/* --- start ------------------------------------------------------------------------------- */

const char *kpk_child_self(void) {
    static char path[512];

    if (!path[0] && readlink("/proc/self/exe", path, sizeof(path) - 1) < 0) path[0] = '\0';
    return path;
}

/* Our environment with 'added' in place of what has the same names; an array for free(). */
static char **environment_with(const char *const *added) {
    size_t count = 0, kept = 0;

    for (char **entry = environ; *entry; entry++) count++;
    for (const char *const *entry = added; entry && *entry; entry++) count++;
    char **merged = calloc(count + 1, sizeof(*merged));
    if (!merged) return NULL;
    for (const char *const *entry = added; entry && *entry; entry++)
        merged[kept++] = (char *)*entry;
    for (char **entry = environ; *entry; entry++) {
        bool replaced = false;
        for (const char *const *other = added; other && *other && !replaced; other++)
            replaced = strncmp(*entry, *other, strcspn(*other, "=") + 1) == 0;
        if (!replaced) merged[kept++] = *entry;
    }
    return merged;
}

/* In the new process. Only what is safe after a fork is called: no memory, no locks. */
static void become(const char *const *argv, char **env, int in, int out, int log_fd,
                   pid_t parent) {
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(log_fd, STDERR_FILENO) < 0)
        _exit(127);
    execve(argv[0], (char *const *)argv, env);
    dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

int kpk_child_start(struct kpk_child **out, const struct kpk_child_opts *opts,
                    struct kpk_err *err) {
    struct kpk_child *child = calloc(1, sizeof(*child));
    int in[2] = {-1, -1}, answer[2] = {-1, -1};
    char **env = environment_with(opts->env);
    pid_t parent = getpid();

    *out = NULL;
    if (!child || !env) {
        free(child);
        free(env);
        return kpk_fail(err, KPK_FATAL, "%s: no memory", opts->name);
    }
    snprintf(child->name, sizeof(child->name), "%s", opts->name);
    child->in = child->out = -1;
    child->log_fd = open("/tmp", O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
    if (child->log_fd < 0 || pipe2(in, O_CLOEXEC) || pipe2(answer, O_CLOEXEC)) goto fail;
    child->pid = fork();
    if (child->pid < 0) goto fail;
    if (child->pid == 0) become(opts->argv, env, in[0], answer[1], child->log_fd, parent);
    free(env);
    close(in[0]);
    close(answer[1]);
    child->in = in[1];
    child->out = answer[0];
    *out = child;
    return 0;
fail:
    kpk_fail(err, KPK_FATAL, "%s: cannot be started: %s", opts->name, strerror(errno));
    for (int i = 0; i < 2; i++) {
        if (in[i] >= 0) close(in[i]);
        if (answer[i] >= 0) close(answer[i]);
    }
    free(env);
    child->pid = 0;
    kpk_child_close(child);
    return -1;
}

void kpk_child_close(struct kpk_child *child) {
    if (!child) return;
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR) continue;
    }
    if (child->log_fd >= 0) close(child->log_fd);
    if (child->in >= 0) close(child->in);
    if (child->out >= 0) close(child->out);
    free(child);
}

const char *kpk_child_name(const struct kpk_child *child) { return child->name; }
pid_t kpk_child_pid(const struct kpk_child *child) { return child->pid; }
int kpk_child_status(const struct kpk_child *child) { return child->status; }

/* --- state ------------------------------------------------------------------------------- */

static enum kpk_child_state state_of(int status) {
    static const int faults[] = {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE};

    if (WIFEXITED(status)) return KPK_CHILD_EXITED;
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
        if (WTERMSIG(status) == faults[i]) return KPK_CHILD_CRASHED;
    return KPK_CHILD_KILLED;
}

enum kpk_child_state kpk_child_state(struct kpk_child *child) {
    int status;

    while (child->pid > 0 &&
           waitpid(child->pid, &status, WNOHANG | WUNTRACED | WCONTINUED) == child->pid) {
        if (WIFSTOPPED(status)) {
            child->state = KPK_CHILD_STOPPED;
        } else if (WIFCONTINUED(status)) {
            child->state = KPK_CHILD_RUNS;
        } else {
            child->state = state_of(status);
            child->status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
            child->pid = 0;
        }
    }
    return child->state;
}

static bool has_ended(struct kpk_child *child) {
    return kpk_child_state(child) >= KPK_CHILD_EXITED;
}

bool kpk_child_await(struct kpk_child *child, enum kpk_child_state state, int timeout_ms) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;

    while (kpk_child_state(child) != state && !has_ended(child) && kpk_mono_ms() < deadline)
        kpk_stop_wait(LOOK_MS);
    return kpk_child_state(child) == state;
}

void kpk_child_signal(struct kpk_child *child, int signal) {
    if (has_ended(child) || kill(child->pid, signal)) return;
    if (signal == SIGSTOP) kpk_child_await(child, KPK_CHILD_STOPPED, 1000);
    if (signal == SIGCONT) kpk_child_await(child, KPK_CHILD_RUNS, 1000);
}

int kpk_child_end(struct kpk_child *child, int timeout_ms, struct kpk_err *err) {
    if (child->in >= 0) close(child->in);
    child->in = -1;
    kpk_child_signal(child, SIGTERM);
    if (!kpk_child_await(child, KPK_CHILD_EXITED, timeout_ms) && !has_ended(child))
        return kpk_fail(err, KPK_FATAL, "%s: still runs %d ms after it was asked to end",
                        child->name, timeout_ms);
    if (child->state != KPK_CHILD_EXITED)
        return kpk_fail(err, KPK_FATAL, "%s: died of signal %d", child->name, child->status);
    if (child->status != 0)
        return kpk_fail(err, KPK_FATAL, "%s: ended with status %d", child->name, child->status);
    return 0;
}

int kpk_child_free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    bool bound = fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
                 !bind(fd, (struct sockaddr *)&address, len) &&
                 !getsockname(fd, (struct sockaddr *)&address, &len);

    if (fd >= 0) close(fd);
    return bound ? ntohs(address.sin_port) : 0;
}

/* --- what it says ------------------------------------------------------------------------ */

/* The log, its first LOG_BYTES at least; for free(). NULL: memory is short. */
static char *read_log(const struct kpk_child *child) {
    off_t bytes = lseek(child->log_fd, 0, SEEK_END);
    size_t room = bytes < LOG_BYTES ? (size_t)bytes : LOG_BYTES;
    char *text = malloc(room + 1);
    ssize_t len = text ? pread(child->log_fd, text, room, 0) : 0;

    if (text) text[len > 0 ? len : 0] = '\0';
    return text;
}

bool kpk_child_said(struct kpk_child *child, const char *words) {
    char *text = read_log(child);
    bool said = text && strstr(text, words);

    free(text);
    return said;
}

bool kpk_child_met(struct kpk_child *child, const char *point) {
    char words[96];

    snprintf(words, sizeof(words), "fault point=%s", point);
    return kpk_child_said(child, words);
}

static void last_line(const struct kpk_child *child, char *out, size_t out_bytes) {
    char *text = read_log(child), *at;

    out[0] = '\0';
    if (!text) return;
    for (size_t len = strlen(text); len > 0 && text[len - 1] == '\n'; len--) text[len - 1] = 0;
    at = strrchr(text, '\n');
    snprintf(out, out_bytes, "%.150s", at ? at + 1 : text);
    free(text);
}

int kpk_child_await_words(struct kpk_child *child, const char *words, int timeout_ms,
                          struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;
    char line[160];
    bool ended;

    do {
        ended = has_ended(child);
        if (kpk_child_said(child, words)) return 0;
        kpk_stop_wait(LOOK_MS);
    } while (!ended && kpk_mono_ms() < deadline && !kpk_stopping());
    last_line(child, line, sizeof(line));
    return kpk_fail(err, KPK_WAIT, "%s %s '%s'; its last line: %s", child->name,
                    ended ? "ended without saying" : "does not say", words, line);
}

/* returns  1 a line is in child->line, 0 not yet, -1 there will be none */
static int take_line(struct kpk_child *child, int timeout_ms) {
    struct pollfd polled = {.fd = child->out, .events = POLLIN};
    char c;

    if (poll(&polled, 1, timeout_ms) <= 0) return 0;
    while (poll(&polled, 1, 0) > 0) {
        if (read(child->out, &c, 1) != 1) return -1;
        if (c == '\n') return 1;
        if (child->line_len < sizeof(child->line) - 1) child->line[child->line_len++] = c;
    }
    return 0;
}

int kpk_child_ask(struct kpk_child *child, const char *line, char *answer, size_t answer_bytes,
                  int timeout_ms, struct kpk_err *err) {
    int64_t deadline = kpk_mono_ms() + timeout_ms;
    int taken = 0;

    /* Who asks ignores SIGPIPE (kpk_stop_init()): a child that died is an error here. */
    if (dprintf(child->in, "%s\n", line) < 0)
        return kpk_fail(err, KPK_WAIT, "%s: does not read: %s", child->name, strerror(errno));
    while (taken == 0 && kpk_mono_ms() < deadline && !kpk_stopping())
        taken = take_line(child, LOOK_MS);
    if (taken < 0)
        kpk_child_await(child, KPK_CHILD_EXITED, ENDING_MS); /* its state is known now */
    if (taken <= 0)
        return kpk_fail(err, KPK_WAIT, "%s: %s", child->name,
                        taken < 0 ? "ended without an answer" : "gives no answer in time");
    child->line[child->line_len] = '\0';
    child->line_len = 0;
    snprintf(answer, answer_bytes, "%s", child->line);
    return 0;
}
