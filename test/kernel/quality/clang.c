// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * clang.c - fine for gcc; clang says that value is not always set.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/random.h>

static int __init sample_init(void)
{
	u32 value;

	if (get_random_u32() & 1)
		value = get_random_u32();
	return value ? 0 : -ENODEV;
}
module_init(sample_init);

MODULE_DESCRIPTION("A sample");
MODULE_LICENSE("Dual MIT/GPL");
