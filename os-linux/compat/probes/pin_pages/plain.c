// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * pin_user_pages() and pin_user_pages_remote() without an array of VMAs.
 *
 * From Linux 6.5: 4c630f307455 "mm/gup: remove vmas parameter from pin_user_pages()",
 * 0b295316b3a9 "mm/gup: remove unused vmas parameter from pin_user_pages_remote()".
 *
 * Exports: pin_user_pages pin_user_pages_remote unpin_user_page
 */
#include <linux/mm.h>

long ferry_probe(struct mm_struct *mm, struct page **pages);
long ferry_probe(struct mm_struct *mm, struct page **pages)
{
	return pin_user_pages(0, 1, FOLL_WRITE | FOLL_LONGTERM, pages) +
	       pin_user_pages_remote(mm, 0, 1, FOLL_WRITE, pages, NULL);
}
