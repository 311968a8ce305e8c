// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * export.c - what drivers get of the pure parts, which cannot say so themselves.
 */
#include <linux/export.h>

#include "hal/fg1/hal_fg1.h"

EXPORT_SYMBOL_GPL(ferry_hal_fg1); /* of an FG-1, wherever it sits */
