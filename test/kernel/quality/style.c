// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * style.c - fine for a compiler and for clang-format, not for checkpatch.pl.
 */
#include <linux/printk.h>

typedef struct sample {
	volatile int value;
} sample_t;

static sample_t *sample;

static void sample_say(void)
{
	if (sample == NULL)
		printk("no sample\n");
}
