// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * vmf_insert_pfn_pmd() takes the page frame number as a number.
 *
 * From Linux 6.17: 21aa65bf82a7 "mm: remove callers of pfn_t functionality".
 */
#include <linux/mm.h>

vm_fault_t ferry_probe(struct vm_fault *vmf, unsigned long pfn);
vm_fault_t ferry_probe(struct vm_fault *vmf, unsigned long pfn)
{
	return vmf_insert_pfn_pmd(vmf, pfn, true);
}
