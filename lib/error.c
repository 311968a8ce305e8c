/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Errors for people: names, sentences, errno, and this thread's last story. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/backend.h"

static const struct {
	const char *name, *text;
	int number;
} errors[FERRY_ERROR_COUNT] = {[FERRY_OK] = {"OK", "success", 0},
#define x(name, errno_parent, sentence) [FERRY_E_##name] = {#name, sentence, errno_parent},
                               FERRY_ERRORS(x)
#undef x
};

static _Thread_local char last_error[256];

const char *ferry_strerror(int error)
{
	return error >= 0 && error < FERRY_ERROR_COUNT ? errors[error].text : "unknown error";
}

const char *ferry_error_name(int error)
{
	return error >= 0 && error < FERRY_ERROR_COUNT ? errors[error].name : "UNKNOWN";
}

int ferry_error_errno(int error)
{
	return error >= 0 && error < FERRY_ERROR_COUNT ? errors[error].number : EIO;
}

const char *ferry_last_error(void)
{
	return last_error;
}

int ferry_fail(int error, const char *fmt, ...)
{
	va_list args;

	last_error[0] = 0;
	if (!error)
		return 0;
	va_start(args, fmt);
	(void)vsnprintf(last_error, sizeof(last_error), fmt, args);
	va_end(args);
	return error;
}
