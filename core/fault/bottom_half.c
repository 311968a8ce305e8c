/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "fault/bottom_half.h"
#include "fault/service.h"
#include "gpu/device.h"
#include "va/va_space.h"

#define BARREN_MAX 64u /* batches in a row that moved nothing: then what they ask for is refused */

/* What one batch did, for its VA space's counters. */
struct tally {
	uint64_t faults, duplicates, fatal, served, blocks;
};

void ferry_bottom_half_schedule(struct ferry_device *gpu)
{
	struct ferry_ctx ctx;

	ferry_core_enter_irq(gpu->core, &ctx);
	if (ferry_sem_try(&ctx, &gpu->isr)) {
		ferry_sem_give(&ctx, &gpu->isr); /* the bottom half takes it from here */
		(void)FERRY_ASSERT(ferry_os_work_queue(&gpu->bottom_half));
	}
	ferry_core_leave(gpu->core, &ctx);
}

static void verdict(struct ferry_device *gpu, struct tally *tally, uint32_t fault, int why) FERRY_NEEDS(&gpu->isr)
{
	gpu->verdicts[fault] = (uint16_t)why;
	tally->fatal++;
}

/* Every fault of a group meets the same fate. */
static void group_refuse(struct ferry_device *gpu, const struct ferry_fault_group *group, struct tally *tally,
                         int why) FERRY_NEEDS(&gpu->isr)
{
	uint32_t i = group->first;

	for (uint32_t n = 0; n < group->count; n++) {
		verdict(gpu, tally, i, why);
		i = ferry_fault_batch_next(&gpu->batch, i);
	}
}

static uint32_t fault_page(const struct ferry_fault *fault)
{
	return (uint32_t)(fault->va >> FERRY_PAGE_SHIFT) & (FERRY_BLOCK_PAGES - 1);
}

/* Single out the faults that cannot be served. */
static void group_judge(struct ferry_device *gpu, const struct ferry_fault_group *group,
                        const struct ferry_service *s, struct tally *tally) FERRY_NEEDS(&gpu->isr)
{
	uint32_t i = group->first;

	for (uint32_t n = 0; n < group->count; n++, i = ferry_fault_batch_next(&gpu->batch, i)) {
		const struct ferry_fault *fault = &gpu->faults[i];
		uint32_t page = fault_page(fault);

		if (ferry_bitmap_test(&s->unmapped, page))
			verdict(gpu, tally, i, FERRY_E_FAULT_UNMAPPED);
		else if (ferry_bitmap_test(&s->lost, page))
			verdict(gpu, tally, i, FERRY_E_DEVICE_LOST);
		else if (fault->access != FERRY_ACCESS_READ && ferry_bitmap_test(&s->read_only, page))
			verdict(gpu, tally, i, FERRY_E_FAULT_READ_ONLY);
		else if (fault->kind == FERRY_FAULT_POISONED)
			verdict(gpu, tally, i, FERRY_E_FAULT_POISON);
		else if (fault->kind == FERRY_FAULT_BAD_PTE)
			verdict(gpu, tally, i, FERRY_E_BUG);
	}
}

/* Worth another try after a replay: somebody else's move is in the way. The rest is final. */
static bool service_error_passes(int err)
{
	return err == FERRY_E_PMM_FULL || err == FERRY_E_CPU_ZAP || err == FERRY_E_HOST_PINNED;
}

/* Most groups of a scattered access are one fault, and most of these ask for nothing unusual. */
static bool group_serve_page(struct ferry_ctx *ctx, struct ferry_device *gpu, struct ferry_block *block,
                             const struct ferry_fault_group *group) FERRY_NEEDS(&gpu->isr)
{
	const struct ferry_fault *fault = &gpu->faults[group->first];

	return group->count == 1 && fault->kind == FERRY_FAULT_MISSING &&
	       ferry_service_page(ctx, block, gpu->id, fault_page(fault), fault->access != FERRY_ACCESS_READ);
}

