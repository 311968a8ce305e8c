// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * follow_pfnmap_start() also says how large the mapping around the address is.
 *
 * From Linux 6.15: 62fb8adc43af "mm: Provide address mask in struct follow_pfnmap_args".
 */
#include <linux/mm.h>

unsigned long ferry_probe(struct follow_pfnmap_args *args);
unsigned long ferry_probe(struct follow_pfnmap_args *args)
{
	return args->addr_mask;
}
