// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The same with pages.
 *
 * Up to Linux 6.4.
 *
 * Exports: __pagevec_release
 */
#include <linux/mm.h>
#include <linux/pagevec.h>

void ferry_probe(void);
void ferry_probe(void)
{
	struct pagevec pages;

	pagevec_init(&pages);
	__pagevec_release(&pages);
}
