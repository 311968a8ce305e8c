// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Where a mapping goes: a function pointer in the address space.
 *
 * Up to Linux 6.9.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

unsigned long ferry_probe(struct file *file);
unsigned long ferry_probe(struct file *file)
{
	return current->mm->get_unmapped_area(file, 0, PAGE_SIZE, 0, 0);
}
