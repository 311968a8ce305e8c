/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_log.c (process host) - logging and broken invariants.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ferry/os.h"

#define LINE_BYTES 512
#define BUG_SITES 256u /* remembered as printed; a site past them is printed each time */

uint32_t ferry_user_log_level = FERRY_LOG_WARN;
uint32_t ferry_user_bug_is_fatal = FERRY_USER_BUG_ASK_ENV;

static uint64_t bug_count;
static uint64_t bug_sites[BUG_SITES]; /* a hash of file and line; 0 = free */

static const char *const level_names[] = {"error", "warning", "info", "debug"};

/* One write per line, so that lines of several threads do not mix. A failed write has nowhere to be told. */
static void line_out(const char *text, size_t len)
{
	ssize_t rc = write(STDERR_FILENO, text, len);

	(void)rc;
}

void ferry_user_vlog(enum ferry_os_level level, const char *fmt, va_list args)
{
	const char *name = (uint32_t)level < FERRY_ARRAY_SIZE(level_names) ? level_names[level] : "?";
	char line[LINE_BYTES];
	int keep = errno;
	int len = snprintf(line, sizeof(line) - 1, "ferry: %s: ", name);
	int more = vsnprintf(line + len, sizeof(line) - 1 - (size_t)len, fmt, args);

	if (more > 0)
		len += more;
	if (len > (int)sizeof(line) - 2)
		len = (int)sizeof(line) - 2; /* cut, but still one whole line */
	line[len] = '\n';
	line_out(line, (size_t)len + 1);
	errno = keep;
}

/* True for the first caller of this site. */
static bool bug_site_is_new(const char *file, uint32_t line)
{
	uint64_t key = 0xcbf29ce484222325ull ^ line;

	for (const char *c = file; *c; c++)
		key = (key ^ (unsigned char)*c) * 0x100000001b3ull;
	key |= 1;
	for (uint32_t i = 0; i < BUG_SITES; i++) {
		uint64_t *slot = &bug_sites[(key + i) % BUG_SITES];
		uint64_t was = 0;

		if (__atomic_compare_exchange_n(slot, &was, key, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
		if (was == key)
			return false;
	}
	return true;
}

static bool bug_is_fatal(void)
{
	uint32_t fatal = __atomic_load_n(&ferry_user_bug_is_fatal, __ATOMIC_RELAXED);

	if (fatal == FERRY_USER_BUG_ASK_ENV) {
		const char *env = getenv("FERRY_BUG_FATAL");

		fatal = env && env[0] == '1';
	}
	return fatal != 0;
}

void ferry_user_bug(const char *file, uint32_t line, const char *what)
{
	bool fatal = bug_is_fatal();
	char text[LINE_BYTES];
	int keep = errno;
	int len;

	__atomic_fetch_add(&bug_count, 1, __ATOMIC_RELAXED);
	if (!bug_site_is_new(file, line) && !fatal)
		return;
	len = snprintf(text, sizeof(text), "ferry: bug: %s:%u: %s\n", file, line, what);
	if (len >= (int)sizeof(text))
		len = (int)sizeof(text) - 1;
	line_out(text, (size_t)len);
	if (fatal)
		abort();
	errno = keep;
}

uint64_t ferry_user_bug_count(void)
{
	return __atomic_load_n(&bug_count, __ATOMIC_RELAXED);
}