static void group_serve(struct ferry_ctx *ctx, struct ferry_device *gpu, struct ferry_va_space *vs,
                        const struct ferry_fault_group *group, struct tally *tally) FERRY_NEEDS(&gpu->isr)
	FERRY_NEEDS_SHARED(&vs->lock)
{
	struct ferry_service s; /* not cleared: what is out is written when it is served */
	struct ferry_block *block;
	int err = ferry_va_space_block(ctx, vs, group->block_va, &block);

	tally->faults += group->count;
	tally->duplicates += group->duplicates;
	if (err) {
		group_refuse(gpu, group, tally, err == FERRY_E_RANGE_NOT_FOUND ? FERRY_E_FAULT_UNMAPPED : err);
		return;
	}
	if (group_serve_page(ctx, gpu, block, group)) {
		tally->served++;
		tally->blocks++;
		ferry_os_trace(FERRY_EVENT_block, gpu->id, group->block_va, 1);
		return;
	}
	s.read = group->read;
	ferry_bitmap_or(&s.write, &group->write, &group->atomic);
	s.prefetch = true;
	s.move = false;
	err = ferry_service_block(ctx, block, gpu->id, &s);
	if (err && service_error_passes(err) && gpu->barren < BARREN_MAX)
		return;
	if (err) {
		group_refuse(gpu, group, tally, service_error_passes(err) ? FERRY_E_FAULT_RETRY_LIMIT : err);
		return;
	}
	group_judge(gpu, group, &s, tally);
	tally->duplicates += s.duplicates;
	tally->served += s.served;
	tally->blocks++;
	ferry_os_trace(FERRY_EVENT_block, gpu->id, group->block_va, s.served);
}

/* ISR_SERVICE is held: c is ours. */
static void tally_count(struct ferry_counters *c, const struct tally *t, uint64_t dropped, uint64_t start)
{
	ferry_count_own(c, FERRY_COUNTER_faults_gpu, t->faults);
	ferry_count_own(c, FERRY_COUNTER_faults_duplicate, t->duplicates);
	ferry_count_own(c, FERRY_COUNTER_faults_fatal, t->fatal);
	ferry_count_own(c, FERRY_COUNTER_cancels, t->fatal);
	ferry_count_own(c, FERRY_COUNTER_blocks_served, t->blocks);
	ferry_count_own(c, FERRY_COUNTER_faults_dropped, dropped);
	ferry_count_own(c, FERRY_COUNTER_batches, 1);
	ferry_count_own(c, FERRY_COUNTER_replays, 1);
	ferry_count_own(c, FERRY_COUNTER_service_ns, ferry_os_since_ns(start));
}

static const struct ferry_fault_group *group_of(const struct ferry_device *gpu, uint32_t k) FERRY_NEEDS(&gpu->isr)
{
	return ferry_fault_batch_group(&gpu->batch, k);
}

/*
 * All groups of one address space, from group first on; returns the first group of the next. VA_SPACE_LIST is held,
 * so the VA space cannot close meanwhile.
 */
static uint32_t space_serve(struct ferry_ctx *ctx, struct ferry_device *gpu, uint32_t first, uint64_t dropped,
                            struct tally *sum) FERRY_NEEDS(&gpu->isr) FERRY_NEEDS_SHARED(&gpu->spaces_lock)
{
	uint32_t groups = ferry_fault_batch_groups(&gpu->batch), asid = group_of(gpu, first)->asid, i;
	struct tally tally = {0};
	uint64_t start = ferry_os_stamp();
	struct ferry_va_space *vs;
	bool alive;

	vs = asid < gpu->asids.count ? gpu->spaces[asid] : NULL;
	alive = vs && vs->ops->get(vs->mm) == 0;
	if (alive) {
		ferry_va_service_lock(ctx, &vs->lock);
		for (i = first; i < groups && group_of(gpu, i)->asid == asid; i++)
			group_serve(ctx, gpu, vs, group_of(gpu, i), &tally);
		ferry_va_read_unlock(ctx, &vs->lock);
		vs->ops->put(vs->mm);
	} else {
		for (i = first; i < groups && group_of(gpu, i)->asid == asid; i++)
			group_refuse(gpu, group_of(gpu, i), &tally, FERRY_E_VA_SPACE_DEAD);
	}
	if (vs)
		tally_count(&vs->served[gpu->id], &tally, dropped, start);
	sum->fatal += tally.fatal;
	sum->served += tally.served;
	sum->duplicates += tally.duplicates;
	return i;
}

