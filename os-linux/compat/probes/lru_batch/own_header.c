// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Folios are released in batches, after this CPU's LRU batches were drained.
 *
 * They have a header of their own since Linux 7.1 or 7.2, and pagevec.h is gone:
 * "folio_batch: rename pagevec.h to folio_batch.h".
 *
 * Exports: __folio_batch_release
 */
#include <linux/mm.h>
#include <linux/folio_batch.h>

void ferry_probe(void);
void ferry_probe(void)
{
	struct folio_batch batch;

	folio_batch_init(&batch);
	__folio_batch_release(&batch);
}
