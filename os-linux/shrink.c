// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * shrink.c - memory is short: host pages that only CPUs use, and that nobody has touched through us
 * lately, are let go of. They are shmem pages, so the kernel then swaps them by its own lights.
 *
 *   Short may be the machine or one memory cgroup. For a group the kernel asks only shrinkers that
 * it knows to have something of that group, and it learns that from a list_lru alone. So a handle
 * is an item of one, from open to release, in the list of the group that opened it and pays.
 * Nobody walks these lists: which pages are idle the core knows.
 *
 *   Without this a group at its limit could not swap: what we hold cannot be reclaimed, and nobody
 * would tell us to let go.
 */
#include <linux/list_lru.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "kernel.h"
#include "os_fault.h"
#include "os_mem.h"

static struct kmem_cache *file_cache;
static struct list_lru file_lru;
static struct shrinker *ferry_shrinker;

/* ---- what the kernel asks ---- */

struct look {
	struct mem_cgroup *group; /* NULL: the machine is short, not a group */
	unsigned long files;	  /* all of them */
	unsigned long held;	  /* pages, of the group's */
	unsigned long wanted, given;
};

static void held_count(struct ferry_file *file, void *arg)
{
	struct look *look = arg;

	look->files++;
	if (ferry_compat_memcg_in(file->memcg, look->group))
		look->held += atomic_long_read(&file->pages_held);
}

static bool lru_is_empty(struct mem_cgroup *group)
{
	int nid;

	for_each_node_state(nid, N_MEMORY) {
		if (list_lru_count_one(&file_lru, nid, group))
			return false;
	}
	return true;
}

/*
 * SHRINK_EMPTY: do not ask again for this group until a handle comes to it; asked without cgroups
 * in mind it is the same as 0. The list is there before the first handle, but maybe not before us.
 */
static unsigned long ferry_shrink_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct look look = {.group = sc->memcg};

	if (!ferry_files_try_each(held_count, &look))
		return 0;
	if (look.held)
		return look.held;
	return !look.files || lru_is_empty(sc->memcg) ? SHRINK_EMPTY : 0;
}

static void idle_scan(struct ferry_file *file, void *arg)
{
	struct look *look = arg;

	if (look->given < look->wanted && atomic_long_read(&file->pages_held) &&
	    ferry_compat_memcg_in(file->memcg, look->group))
		look->given +=
			ferry_core_idle(file->node->core, file->vs, look->wanted - look->given);
}

static unsigned long ferry_shrink_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct look look = {.group = sc->memcg, .wanted = sc->nr_to_scan};

	if (!(sc->gfp_mask & __GFP_FS) || !ferry_files_try_each(idle_scan, &look))
		return SHRINK_STOP;
	return look.given ? look.given : SHRINK_STOP;
}

/* ---- handles ---- */

struct ferry_file *ferry_file_alloc(void)
{
	if (ferry_kernel_fault_alloc(sizeof(struct ferry_file)))
		return NULL;
	/* With room for it in the group's list: adding cannot fail. */
	return kmem_cache_alloc_lru(file_cache, &file_lru, FERRY_KERNEL_GFP | __GFP_ZERO);
}

void ferry_file_free(struct ferry_file *file)
{
	kmem_cache_free(file_cache, file);
}

void ferry_shrink_add(struct ferry_file *file)
{
	ferry_node_file_add(file);
	INIT_LIST_HEAD(&file->lru);
	list_lru_add_obj(&file_lru, &file->lru);
}

void ferry_shrink_del(struct ferry_file *file)
{
	list_lru_del_obj(&file_lru, &file->lru);
	ferry_node_file_del(file);
}

/* ---- life ---- */

int ferry_shrink_init(void)
{
	int err = -ENOMEM;

	file_cache = KMEM_CACHE(ferry_file, SLAB_ACCOUNT);
	if (!file_cache)
		return err;
	ferry_shrinker = ferry_compat_shrinker_add("ferry", SHRINKER_MEMCG_AWARE,
						   ferry_shrink_count, ferry_shrink_scan);
	if (!ferry_shrinker)
		goto destroy_cache;
	err = list_lru_init_memcg(&file_lru, ferry_shrinker);
	if (err)
		goto remove_shrinker;
	return 0;

remove_shrinker:
	ferry_compat_shrinker_remove(ferry_shrinker);
destroy_cache:
	kmem_cache_destroy(file_cache);
	return err;
}

void ferry_shrink_exit(void)
{
	ferry_compat_shrinker_remove(ferry_shrinker);
	list_lru_destroy(&file_lru);
	kmem_cache_destroy(file_cache);
}
