// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * good.c - nobody complains about this file.
 */
#include <linux/module.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>

DEFINE_STATIC_SRCU(sample_srcu);

static int sample_read(const u32 __user *from, u32 *to) __must_hold(&sample_srcu)
{
	return get_user(*to, from) ? -EFAULT : 0;
}

static int sample_get(char *buffer, const struct kernel_param *param)
{
	int idx = srcu_read_lock(&sample_srcu);
	u32 value = 0;
	int err = sample_read(NULL, &value);

	srcu_read_unlock(&sample_srcu, idx);
	return err ? err : sysfs_emit(buffer, "%u\n", value);
}

static const struct kernel_param_ops sample_ops = {.get = sample_get};
module_param_cb(sample, &sample_ops, NULL, 0444);

MODULE_DESCRIPTION("A sample");
MODULE_LICENSE("Dual MIT/GPL");
