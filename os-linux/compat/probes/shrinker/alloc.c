// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A shrinker is allocated by the kernel, carries private data, and is freed after a grace period.
 *
 * From Linux 6.7: c42d50aefd17 "mm: shrinker: add infrastructure for dynamically allocating
 * shrinker".
 *
 * Exports: shrinker_alloc shrinker_register shrinker_free
 */
#include <linux/mm.h>
#include <linux/shrinker.h>

static unsigned long count(struct shrinker *s, struct shrink_control *sc)
{
	return s->private_data ? sc->nr_to_scan : 0;
}

int ferry_probe(void *data);
int ferry_probe(void *data)
{
	struct shrinker *s = shrinker_alloc(0, "ferry-%d", 1);

	if (!s)
		return -1;
	s->count_objects = count;
	s->private_data = data;
	shrinker_register(s);
	shrinker_free(s);
	return 0;
}
