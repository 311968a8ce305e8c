/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_trace.h (kernel host) - trace events, in /sys/kernel/tracing/events/ferry/.
 *
 * The events themselves are in trace.h, which is heavy; here is only whether one is switched on: a
 * no-op in the code, patched into a jump. Whoever takes the jump leaves the inlined code. Any
 * context.
 */
#ifndef FERRY_KERNEL_OS_TRACE_H
#define FERRY_KERNEL_OS_TRACE_H

#include <linux/tracepoint-defs.h>

#include "ferry/os.h"

#define x(name, shape, format) DECLARE_TRACEPOINT(ferry_##name);
FERRY_EVENTS(x)
#undef x

void ferry_kernel_trace(enum ferry_event event, uint64_t a, uint64_t b, uint64_t c);

static __always_inline bool ferry_os_traced(enum ferry_event event)
{
	switch (event) {
#define x(name, shape, format)                                                                     \
	case FERRY_EVENT_##name:                                                                   \
		return tracepoint_enabled(ferry_##name);
		FERRY_EVENTS(x)
#undef x
	case FERRY_EVENT_COUNT:
		break;
	}
	return false;
}

static __always_inline void ferry_os_trace(enum ferry_event event, uint64_t a, uint64_t b,
					   uint64_t c)
{
	if (ferry_os_traced(event))
		ferry_kernel_trace(event, a, b, c);
}

#endif /* FERRY_KERNEL_OS_TRACE_H */
