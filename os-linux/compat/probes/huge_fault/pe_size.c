// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * vm_operations_struct.huge_fault gets an enum of sizes.
 *
 * Up to Linux 6.5.
 */
#include <linux/mm.h>

static vm_fault_t huge_fault(struct vm_fault *vmf, enum page_entry_size pe_size)
{
	return VM_FAULT_FALLBACK;
}

void ferry_probe(struct vm_operations_struct *ops);
void ferry_probe(struct vm_operations_struct *ops)
{
	ops->huge_fault = huge_fault;
}
