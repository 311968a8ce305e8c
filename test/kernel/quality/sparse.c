// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * sparse.c - fine for a compiler; sparse sees a read of the caller's memory, and a lock that is kept sometimes.
 */
#include <linux/module.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(sample_lock);

static int sample_get(char *buffer, const struct kernel_param *param)
{
	const u32 __user *from = (const u32 __user *)buffer;

	spin_lock(&sample_lock);
	if (*from)
		return -EINVAL;
	spin_unlock(&sample_lock);
	return 0;
}

static const struct kernel_param_ops sample_ops = {.get = sample_get};
module_param_cb(sample, &sample_ops, NULL, 0444);

MODULE_DESCRIPTION("A sample");
MODULE_LICENSE("Dual MIT/GPL");
