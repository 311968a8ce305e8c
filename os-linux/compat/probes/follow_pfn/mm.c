// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The same through follow_pte(), which takes the address space.
 *
 * Up to Linux 6.9.
 *
 * Exports: follow_pte
 */
#include <linux/mm.h>

int ferry_probe(struct vm_area_struct *vma, unsigned long *pfn);
int ferry_probe(struct vm_area_struct *vma, unsigned long *pfn)
{
	spinlock_t *lock;
	pte_t *pte;
	int err = follow_pte(vma->vm_mm, vma->vm_start, &pte, &lock);

	if (err)
		return err;
	*pfn = pte_pfn(*pte);
	pte_unmap_unlock(pte, lock);
	return 0;
}
