// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A page is mapped writable and dirty at once.
 *
 * From Linux 6.15: ec2e0cc67f9c "mm/memory: add vmf_insert_page_mkwrite()".
 *
 * Exports: vmf_insert_page_mkwrite
 */
#include <linux/mm.h>

vm_fault_t ferry_probe(struct vm_fault *vmf, struct page *page);
vm_fault_t ferry_probe(struct vm_fault *vmf, struct page *page)
{
	return vmf_insert_page_mkwrite(vmf, page, true);
}
