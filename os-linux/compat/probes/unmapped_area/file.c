// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Where a mapping goes: mm_get_unmapped_area() of the current process.
 *
 * From Linux 6.19: 9ac09bb9feac "mm: consistently use current->mm in mm_get_unmapped_area()".
 *
 * Exports: mm_get_unmapped_area
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

unsigned long ferry_probe(struct file *file);
unsigned long ferry_probe(struct file *file)
{
	return mm_get_unmapped_area(file, 0, PAGE_SIZE, 0, 0);
}
