// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * clang.c - fine for gcc; clang says that nobody calls the inline function.
 */
#include <linux/init.h>
#include <linux/module.h>

static inline int sample_unused(void)
{
	return 1;
}

static int __init sample_init(void)
{
	return 0;
}
module_init(sample_init);

MODULE_DESCRIPTION("A sample");
MODULE_LICENSE("Dual MIT/GPL");
