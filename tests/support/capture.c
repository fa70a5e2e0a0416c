#include "tests/support/capture.h"

#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE_BYTES = 4096, WORDS = 32 };

/* A file in memory in place of 'fd'. returns  what 'fd' was, for put_back() */
static int divert(int fd, int *memory) {
    int kept = dup(fd);

    *memory = memfd_create("captured", MFD_CLOEXEC);
    assert_true(kept >= 0 && *memory >= 0);
    assert_true(dup2(*memory, fd) == fd);
    return kept;
}

static void put_back(int fd, int kept, int memory, char *text, size_t size) {
    ssize_t len = pread(memory, text, size - 1, 0);

    dup2(kept, fd);
    close(kept);
    close(memory);
    assert_true(len >= 0);
    text[len] = '\0';
}

const struct captured *capture(int (*run)(int argc, char **argv), const char *line) {
    static struct captured got;
    char copy[LINE_BYTES], *argv[WORDS + 1], *words = copy, *word;
    int argc = 0, out, err;

    assert_true((size_t)snprintf(copy, sizeof(copy), "%s", line) < sizeof(copy));
    while ((word = strsep(&words, " ")))
        if (*word) {
            assert_true(argc < WORDS);
            argv[argc++] = word;
        }
    argv[argc] = NULL;
    fflush(stdout);
    int kept_out = divert(STDOUT_FILENO, &out), kept_err = divert(STDERR_FILENO, &err);
    got.code = run(argc, argv);
    fflush(stdout);
    put_back(STDERR_FILENO, kept_err, err, got.err, sizeof(got.err));
    put_back(STDOUT_FILENO, kept_out, out, got.out, sizeof(got.out));
    return &got;
}
