// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Items of a list_lru tell their node and memory cgroup by being a part of a slab object.
 *
 * Up to Linux 6.7: see obj.c.
 * Exports: list_lru_add list_lru_del list_lru_count_one __list_lru_init list_lru_destroy
 */
#include <linux/list_lru.h>
#include <linux/shrinker.h>

bool ferry_probe(struct list_lru *lru, struct shrinker *shrinker, struct list_head *item);
bool ferry_probe(struct list_lru *lru, struct shrinker *shrinker, struct list_head *item)
{
	return list_lru_init_memcg(lru, shrinker) == 0 && list_lru_add(lru, item) &&
	       list_lru_count_one(lru, 0, NULL) && list_lru_del(lru, item);
}
