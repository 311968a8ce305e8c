// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Must compile: when it does not, no probe says anything.
 *
 * All kernels.
 */
#include <linux/mm.h>

int ferry_probe(struct vm_area_struct *vma);
int ferry_probe(struct vm_area_struct *vma)
{
	return vma->vm_start != 0;
}
