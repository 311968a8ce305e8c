/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * watch.h - hangs on real threads: a run that takes too long is reported with its story, its seed and every thread's
 * stack, and the process ends with 1.
 */
#ifndef FERRY_SIM_WATCH_H
#define FERRY_SIM_WATCH_H

#include <stdint.h>

#define THREADS_MAX 64u

/* Starts the watchdog, once. patience_s: how long a run may take. */
void watch_start(double patience_s);
/* story must live on. */
void watch_begin(const char *story, uint64_t seed);
void watch_end(void);

/* threads.c: the story's threads, a line each. */
void threads_print_state(void);

#endif /* FERRY_SIM_WATCH_H */
