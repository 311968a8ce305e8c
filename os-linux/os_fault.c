// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * os_fault.c (kernel host) - failures on request.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/fault-inject.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "ferry/os.h"

/* ---- the n-th from now: fail_nth ---- */

#define NTH_EVERYBODY (-1)
#define NTH_TEXT_BYTES 32u

/* Whose sites count: a thread's number, or everybody's. 0: off, which is all that a site looks at.
 */
static int nth_who;
static atomic_t nth_left;
static DEFINE_MUTEX(nth_lock); /* of writers */

static bool nth_hit(void)
{
	int who = READ_ONCE(nth_who);

	if (likely(!who))
		return false;
	if (who != NTH_EVERYBODY && (!in_task() || who != task_pid_nr(current)))
		return false;
	if (atomic_dec_if_positive(&nth_left))
		return false;
	WRITE_ONCE(nth_who, 0);
	return true;
}

static ssize_t nth_write(struct file *file, const char __user *user, size_t bytes, loff_t *pos)
{
	char text[NTH_TEXT_BYTES], word[4] = "";
	unsigned int nth;
	int words;

	if (bytes >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, user, bytes))
		return -EFAULT;
	text[bytes] = '\0';
	words = sscanf(text, "%u %3s", &nth, word);
	if (words < 1 || nth > INT_MAX || (words == 2 && strcmp(word, "all")))
		return -EINVAL;
	mutex_lock(&nth_lock);
	WRITE_ONCE(nth_who, 0);
	atomic_set(&nth_left, nth);
	/* Pairs with nothing: a site that sees the old number is as good as one that came before.
	 */
	if (nth)
		WRITE_ONCE(nth_who, words == 2 ? NTH_EVERYBODY : task_pid_nr(current));
	mutex_unlock(&nth_lock);
	return bytes;
}

static ssize_t nth_read(struct file *file, char __user *user, size_t bytes, loff_t *pos)
{
	char text[NTH_TEXT_BYTES];
	int length = scnprintf(text, sizeof(text), "%d\n", atomic_read(&nth_left));

	return simple_read_from_buffer(user, bytes, pos, text, length);
}

static const struct file_operations nth_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = nth_read,
	.write = nth_write,
	.llseek = default_llseek,
};

/* ---- by the kernel's fault injection, where it has that ---- */

#ifdef CONFIG_FAULT_INJECTION

static DECLARE_FAULT_ATTR(fail_ferry);
static DECLARE_FAULT_ATTR(fail_ferry_point);

static bool alloc_fails(size_t size_bytes)
{
	return should_fail(&fail_ferry, (ssize_t)size_bytes);
}

/* One attribute for all points: a thread's fail-nth counts them all, so a sweep meets each. */
static bool point_fails(void)
{
	return should_fail(&fail_ferry_point, 1);
}

#else

static bool alloc_fails(size_t size_bytes)
{
	return false;
}

static bool point_fails(void)
{
	return false;
}

#endif

bool ferry_kernel_fault_alloc(size_t size_bytes)
{
	return nth_hit() || alloc_fails(size_bytes);
}
EXPORT_SYMBOL_GPL(ferry_kernel_fault_alloc);

bool ferry_kernel_fault_point(uint32_t id)
{
	return nth_hit() || point_fails();
}
EXPORT_SYMBOL_GPL(ferry_kernel_fault_point);

/* Debugging files that could not be made are no reason to do without the driver. */
void ferry_kernel_fault_init(struct dentry *debugfs)
{
	debugfs_create_file("fail_nth", 0600, debugfs, NULL, &nth_fops);
#if defined(CONFIG_FAULT_INJECTION) && defined(CONFIG_FAULT_INJECTION_DEBUG_FS)
	(void)fault_create_debugfs_attr("fail_ferry", debugfs, &fail_ferry);
	(void)fault_create_debugfs_attr("fail_ferry_point", debugfs, &fail_ferry_point);
#endif
}
