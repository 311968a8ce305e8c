/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * error.h - the names and sentences of enum ferry_error, for logs and records. No errno here: that is the edge's.
 *
 * Both are pure, never fail, and return constants. Context: any.
 */
#ifndef FERRY_CORE_ERROR_H
#define FERRY_CORE_ERROR_H

#include "ferry/error.h"

/* "PMM_FULL", "OK" for 0, "UNKNOWN" for what is no code. */
const char *ferry_err_name(int err);
/* The sentence for people. */
const char *ferry_err_text(int err);

#endif /* FERRY_CORE_ERROR_H */
