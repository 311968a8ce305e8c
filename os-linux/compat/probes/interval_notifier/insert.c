// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * An interval of somebody's address space is watched.
 *
 * All kernels since 5.5: 99cb252f5e68 "mm/mmu_notifier: add an interval tree notifier".
 *
 * Exports: mmu_interval_notifier_insert mmu_interval_read_begin mmu_interval_notifier_remove
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

static bool invalidate(struct mmu_interval_notifier *n, const struct mmu_notifier_range *range,
		       unsigned long seq)
{
	mmu_interval_set_seq(n, seq);
	return mmu_notifier_range_blockable(range);
}

static const struct mmu_interval_notifier_ops ops = {.invalidate = invalidate};

int ferry_probe(struct mmu_interval_notifier *n, struct mm_struct *mm);
int ferry_probe(struct mmu_interval_notifier *n, struct mm_struct *mm)
{
	int err = mmu_interval_notifier_insert(n, mm, 0, PAGE_SIZE, &ops);

	if (!err && !mmu_interval_read_retry(n, mmu_interval_read_begin(n)))
		mmu_interval_notifier_remove(n);
	return err;
}
