// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Must not compile: an argument too many.
 *
 * No kernel.
 */
#include <linux/mm.h>

void ferry_probe(struct page *page);
void ferry_probe(struct page *page)
{
	put_page(page, 0);
}
