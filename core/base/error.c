/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * error.c - the names and sentences of enum ferry_error, out of the one list in ferry/error.h.
 */
#include "base/error.h"

const char *ferry_err_name(int err)
{
	switch (err) {
	case FERRY_OK:
		return "OK";
#define x(name, errno_parent, sentence)                                                                              \
	case FERRY_E_##name:                                                                                         \
		return #name;
		FERRY_ERRORS(x)
#undef x
	default:
		return "UNKNOWN";
	}
}

const char *ferry_err_text(int err)
{
	switch (err) {
	case FERRY_OK:
		return "no error";
#define x(name, errno_parent, sentence)                                                                              \
	case FERRY_E_##name:                                                                                         \
		return sentence;
		FERRY_ERRORS(x)
#undef x
	default:
		return "no error code of this driver";
	}
}
