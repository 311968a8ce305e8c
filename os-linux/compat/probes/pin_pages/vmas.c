// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The same with an array of VMAs that the caller may leave out.
 *
 * Up to Linux 6.4.
 *
 * Exports: pin_user_pages pin_user_pages_remote unpin_user_page
 */
#include <linux/mm.h>

long ferry_probe(struct mm_struct *mm, struct page **pages);
long ferry_probe(struct mm_struct *mm, struct page **pages)
{
	return pin_user_pages(0, 1, FOLL_WRITE | FOLL_LONGTERM, pages, NULL) +
	       pin_user_pages_remote(mm, 0, 1, FOLL_WRITE, pages, NULL, NULL);
}
