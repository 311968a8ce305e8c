/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_log.h (kernel host) - logging and broken invariants, to the kernel log with "ferry: " in
 * front.
 *
 * Lines above the module parameter log_level (0 error .. 3 debug, default 2) are dropped; warnings
 * and below are rate-limited together, errors are not. Any context but NMI.
 */
#ifndef FERRY_KERNEL_OS_LOG_H
#define FERRY_KERNEL_OS_LOG_H

#include <linux/stdarg.h>

#include "ferry/os.h"

__printf(2, 0) void ferry_kernel_vlog(enum ferry_os_level level, const char *fmt, va_list args);
/* WARNs once per site, and goes on. */
void ferry_kernel_bug(const char *file, uint32_t line, const char *what);

static inline void ferry_os_log(enum ferry_os_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	ferry_kernel_vlog(level, fmt, args);
	va_end(args);
}

static inline void ferry_os_bug(const char *file, uint32_t line, const char *what)
{
	ferry_kernel_bug(file, line, what);
}

#endif /* FERRY_KERNEL_OS_LOG_H */
