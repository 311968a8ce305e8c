/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * trace.h - trace events out of tracefs, Ferry's and others: switched on, off, and read.
 */
#ifndef FERRY_TEST_TRACE_H
#define FERRY_TEST_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/event.h"

#define TRACE_DIR "/sys/kernel/tracing"

/* Empties the buffer, then records event, or "" for all of Ferry's. Fails the case when that cannot be. */
void trace_on(const char *event);
/* The kernel's own as well: a folder of events/, or one in it: "irq", "sched/sched_switch". False: it has none. */
bool trace_also(const char *events);
/* What was recorded from trace_on() to here is what the functions below look at. */
void trace_off(void);

/* One event: the three numbers as event.h names them. */
typedef void (*trace_seen)(void *arg, enum ferry_event event, const uint64_t number[3]);
/*
 * Ferry's events, in order. Fails the case when an event was lost, a line is not as event.h
 * says, or an event of ferry's is none of event.h's. Lines of others are passed over.
 */
void trace_read(trace_seen seen, void *arg);
/* How many were recorded, of all kinds. */
uint64_t trace_count(void);

/* How many lines, of whatever event, contain what; the first of them. */
uint64_t trace_mentions(const char *what, char *first, size_t size);

#endif /* FERRY_TEST_TRACE_H */
