/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * upper - small letters of a text become capitals, in place. Not a built-in: it is the example of a program of one's
 * own (docs/howto/gpu-programs.md), in the form that `ferryctl run FILE.o` runs over any file.
 */
#include "ferry/gpu.h"

FERRY_KERNEL(upper, u8 *data, u64 bytes)
{
	FERRY_FOR_BLOCK(i, bytes) {
		u8 c = data[i];

		if (c >= 'a' && c <= 'z')
			data[i] = c - 'a' + 'A';
	}
}
