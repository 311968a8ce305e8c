// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The page frame behind an address of a VM_PFNMAP mapping: follow_pfnmap_start() and _end().
 *
 * From Linux 6.12: 6da8e9634bb7 "mm: new follow_pfnmap API".
 *
 * Exports: follow_pfnmap_start follow_pfnmap_end
 */
#include <linux/mm.h>

int ferry_probe(struct vm_area_struct *vma, unsigned long *pfn);
int ferry_probe(struct vm_area_struct *vma, unsigned long *pfn)
{
	struct follow_pfnmap_args args = {.vma = vma, .address = vma->vm_start};
	int err = follow_pfnmap_start(&args);

	if (err)
		return err;
	*pfn = args.pfn + args.writable;
	follow_pfnmap_end(&args);
	return 0;
}
