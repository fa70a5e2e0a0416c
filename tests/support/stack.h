/* The stack under test, by the names of its processes (deploy/native/stack status): what runs,
 * is it ready, and how to do it harm. The tool that controls it is $KPK_TEST_STACK. */
#ifndef KPK_TESTS_SUPPORT_STACK_H
#define KPK_TESTS_SUPPORT_STACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A process that was killed is back in seconds, on a slow machine too. */
enum { STACK_BACK_MS = 60000 };

/* returns  0: it does not run */
pid_t stack_pid(const char *name);

/* Does it answer, as its users would ask it: a service by /readyz, a server by its protocol? */
bool stack_ready(const char *name);

/* A metric without labels of a service's /metrics. returns  -1: no answer, or no such metric */
int64_t stack_metric(const char *name, const char *metric);

/* The port on 127.0.0.1 that a service listens on. */
int stack_port(const char *service);

/* SIGSTOP, SIGCONT, SIGKILL. The test fails when no such process runs.
 * returns  the process it went to */
pid_t stack_signal(const char *name, int signal);

/* Stop it and all its children: its port still takes connections, and nobody answers. Wake them
 * up, also when they are awake or gone: a test's teardown does. */
void stack_hang(const char *name);
void stack_wake(const char *name);

/* Stop and start it as a person would: its supervisor leaves it alone in between. Starting one that
 * runs is no error. */
void stack_stop(const char *name);
void stack_start(const char *name);

/* Wait until the process 'before' is gone and another under this name is ready. */
void stack_await_restart(const char *name, pid_t before);

#endif
