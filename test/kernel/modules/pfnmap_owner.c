// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * pfnmap_owner.c - another driver, as far as ferry.ko can see: see pfnmap_owner.h.
 */
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat/compat.h"
#include "pfnmap_owner.h"

#define BARE_FRAME (0xfed00000ul >> PAGE_SHIFT) /* registers: the HPET's, or a hole */
#define WORDS (PAGE_SIZE / sizeof(u64))

struct owner {
	struct mutex lock; /* of taken; inserting against taking away */
	u64 *page[OWNER_PAGES];
	DECLARE_BITMAP(taken, OWNER_PAGES);
};

static vm_fault_t owner_fault(struct vm_fault *vmf)
{
	struct owner *owner = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	if (vmf->pgoff == OWNER_PAGES)
		return vmf_insert_pfn(vmf->vma, vmf->address, BARE_FRAME);
	if (vmf->pgoff > OWNER_PAGES)
		return VM_FAULT_SIGBUS;
	mutex_lock(&owner->lock);
	if (!test_bit(vmf->pgoff, owner->taken))
		ret = vmf_insert_pfn(vmf->vma, vmf->address,
				     page_to_pfn(virt_to_page(owner->page[vmf->pgoff])));
	mutex_unlock(&owner->lock);
	return ret;
}

static const struct vm_operations_struct owner_vm_ops = {.fault = owner_fault};

static int owner_mmap(struct file *filp, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	if (vma->vm_pgoff == OWNER_PAGES)
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vma->vm_private_data = filp->private_data;
	vma->vm_ops = &owner_vm_ops;
	return 0;
}

static bool range_good(const struct owner_range *range)
{
	return range->count && range->first < OWNER_PAGES &&
	       range->count <= OWNER_PAGES - range->first;
}

/* Once the mappings are gone the pages are ours alone: whoever still writes there shows. */
static int owner_take(struct file *filp, const struct owner_range *range)
{
	struct owner *owner = filp->private_data;

	if (!range_good(range))
		return -EINVAL;
	mutex_lock(&owner->lock);
	bitmap_set(owner->taken, range->first, range->count);
	mutex_unlock(&owner->lock);
	unmap_mapping_range(filp->f_mapping, (loff_t)range->first << PAGE_SHIFT,
			    (loff_t)range->count << PAGE_SHIFT, 1);
	for (u32 i = range->first; i < range->first + range->count; i++)
		memset64(owner->page[i], OWNER_TAKEN, WORDS);
	return 0;
}

static int owner_touched(struct owner *owner)
{
	int touched = 0;
	u32 i;

	for_each_set_bit(i, owner->taken, OWNER_PAGES) {
		u32 word = 0;

		while (word < WORDS && READ_ONCE(owner->page[i][word]) == OWNER_TAKEN)
			word++;
		touched += word < WORDS;
	}
	return touched;
}

static int owner_word(struct owner *owner, unsigned int cmd, struct owner_word *word)
{
	u64 *at;

	if (word->page >= OWNER_PAGES || word->index >= WORDS)
		return -EINVAL;
	at = &owner->page[word->page][word->index];
	if (cmd == OWNER_POKE)
		WRITE_ONCE(*at, word->value);
	else
		word->value = READ_ONCE(*at);
	return 0;
}

static long owner_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct owner_range range;
	struct owner_word word;
	int err;

	switch (cmd) {
	case OWNER_TAKE:
		return copy_from_user(&range, user, sizeof(range)) ? -EFAULT
								   : owner_take(filp, &range);
	case OWNER_TOUCHED:
		return owner_touched(filp->private_data);
	case OWNER_POKE:
	case OWNER_PEEK:
		if (copy_from_user(&word, user, sizeof(word)))
			return -EFAULT;
		err = owner_word(filp->private_data, cmd, &word);
		if (!err && cmd == OWNER_PEEK && copy_to_user(user, &word, sizeof(word)))
			return -EFAULT;
		return err;
	default:
		return -ENOTTY;
	}
}

static void owner_free(struct owner *owner)
{
	for (u32 i = 0; i < OWNER_PAGES; i++)
		free_page((unsigned long)owner->page[i]);
	mutex_destroy(&owner->lock);
	kvfree(owner);
}

static int owner_open(struct inode *inode, struct file *filp)
{
	struct owner *owner = kvzalloc(sizeof(*owner), GFP_KERNEL);

	if (!owner)
		return -ENOMEM;
	mutex_init(&owner->lock);
	for (u32 i = 0; i < OWNER_PAGES; i++) {
		owner->page[i] = (u64 *)get_zeroed_page(GFP_KERNEL);
		if (!owner->page[i]) {
			owner_free(owner);
			return -ENOMEM;
		}
	}
	filp->private_data = owner;
	return 0;
}

static int owner_release(struct inode *inode, struct file *filp)
{
	owner_free(filp->private_data);
	return 0;
}

static const struct file_operations owner_fops = {
	.owner = THIS_MODULE,
	.open = owner_open,
	.release = owner_release,
	.unlocked_ioctl = owner_ioctl,
	.mmap = owner_mmap,
};

static struct miscdevice owner_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pfnmap_owner",
	.fops = &owner_fops,
};
module_misc_device(owner_device);

MODULE_DESCRIPTION("A driver that maps page frames, for Ferry's tests");
MODULE_LICENSE("Dual MIT/GPL");
