// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Where a mapping goes: mm_get_unmapped_area() of any process.
 *
 * Linux 6.10 to 6.18: 529ce23a764f "mm: switch mm->get_unmapped_area() to a flag".
 *
 * Exports: mm_get_unmapped_area
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

unsigned long ferry_probe(struct file *file);
unsigned long ferry_probe(struct file *file)
{
	return mm_get_unmapped_area(current->mm, file, 0, PAGE_SIZE, 0, 0);
}
