// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Folios are released in batches, after this CPU's LRU batches were drained.
 *
 * From Linux 6.5: 1e0877d58b1e "mm: remove struct pagevec".
 *
 * Exports: __folio_batch_release
 */
#include <linux/mm.h>
#include <linux/pagevec.h>

void ferry_probe(void);
void ferry_probe(void)
{
	struct folio_batch batch;

	folio_batch_init(&batch);
	__folio_batch_release(&batch);
}
