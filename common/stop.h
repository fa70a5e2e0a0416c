/* The one flag that ends a process: set by SIGTERM or SIGINT, read by every loop.
 * The handler only counts besides; what "stop" means is written in the loops. */
#ifndef KPK_COMMON_STOP_H
#define KPK_COMMON_STOP_H

#include <stdbool.h>

/* Install the handlers and ignore SIGPIPE. Call once, from main, before any thread starts. */
void kpk_stop_init(void);

/* True once the process was asked to end. Any thread. */
bool kpk_stopping(void);

/* True once it was asked by a second signal, as by a second Ctrl-C: what still takes its time is given up. Any thread. */
bool kpk_stop_insisted(void);

/* Ask this process to end, as SIGTERM would: a thread that met a FATAL error does. Any thread. */
void kpk_stop(void);

/* Sleep up to 'ms', less if the process is asked to end. Any thread. */
void kpk_stop_wait(int ms);

#endif
