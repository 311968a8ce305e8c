// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * trace.c - the trace events' code, once, and the way to it from the core's numbers.
 */
#include "ferry/os.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

void ferry_kernel_trace(enum ferry_event event, uint64_t a, uint64_t b, uint64_t c)
{
	switch (event) {
#define x(name, shape, format)                                                                     \
	case FERRY_EVENT_##name:                                                                   \
		trace_ferry_##name(a, b, c);                                                       \
		break;
		FERRY_EVENTS(x)
#undef x
	case FERRY_EVENT_COUNT:
		break;
	}
	/* Every event says how it is printed: what the shapes would print is left over. */
#define x(shape, a, b, c)                                                                          \
	(void)print_fmt_ferry_##shape;                                                             \
	(void)trace_event_type_funcs_ferry_##shape;
	FERRY_EVENT_SHAPES(x)
#undef x
}
