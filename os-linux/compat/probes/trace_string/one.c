// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * __assign_str() of a trace event takes the field alone.
 *
 * From Linux 6.10: 2c92ca849fcc "tracing/treewide: Remove second parameter of __assign_str()".
 */
#include <linux/string.h>

/* What the macro uses of the function that TRACE_EVENT() would write around it. */
#include <trace/stages/stage6_event_callback.h>
#define EVENT_NULL_STR "(null)"
#undef __get_str
#define __get_str(field) field
#undef __get_dynamic_array_len
#define __get_dynamic_array_len(field) 8

void ferry_probe(char *name, const char *source);
void ferry_probe(char *name, const char *source)
{
	struct {
		const char *name_ptr_;
	} __data_offsets = {.name_ptr_ = source};

	(void)__data_offsets;
	__assign_str(name);
}
