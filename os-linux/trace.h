/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * trace.h - the table of ferry/event.h as trace events: events/ferry/ferry_NAME. Included by
 * trace.c, and by the tracing core again and again.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ferry

#if !defined(FERRY_KERNEL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define FERRY_KERNEL_TRACE_H

#include <linux/tracepoint.h>

#include "ferry/event.h"

/*
 * Code for each shape, once; an event adds its name and how it is printed. No strings among the
 * fields: __assign_str() has two forms (Linux 6.10).
 */
#define x(shape, a, b, c)                                                                          \
	DECLARE_EVENT_CLASS(ferry_##shape, TP_PROTO(u64 a, u64 b, u64 c), TP_ARGS(a, b, c),        \
			    TP_STRUCT__entry(__field(u64, a) __field(u64, b) __field(u64, c)),     \
			    TP_fast_assign(__entry->a = a; __entry->b = b; __entry->c = c;),       \
			    TP_printk("%llu %llu %llu", __entry->a, __entry->b, __entry->c));
FERRY_EVENT_SHAPES(x)
#undef x

#define FERRY_TRACE_PRINT_place(format)                                                            \
	TP_printk(format, __entry->device, __entry->va, __entry->value)
#define FERRY_TRACE_PRINT_device(format)                                                           \
	TP_printk(format, __entry->device, __entry->value, __entry->more)
#define FERRY_TRACE_PRINT_cpu(format) TP_printk(format, __entry->write, __entry->va, __entry->error)

#define x(name, shape, format)                                                                     \
	DEFINE_EVENT_PRINT(ferry_##shape, ferry_##name, TP_PROTO(u64 a, u64 b, u64 c),             \
			   TP_ARGS(a, b, c), FERRY_TRACE_PRINT_##shape(format));
FERRY_EVENTS(x)
#undef x

#endif /* FERRY_KERNEL_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
