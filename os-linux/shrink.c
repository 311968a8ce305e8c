// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * shrink.c - memory is short: host pages that only CPUs use, and that nobody has touched through us
 * lately, are let go of. They are shmem pages, so the kernel then swaps them by its own lights.
 */
#include <linux/mm.h>
#include <linux/shrinker.h>

#include "compat/compat.h"
#include "kernel.h"

struct scan {
	unsigned long wanted, given;
};

static void node_count(struct ferry_node *node, void *arg)
{
	*(unsigned long *)arg += atomic_long_read(&node->pages_held);
}

static unsigned long ferry_shrink_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long count = 0;

	if (!ferry_nodes_try_each(node_count, &count))
		return 0;
	return count ? count : SHRINK_EMPTY;
}

static void node_scan(struct ferry_node *node, void *arg)
{
	struct scan *scan = arg;

	if (scan->given < scan->wanted && atomic_long_read(&node->pages_held))
		scan->given += ferry_core_idle(node->core, scan->wanted - scan->given);
}

static unsigned long ferry_shrink_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct scan scan = {.wanted = sc->nr_to_scan};

	if (!(sc->gfp_mask & __GFP_FS) || !ferry_nodes_try_each(node_scan, &scan))
		return SHRINK_STOP;
	return scan.given ? scan.given : SHRINK_STOP;
}

static struct shrinker *ferry_shrinker;

int ferry_shrink_init(void)
{
	ferry_shrinker = ferry_compat_shrinker_add("ferry", ferry_shrink_count, ferry_shrink_scan);
	return ferry_shrinker ? 0 : -ENOMEM;
}

void ferry_shrink_exit(void)
{
	ferry_compat_shrinker_remove(ferry_shrinker);
}
