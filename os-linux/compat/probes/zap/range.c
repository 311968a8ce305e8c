// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * CPU mappings of a file are taken away, and put in page by page.
 *
 * All kernels.
 *
 * Exports: unmap_mapping_range vm_insert_page vmf_insert_pfn
 */
#include <linux/mm.h>

vm_fault_t ferry_probe(struct vm_area_struct *vma, struct address_space *mapping,
		       unsigned long pfn);
vm_fault_t ferry_probe(struct vm_area_struct *vma, struct address_space *mapping, unsigned long pfn)
{
	unmap_mapping_range(mapping, 0, PAGE_SIZE, 1);
	if (vm_insert_page(vma, vma->vm_start, pfn_to_page(pfn)))
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vma, vma->vm_start, pfn);
}
