// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * file.c - an open /dev/ferryN: a VA space of the process that opened it; its requests come as
 * ioctls.
 *
 * Everything the user gives is copied in before the core sees it, and copied back after the core
 * has let go of its locks: user memory may be managed memory, and touching it may fault.
 */
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ferry/uapi/ferry_ioctl.h"
#include "kernel.h"
#include "os_fault.h"
#include "os_mem.h"

#define CALL_BYTES_MIN 24u /* of struct ferry_call in the first version */

/* clang-format off */
static const int errnos[FERRY_ERROR_COUNT] = {
#define x(name, errno_parent, sentence) \
	[FERRY_E_##name] = errno_parent,
	FERRY_ERRORS(x)
#undef x
};

/* clang-format on */

int ferry_errno(int error)
{
	if (!error)
		return 0;
	return error > 0 && error < FERRY_ERROR_COUNT ? -errnos[error] : -EIO;
}

int ferry_device_errno(int error)
{
	return ferry_errno(error);
}
EXPORT_SYMBOL_GPL(ferry_device_errno);

/* ---- open, release ---- */

static const uint32_t host_caps =
	1u << FERRY_CAPABILITY_SYSCALLS | 1u << FERRY_CAPABILITY_READ_MOSTLY;

static int file_open(struct ferry_file *file)
{
	int err = ferry_kmm_init(file);

	if (err)
		return ferry_errno(err);
	file->inode = ferry_inode_new();
	if (IS_ERR(file->inode)) {
		err = PTR_ERR(file->inode);
		goto fini_mm;
	}
	err = ferry_core_open(file->node->core, &ferry_kmm_ops, file, host_caps, &file->vs);
	if (err) {
		err = ferry_errno(err);
		goto put_inode;
	}
	return 0;

put_inode:
	iput(file->inode);
fini_mm:
	ferry_kmm_fini(file);
	return err;
}

static int ferry_open(struct inode *inode, struct file *filp)
{
	struct ferry_node *node = container_of(inode->i_cdev, struct ferry_node, cdev);
	struct ferry_file *file;
	int err;

	if (!current->mm)
		return -EINVAL;
	err = ferry_node_get(node);
	if (err)
		return ferry_errno(err);
	file = ferry_file_alloc();
	if (!file) {
		err = -ENOMEM;
		goto put_node;
	}
	file->node = node;
	file->mm = current->mm;
	mmgrab(file->mm);
	spin_lock_init(&file->faults_lock);
	INIT_LIST_HEAD(&file->faults);
	err = file_open(file);
	if (err)
		goto drop_mm;
	ferry_shrink_add(file);
	filp->private_data = file;
	/*
	 * So that what we zap is our own: the device node's address space is shared by all who open
	 * it.
	 */
	filp->f_mapping = file->inode->i_mapping;
	return 0;

drop_mm:
	mmdrop(file->mm);
	ferry_file_free(file);
put_node:
	ferry_node_put(node);
	return err;
}

static int ferry_release(struct inode *inode, struct file *filp)
{
	struct ferry_file *file = filp->private_data;

	ferry_shrink_del(file);
	ferry_core_close(file->node->core, file->vs);
	ferry_kmm_fini(file);
	iput(file->inode);
	mmdrop(file->mm);
	ferry_node_put(file->node);
	ferry_file_free(file);
	return 0;
}

/* ---- requests ---- */

/* Sizes that are wrong in themselves get their own answer from the core. */
static bool span_is_sane(uint64_t base, uint64_t bytes)
{
	return bytes && base <= FERRY_VA_END && bytes <= FERRY_VA_END - base;
}

/* What can only be checked, or done, with the process's VMAs; before the core sees the request. */
static int request_vmas(struct ferry_file *file, uint32_t request, const void *buf, size_t bytes)
{
	const struct ferry_req_range *range = buf;
	const struct ferry_req_advise *advise = buf;

	if (request == FERRY_REQ_RANGE_CREATE && bytes >= sizeof(*range) &&
	    span_is_sane(range->base, range->bytes) &&
	    !ferry_vma_covers(file, range->base, range->bytes))
		return FERRY_E_RANGE_NOT_MAPPED;
	if (request == FERRY_REQ_ADVISE && bytes >= sizeof(*advise) &&
	    advise->advice == FERRY_ADVICE_READ_MOSTLY && span_is_sane(advise->base, advise->bytes))
		return ferry_vma_hear_writes(file, advise->base, advise->base + advise->bytes);
	return 0;
}

static int call_run(struct ferry_file *file, uint32_t request, const struct ferry_call *call)
{
	void __user *data = u64_to_user_ptr(call->data);
	uint32_t out_bytes;
	void *buf;
	int err;

	if (call->data != (uintptr_t)data)
		return FERRY_E_CALL_ADDRESS;
	if (call->bytes > FERRY_CALL_BYTES_MAX)
		return FERRY_E_CALL_SIZE;
	if (call->bytes < sizeof(uint32_t))
		return FERRY_E_REQUEST_SIZE;
	buf = ferry_kernel_fault_alloc(call->bytes) ? NULL : ferry_kernel_kvzalloc(call->bytes);
	if (!buf)
		return FERRY_E_CALL_NOMEM;
	err = copy_from_user(buf, data, call->bytes) ? FERRY_E_CALL_ADDRESS : 0;
	if (!err)
		err = request_vmas(file, request, buf, call->bytes);
	if (!err) {
		err = ferry_core_request(file->node->core, file->vs, request, buf, call->bytes);
		/*
		 * The struct alone; a payload is never written. The core has checked size, or
		 * written nothing.
		 */
		out_bytes = min_t(uint64_t, *(uint32_t *)buf, call->bytes);
		if (copy_to_user(data, buf, out_bytes) && !err)
			err = FERRY_E_CALL_ADDRESS;
	}
	kvfree(buf);
	return err;
}

static long ferry_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct ferry_file *file = filp->private_data;
	struct ferry_call __user *user = (void __user *)arg;
	struct ferry_call call;
	uint32_t size;
	int err;

	if (_IOC_TYPE(cmd) != FERRY_IOC_MAGIC || _IOC_DIR(cmd) != (_IOC_READ | _IOC_WRITE))
		return -ENOTTY;
	if (get_user(size, &user->size))
		return -EFAULT;
	if (size < CALL_BYTES_MIN)
		return -EINVAL;
	err = copy_struct_from_user(&call, sizeof(call), user, size);
	if (err)
		return err;
	err = current->mm == file->mm ? call_run(file, _IOC_NR(cmd), &call) : FERRY_E_FOREIGN;
	if (put_user((uint32_t)err, &user->error))
		return -EFAULT;
	return ferry_errno(err);
}

static __poll_t ferry_poll(struct file *filp, struct poll_table_struct *table)
{
	struct ferry_file *file = filp->private_data;
	struct ferry_core *core = file->node->core;
	struct ferry_os_wait *wait;
	__poll_t events = 0;
	uint32_t bits;

	for (uint32_t id = 0; (wait = ferry_core_poll_wait(core, id)); id++)
		poll_wait(filp, &wait->head, table);
	bits = ferry_core_poll(core, file->vs);
	if (bits & FERRY_CORE_POLL_IDLE)
		events |= EPOLLIN | EPOLLRDNORM;
	if (bits & FERRY_CORE_POLL_LOST)
		events |= EPOLLERR | EPOLLHUP;
	return events;
}

const struct file_operations ferry_fops = {
	.owner = THIS_MODULE,
	.open = ferry_open,
	.release = ferry_release,
	.unlocked_ioctl = ferry_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = ferry_poll,
	.mmap = ferry_mmap,
};
