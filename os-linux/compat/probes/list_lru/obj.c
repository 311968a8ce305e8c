// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Items of a list_lru tell their node and memory cgroup by themselves only in the _obj functions.
 *
 * From Linux 6.8: 0a97c01cd20b "list_lru: allow explicit memcg and NUMA node selection".
 * Exports: list_lru_add_obj list_lru_del_obj list_lru_count_one __list_lru_init list_lru_destroy
 */
#include <linux/list_lru.h>
#include <linux/shrinker.h>

bool ferry_probe(struct list_lru *lru, struct shrinker *shrinker, struct list_head *item);
bool ferry_probe(struct list_lru *lru, struct shrinker *shrinker, struct list_head *item)
{
	return list_lru_init_memcg(lru, shrinker) == 0 && list_lru_add_obj(lru, item) &&
	       list_lru_count_one(lru, 0, NULL) && list_lru_del_obj(lru, item);
}
