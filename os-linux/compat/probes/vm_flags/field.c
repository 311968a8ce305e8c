// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The flags of a VMA are a field that drivers write.
 *
 * Up to Linux 6.2; read-only since bc292ab00f6c.
 */
#include <linux/mm.h>

void ferry_probe(struct vm_area_struct *vma);
void ferry_probe(struct vm_area_struct *vma)
{
	vma->vm_flags |= VM_DONTEXPAND;
}
