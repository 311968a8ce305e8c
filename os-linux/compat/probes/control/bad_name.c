// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Must not compile: a function that no kernel has.
 *
 * No kernel.
 */
#include <linux/mm.h>

int ferry_probe(struct vm_area_struct *vma);
int ferry_probe(struct vm_area_struct *vma)
{
	return ferry_no_kernel_has_this(vma);
}
