// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The flags of a VMA change through vm_flags_set(), vm_flags_clear() and vm_flags_mod().
 *
 * From Linux 6.3: bc292ab00f6c "mm: introduce vma->vm_flags wrapper functions".
 */
#include <linux/mm.h>

void ferry_probe(struct vm_area_struct *vma);
void ferry_probe(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_DONTEXPAND);
	vm_flags_clear(vma, VM_MAYEXEC);
	vm_flags_mod(vma, VM_DONTDUMP, VM_EXEC);
}
