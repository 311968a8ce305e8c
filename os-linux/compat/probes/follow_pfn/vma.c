// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The same through follow_pte(), which takes the VMA.
 *
 * Linux 6.10 and 6.11, which assert the mmap lock: 29ae7d96d166 "mm: pass VMA instead of MM to
 * follow_pte()", c5541ba378e3 "mm: follow_pte() improvements". Gone in 6.12: b0a1c0d0edcd "mm:
 * remove follow_pte()".
 *
 * Exports: follow_pte
 */
#include <linux/mm.h>

int ferry_probe(struct vm_area_struct *vma, unsigned long *pfn);
int ferry_probe(struct vm_area_struct *vma, unsigned long *pfn)
{
	spinlock_t *lock;
	pte_t *pte;
	int err = follow_pte(vma, vma->vm_start, &pte, &lock);

	if (err)
		return err;
	*pfn = pte_pfn(*pte);
	pte_unmap_unlock(pte, lock);
	return 0;
}
