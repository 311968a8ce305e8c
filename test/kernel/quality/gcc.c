// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * gcc.c - quiet without W=1; with it, dropped is set but not used.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/random.h>

static int __init sample_init(void)
{
	u32 dropped;

	dropped = get_random_u32();
	return 0;
}
module_init(sample_init);

MODULE_DESCRIPTION("A sample");
MODULE_LICENSE("Dual MIT/GPL");
