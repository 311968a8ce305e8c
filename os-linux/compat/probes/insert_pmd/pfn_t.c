// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * vmf_insert_pfn_pmd() takes a pfn_t.
 *
 * Up to Linux 6.16.
 */
#include <linux/mm.h>
#include <linux/pfn_t.h>

vm_fault_t ferry_probe(struct vm_fault *vmf, unsigned long pfn);
vm_fault_t ferry_probe(struct vm_fault *vmf, unsigned long pfn)
{
	return vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), true);
}