static void faults_trace(const struct ferry_device *gpu, uint32_t count) FERRY_NEEDS(&gpu->isr)
{
	for (uint32_t i = 0; i < count; i++)
		ferry_os_trace(FERRY_EVENT_fault, gpu->id, gpu->faults[i].va, gpu->faults[i].access);
}

/* Cancels first, so that the replay does not wake what was refused; then everybody tries again. */
static void batch_answer(struct ferry_ctx *ctx, struct ferry_device *gpu, uint32_t count) FERRY_NEEDS(&gpu->isr)
{
	struct ferry_push push;
	uint32_t cancels = 0;

	/* A device that cannot replay ends bad accesses itself. */
	if (!(gpu->info.caps & (1u << FERRY_CAP_REPLAY)))
		return;
	if (ferry_push_begin(ctx, gpu, &push))
		return; /* lost: nobody stalls on it any more */
	for (uint32_t i = 0; i < count; i++) {
		if (!gpu->verdicts[i])
			continue;
		gpu->hal->cmd_cancel(ferry_push_slot(ctx, &push), &gpu->faults[i], gpu->verdicts[i]);
		ferry_os_trace(FERRY_EVENT_cancel, gpu->id, gpu->faults[i].va, gpu->verdicts[i]);
		cancels++;
	}
	gpu->hal->cmd_replay(ferry_push_slot(ctx, &push));
	ferry_push_send(ctx, &push);
	ferry_os_trace(FERRY_EVENT_replay, gpu->id, count, cancels);
}

/* false: the buffer is empty. */
static bool batch_run(struct ferry_ctx *ctx, struct ferry_device *gpu) FERRY_NEEDS(&gpu->isr)
{
	struct tally sum = {0};
	uint64_t dropped = 0;
	uint32_t count = gpu->hal->fault_fetch(gpu->hd, gpu->faults, gpu->core->params.batch_max, &dropped);

	if (!count && !dropped)
		return false;
	ferry_os_trace(FERRY_EVENT_batch_begin, gpu->id, count, dropped);
	if (ferry_os_traced(FERRY_EVENT_fault))
		faults_trace(gpu, count);
	memset(gpu->verdicts, 0, count * sizeof(*gpu->verdicts));
	ferry_fault_batch_reset(&gpu->batch);
	(void)FERRY_ASSERT(ferry_fault_batch_add(&gpu->batch, gpu->faults, count) == 0);
	ferry_rw_read_lock(ctx, &gpu->spaces_lock);
	for (uint32_t i = 0; i < ferry_fault_batch_groups(&gpu->batch); dropped = 0)
		i = space_serve(ctx, gpu, i, dropped, &sum);
	ferry_rw_read_unlock(ctx, &gpu->spaces_lock);
	gpu->barren = sum.served || sum.fatal || sum.duplicates ? 0 : gpu->barren + 1;
	batch_answer(ctx, gpu, count);
	ferry_os_trace(FERRY_EVENT_batch_end, gpu->id, sum.served, sum.fatal);
	return true;
}

void ferry_bottom_half_run(void *arg)
{
	struct ferry_device *gpu = arg;
	struct ferry_ctx ctx;
	uint32_t batches = 0;
	bool more = true;

	ferry_core_enter(gpu->core, &ctx);
	ferry_sem_take(&ctx, &gpu->isr);
	while (batches < FERRY_BATCHES_MAX && more) {
		/* To look whether entries wait is less than to fetch none. */
		more = !ferry_device_lost(gpu) && batch_run(&ctx, gpu) && gpu->hal->fault_pending(gpu->hd);
		batches++;
	}
	ferry_sem_up(&ctx, &gpu->isr);
	ferry_core_leave(gpu->core, &ctx);
	/* Arming comes last: entries that arrived since the last look raise an interrupt now. */
	if (more)
		ferry_bottom_half_schedule(gpu);
	else if (!ferry_device_lost(gpu))
		gpu->hal->fault_arm(gpu->hd);
}
