// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A huge folio is mapped with its reference count and map count.
 *
 * From Linux 6.15: 6c88f72691f8 "mm/huge_memory: add vmf_insert_folio_pmd()".
 *
 * Exports: vmf_insert_folio_pmd
 */
#include <linux/mm.h>

vm_fault_t ferry_probe(struct vm_fault *vmf, struct folio *folio);
vm_fault_t ferry_probe(struct vm_fault *vmf, struct folio *folio)
{
	return vmf_insert_folio_pmd(vmf, folio, true);
}
