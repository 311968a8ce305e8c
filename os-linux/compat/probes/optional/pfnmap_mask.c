/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * follow_pfnmap_start() also says how large the mapping around the address is.
 *
 * From Linux 6.13: 10c5ae0a0b65 "mm/memory: add addr_mask to follow_pfnmap_args" (not checked),
 * by 6.16.
 */
#include <linux/mm.h>

unsigned long ferry_probe(struct follow_pfnmap_args *args);
unsigned long ferry_probe(struct follow_pfnmap_args *args)
{
	return args->addr_mask;
}
