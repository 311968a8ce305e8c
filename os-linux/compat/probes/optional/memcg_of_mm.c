// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Modules may ask for the memory cgroup of an address space and charge it.
 *
 * All kernels that have CONFIG_MEMCG and export it.
 *
 * Exports: get_mem_cgroup_from_mm int_active_memcg
 */
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

void ferry_probe(struct mm_struct *mm);
void ferry_probe(struct mm_struct *mm)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(mm);

	set_active_memcg(set_active_memcg(memcg));
	mem_cgroup_put(memcg);
}
