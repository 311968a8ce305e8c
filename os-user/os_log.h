/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_log.h (process host) - logging and broken invariants, to stderr, one write per line.
 */
#ifndef FERRY_USER_OS_LOG_H
#define FERRY_USER_OS_LOG_H

#include <stdarg.h>

#include "ferry/os.h"

/* Lines above this level are dropped. enum ferry_os_level; FERRY_LOG_WARN until someone sets it. */
extern uint32_t ferry_user_log_level;

/*
 * What ferry_os_bug() does: 1 prints and aborts, 0 prints each site once and goes on. Until someone sets it, it
 * is 1 when the environment has FERRY_BUG_FATAL=1. Set it before threads start.
 */
#define FERRY_USER_BUG_ASK_ENV 2u
extern uint32_t ferry_user_bug_is_fatal;

/* Broken invariants seen by this process, repeats included. Any context. */
uint64_t ferry_user_bug_count(void);

void ferry_user_vlog(enum ferry_os_level level, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
void ferry_user_bug(const char *file, uint32_t line, const char *what);

static inline void ferry_os_log(enum ferry_os_level level, const char *fmt, ...)
{
	va_list args;

	if ((uint32_t)level > __atomic_load_n(&ferry_user_log_level, __ATOMIC_RELAXED))
		return;
	va_start(args, fmt);
	ferry_user_vlog(level, fmt, args);
	va_end(args);
}

static inline void ferry_os_bug(const char *file, uint32_t line, const char *what)
{
	ferry_user_bug(file, line, what);
}

#endif /* FERRY_USER_OS_LOG_H */
