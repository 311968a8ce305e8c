// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * vm_operations_struct.huge_fault gets the order of the page.
 *
 * From Linux 6.6: 1d024e7a8dab "mm: remove enum page_entry_size".
 */
#include <linux/mm.h>

static vm_fault_t huge_fault(struct vm_fault *vmf, unsigned int order)
{
	return VM_FAULT_FALLBACK;
}

void ferry_probe(struct vm_operations_struct *ops);
void ferry_probe(struct vm_operations_struct *ops)
{
	ops->huge_fault = huge_fault;
}
