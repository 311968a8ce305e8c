// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * os_log.c (kernel host) - logging and broken invariants.
 */
#define pr_fmt(fmt) "ferry: " fmt

#include <linux/bug.h>
#include <linux/export.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>

#include "ferry/os.h"

#define BUG_SITES 256u /* remembered as reported; a site past them is reported each time */

static unsigned int log_level = FERRY_LOG_INFO;
module_param(log_level, uint, 0644);
MODULE_PARM_DESC(log_level, "0 errors, 1 and warnings, 2 and notes (default), 3 and debugging");

static DEFINE_RATELIMIT_STATE(log_ratelimit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);

static atomic64_t bug_sites[BUG_SITES]; /* a hash of file and line; 0 = free */

void ferry_kernel_vlog(enum ferry_os_level level, const char *fmt, va_list args)
{
	struct va_format text = {.fmt = fmt};
	va_list copy;

	if ((unsigned int)level > READ_ONCE(log_level))
		return;
	if (level >= FERRY_LOG_WARN && !__ratelimit(&log_ratelimit))
		return;
	va_copy(copy, args);
	text.va = &copy;
	switch (level) {
	case FERRY_LOG_ERROR:
		pr_err("%pV\n", &text);
		break;
	case FERRY_LOG_WARN:
		pr_warn("%pV\n", &text);
		break;
	case FERRY_LOG_INFO:
		pr_info("%pV\n", &text);
		break;
	case FERRY_LOG_DEBUG:
		/* Not pr_debug(): log_level has asked for it. */
		printk(KERN_DEBUG pr_fmt("%pV\n"), &text);
		break;
	}
	va_end(copy);
}
EXPORT_SYMBOL_GPL(ferry_kernel_vlog);

/* True for the first caller of this site. */
static bool bug_site_is_new(const char *file, uint32_t line)
{
	u64 key = 0xcbf29ce484222325ull ^ line;
	const char *c;
	u32 i;

	for (c = file; *c; c++)
		key = (key ^ (unsigned char)*c) * 0x100000001b3ull;
	key |= 1;
	for (i = 0; i < BUG_SITES; i++) {
		s64 was = atomic64_cmpxchg(&bug_sites[(key + i) % BUG_SITES], 0, (s64)key);

		if (was == 0)
			return true;
		if (was == (s64)key)
			return false;
	}
	return true;
}

void ferry_kernel_bug(const char *file, uint32_t line, const char *what)
{
	if (bug_site_is_new(file, line))
		WARN(1, "ferry: bug: %s:%u: %s\n", file, line, what);
}
EXPORT_SYMBOL_GPL(ferry_kernel_bug);
