/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_trace.h (process host) - no trace events: a process has its debugger, and its counters. Compiles to nothing.
 */
#ifndef FERRY_USER_OS_TRACE_H
#define FERRY_USER_OS_TRACE_H

#include "ferry/os.h"

static inline bool ferry_os_traced(enum ferry_event event)
{
	(void)event;
	return false;
}

static inline void ferry_os_trace(enum ferry_event event, uint64_t a, uint64_t b, uint64_t c)
{
	(void)event, (void)a, (void)b, (void)c;
}

#endif /* FERRY_USER_OS_TRACE_H */
