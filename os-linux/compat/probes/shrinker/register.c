// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A shrinker is a struct of the driver, registered under a name.
 *
 * Linux 6.0 to 6.6: e33c267ab70d "mm: shrinkers: provide shrinkers with names". Gone in 6.7:
 * f2383e01507e "mm: shrinker: remove old APIs".
 *
 * Exports: register_shrinker unregister_shrinker
 */
#include <linux/mm.h>
#include <linux/shrinker.h>

static struct shrinker s;

int ferry_probe(void);
int ferry_probe(void)
{
	int err = register_shrinker(&s, "ferry-%d", 1);

	if (!err)
		unregister_shrinker(&s);
	return err;
}
