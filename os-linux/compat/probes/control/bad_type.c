// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Must not compile: a pointer of another type.
 *
 * No kernel.
 */
#include <linux/mm.h>

void ferry_probe(struct vm_area_struct *vma);
void ferry_probe(struct vm_area_struct *vma)
{
	put_page(vma);
}
