/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * channel.c - the front end of a channel: takes commands off its ring and runs them one after the other.
 *
 *   ring:   [done][done][ cmd ][    ][    ]
 *                        ^ get        ^ put (doorbell)
 *
 *   fetch -> step -> DONE  get moves, status says so, then interrupts and kicks the command asked for
 *              |
 *              +--> MORE, WAIT, AWAY: the command is kept in ch->cmd with ch->phase and goes on in a later turn
 *              +--> ERROR: the channel stops at get
 *
 * A command may leave the engine (TLB_INVALIDATE waits for others, FAULT_CANCEL keeps an SM out). The channel may be
 * gone, or another one, when the engine is entered again: before it leaves, the command's phase says what is left to
 * do, and afterwards it returns MORE, so that everything is read anew.
 */
#include "gpu.h"

#define PUT_MASK ((1ull << 48) - 1)

void fg1_channel_init(struct fg1 *gpu, struct fg1_channel *ch, uint32_t id)
{
	ch->engine.index = gpu->config.sms + id;
}

/* ---- small commands ---- */

static enum fg1_step step_nop(struct fg1 *gpu, struct fg1_channel *ch)
{
	(void)gpu;
	(void)ch;
	return FG1_STEP_DONE;
}

static enum fg1_step step_membar(struct fg1 *gpu, struct fg1_channel *ch)
{
	(void)gpu;
	(void)ch;
	ferry_os_mb();
	return FG1_STEP_DONE;
}

static void show_waiting(struct fg1 *gpu, struct fg1_channel *ch, bool waiting)
{
	uint64_t bit = 1ull << fg1_channel_id(gpu, ch);

	if (waiting != ch->waiting_shown)
		ferry_os_fetch_add(&gpu->channel_waiting, waiting ? bit : 0 - bit);
	ch->waiting_shown = waiting;
}

static enum fg1_step step_sem_acquire(struct fg1 *gpu, struct fg1_channel *ch)
{
	const uint64_t *word = fg1_dma_words(gpu, ch->cmd[1], 1, false);

	if (!word)
		return fg1_step_fail(ch, FG1_ERR_DMA);
	if ((int64_t)(ferry_os_dma_load64(word) - ch->cmd[2]) >= 0)
		return FG1_STEP_DONE;
	show_waiting(gpu, ch, true); /* full barrier; pairs with step_sem_release() */
	if ((int64_t)(ferry_os_dma_load64(word) - ch->cmd[2]) < 0)
		return FG1_STEP_WAIT;
	show_waiting(gpu, ch, false);
	return FG1_STEP_DONE;
}

static enum fg1_step step_sem_release(struct fg1 *gpu, struct fg1_channel *ch)
{
	uint64_t *word = fg1_dma_words(gpu, ch->cmd[1], 1, true);
	uint64_t *time = ch->cmd[3] ? fg1_dma_words(gpu, ch->cmd[3], 1, true) : NULL;

	if (!word || (ch->cmd[3] && !time))
		return fg1_step_fail(ch, FG1_ERR_DMA);
	if (time)
		ferry_os_dma_store64(time, ferry_os_now_ns());
	ferry_os_dma_wmb();
	ferry_os_dma_store64(word, ch->cmd[2]);
	ferry_os_mb(); /* pairs with step_sem_acquire(): the value first, then who waits */
	ch->kicks.channels |= ferry_os_load_acquire(&gpu->channel_waiting);
	ch->irq_semaphore = (ch->cmd[0] & FG1_SEM_IRQ) != 0;
	return FG1_STEP_DONE;
}

static enum fg1_step step_pte_write(struct fg1 *gpu, struct fg1_channel *ch)
{
	uint64_t left, *entries;

	if (ch->cmd[2] > FG1_ENTRIES_MAX)
		return fg1_step_fail(ch, FG1_ERR_ARG);
	left = ch->cmd[2] - ch->done;
	left = left < 512 ? left : 512;
	entries = left ? fg1_dma_words(gpu, ch->cmd[1] + ch->done * 8, left, true) : NULL;
	if (left && !entries)
		return fg1_step_fail(ch, FG1_ERR_DMA);
	for (uint64_t i = 0; i < left; i++)
		ferry_os_dma_store64(&entries[i], ch->cmd[3] + (ch->done + i) * ch->cmd[4]);
	ch->done += left;
	return ch->done == ch->cmd[2] ? FG1_STEP_DONE : FG1_STEP_MORE;
}

/* ---- commands that leave the engine. Phase 1: done; a look at whether the channel is still there is left. ---- */

static enum fg1_step step_tlb_invalidate(struct fg1 *gpu, struct fg1_channel *ch)
{
	uint32_t asid = (uint32_t)ch->cmd[1];
	uint64_t va = ch->cmd[2], size_bytes = ch->cmd[3];

	if (ch->phase)
		return FG1_STEP_DONE;
	if (ch->cmd[1] >= FG1_ASIDS || va >= FG1_VA_END || size_bytes > FG1_VA_END - va)
		return fg1_step_fail(ch, FG1_ERR_ARG);
	ch->phase = 1;
	fg1_engine_leave(&ch->engine);
	fg1_mmu_invalidate(gpu, asid, va, size_bytes);
	return fg1_engine_enter(&ch->engine) ? FG1_STEP_MORE : FG1_STEP_AWAY;
}

static enum fg1_step step_fault_replay(struct fg1 *gpu, struct fg1_channel *ch)
{
	ferry_os_fetch_add(&gpu->replay, 1); /* full barrier; pairs with show_rest() of sm.c, stall() of copy.c */
	ch->kicks.sms |= ferry_os_load_acquire(&gpu->sm_stalled);
	ch->kicks.channels |= ferry_os_load_acquire(&gpu->channel_stalled);
	return FG1_STEP_DONE;
}

/* Keep the engine that owns the stall out, and end the stall. The caller is inside no engine. */
static void cancel(struct fg1 *gpu, uint64_t id, uint64_t page_va, uint64_t reason, struct fg1_kicks *kicks)
{
	uint32_t engine = FG1_FAULT_ID_ENGINE(id), slot = FG1_FAULT_ID_SLOT(id);
	struct fg1_engine *e = NULL;

	if (engine < gpu->config.sms)
		e = &gpu->sms[engine]->engine;
	else if (engine == FG1_FAULT_ENGINE_CHANNEL && slot < FG1_CHANNELS)
		e = &gpu->channels[slot].engine;
	if (!e)
		return;
	ferry_os_mutex_lock(&gpu->exclusive);
	fg1_hold(e);
	if (engine < gpu->config.sms)
		fg1_sm_cancel(gpu, gpu->sms[engine], id, page_va, reason, kicks);
	else if (fg1_channel_cancel(&gpu->channels[slot], id))
		kicks->channels |= 1ull << slot;
	fg1_unhold(gpu, e, kicks);
	ferry_os_mutex_unlock(&gpu->exclusive);
}

static enum fg1_step step_fault_cancel(struct fg1 *gpu, struct fg1_channel *ch)
{
	uint64_t id = ch->cmd[1], page_va = ferry_align_down(ch->cmd[2], FERRY_PAGE_SIZE), reason = ch->cmd[3];
	struct fg1_kicks kicks = {0, 0};

	if (ch->phase)
		return FG1_STEP_DONE;
	if (!reason)
		return fg1_step_fail(ch, FG1_ERR_ARG);
	ch->phase = 1;
	fg1_engine_leave(&ch->engine);
	cancel(gpu, id, page_va, reason, &kicks);
	fg1_kick(gpu, &kicks);
	return fg1_engine_enter(&ch->engine) ? FG1_STEP_MORE : FG1_STEP_AWAY;
}

bool fg1_channel_cancel(struct fg1_channel *ch, uint64_t id)
{
	if (!ch->active || !ch->stalled || ch->stall_id != id)
		return false;
	ch->cancelled = true;
	return true;
}

/* ---- the ring ---- */

#define ANY (1u << FG1_CHANNEL_COPY | 1u << FG1_CHANNEL_COMPUTE)
#define COPY (1u << FG1_CHANNEL_COPY)
#define COMPUTE (1u << FG1_CHANNEL_COMPUTE)

static const struct {
	enum fg1_step (*step)(struct fg1 *gpu, struct fg1_channel *ch);
	uint32_t kinds; /* bit per FG1_CHANNEL_* */
	uint64_t flags; /* bits of word 0 above the opcode that mean something */
	uint64_t caps;
} ops[FG1_OPS] = {
	[FG1_OP_NOP] = {step_nop, ANY, 0, 0},
	[FG1_OP_COPY] = {fg1_copy_step, ANY, 3u << FG1_DST_SHIFT | 3u << FG1_SRC_SHIFT, 0},
	[FG1_OP_FILL] = {fg1_fill_step, ANY, 3u << FG1_DST_SHIFT, 0},
	[FG1_OP_SEM_ACQUIRE] = {step_sem_acquire, ANY, 0, 0},
	[FG1_OP_SEM_RELEASE] = {step_sem_release, ANY, FG1_SEM_IRQ, 0},
	[FG1_OP_PTE_WRITE] = {step_pte_write, COPY, 0, FG1_CAP_PTE_WRITE},
	[FG1_OP_TLB_INVALIDATE] = {step_tlb_invalidate, COPY, 0, 0},
	[FG1_OP_FAULT_REPLAY] = {step_fault_replay, COPY, 0, FG1_CAP_REPLAY},
	[FG1_OP_FAULT_CANCEL] = {step_fault_cancel, COPY, 0, FG1_CAP_REPLAY | FG1_CAP_CANCEL},
	[FG1_OP_MEMBAR] = {step_membar, ANY, 0, 0},
	[FG1_OP_LAUNCH] = {fg1_launch_step, COMPUTE, 0, 0},
};

/* A command that may begin: of this channel's kind, nothing reserved set, capability there. */
static uint32_t check(const struct fg1 *gpu, const struct fg1_channel *ch)
{
	uint64_t w0 = ch->cmd[0];
	uint32_t op = FG1_OP(w0);

	if (op >= FG1_OPS)
		return FG1_ERR_UNKNOWN;
	if (!((ops[op].kinds >> ch->kind) & 1) || (w0 & ~0xffull & ~ops[op].flags))
		return FG1_ERR_ARG;
	return fg1_has(gpu, ops[op].caps) ? FG1_OK : FG1_ERR_UNSUPPORTED;
}

/* The next command is in ch->cmd, or there is none. Sets *error when PUT makes no sense. */
static bool fetch(struct fg1 *gpu, struct fg1_channel *ch, uint32_t *error)
{
	uint64_t put = ferry_os_load_acquire(&ch->put); /* pairs with doorbell() */
	uint64_t count = (put - ch->get) & PUT_MASK;
	const uint64_t *slot;

	if (count == 0)
		return false;
	if (count > ch->entries) {
		*error = FG1_ERR_ARG;
		return false;
	}
	slot = (const uint64_t *)(const void *)(ch->ring + (ch->get & (ch->entries - 1)) * FG1_CMD_BYTES);
	for (uint32_t i = 0; i < FG1_CMD_WORDS; i += 4) { /* by fours: it runs for every command */
		ch->cmd[i] = ferry_os_dma_load64(&slot[i]);
		ch->cmd[i + 1] = ferry_os_dma_load64(&slot[i + 1]);
		ch->cmd[i + 2] = ferry_os_dma_load64(&slot[i + 2]);
		ch->cmd[i + 3] = ferry_os_dma_load64(&slot[i + 3]);
	}
	ch->fetched = true;
	ch->phase = 0;
	ch->done = 0;
	*error = check(gpu, ch);
	return *error == FG1_OK;
}

/* Most commands ask for none. */
static bool nothing_to_send(const struct fg1_channel *ch)
{
	return !(ch->kicks.sms | ch->kicks.channels | ch->irq_semaphore | ch->irq_fault);
}

/* Interrupts and kicks that finished commands asked for. False: turned away. */
static bool send(struct fg1 *gpu, struct fg1_channel *ch)
{
	if (ch->kicks.sms | ch->kicks.channels) {
		if (!fg1_engine_kick(gpu, &ch->engine, &ch->kicks))
			return false;
	}
	if (ch->irq_semaphore) {
		ch->irq_semaphore = false;
		if (!fg1_engine_irq(gpu, &ch->engine, FG1_IRQ_SEMAPHORE, false))
			return false;
	}
	/* Never "stalled": this may be the thread of a driver that rang the doorbell with its locks held. */
	if (ch->irq_fault) {
		ch->irq_fault = false;
		if (fg1_fault_wanted(gpu) && !fg1_engine_irq(gpu, &ch->engine, FG1_IRQ_FAULT, false))
			return false;
	}
	return true;
}

/* The channel stops at get. False: turned away. */
static bool stop(struct fg1 *gpu, struct fg1_channel *ch, uint32_t error)
{
	ch->error = error;
	ch->fetched = false;
	ferry_os_dma_store64(ch->status + FG1_CHANNEL_ERROR, error);
	return fg1_engine_irq(gpu, &ch->engine, FG1_IRQ_ERROR, false);
}

static void flush_counters(struct fg1 *gpu, struct fg1_channel *ch)
{
	if (ch->mmu && ch->mmu->hits | ch->mmu->misses) {
		fg1_count(gpu, FG1_COUNTER_TLB_HITS, ch->mmu->hits);
		fg1_count(gpu, FG1_COUNTER_TLB_MISSES, ch->mmu->misses);
		ch->mmu->hits = 0;
		ch->mmu->misses = 0;
		fg1_status_counters(gpu);
	}
	if (!ch->copy_bytes)
		return;
	fg1_count(gpu, FG1_COUNTER_COPY_BYTES, ch->copy_bytes);
	ch->copy_bytes = 0;
	fg1_status_counter(gpu, FG1_COUNTER_COPY_BYTES);
}

static bool halted(const struct fg1 *gpu, const struct fg1_channel *ch)
{
	return !ch->active || ch->error || fg1_knob(gpu, FG1_KNOB_HANG) || fg1_knob(gpu, FG1_KNOB_OFF_BUS);
}

enum fg1_turn fg1_channel_turn(struct fg1 *gpu, struct fg1_channel *ch, uint32_t *budget)
{
	enum fg1_step step;
	uint32_t error;

	show_waiting(gpu, ch, false);
	for (;; --*budget) {
		if (!fg1_engine_stay(&ch->engine))
			return FG1_TURN_AWAY;
		if (!nothing_to_send(ch) && ch->active && !send(gpu, ch))
			return FG1_TURN_AWAY;
		if (!*budget || halted(gpu, ch))
			break;
		error = FG1_OK;
		if (!ch->fetched && !fetch(gpu, ch, &error)) {
			if (error && !stop(gpu, ch, error))
				return FG1_TURN_AWAY;
			break;
		}
		step = ops[FG1_OP(ch->cmd[0])].step(gpu, ch);
		if (step == FG1_STEP_AWAY || (step == FG1_STEP_ERROR && !stop(gpu, ch, ch->step_error)))
			return FG1_TURN_AWAY;
		if (step == FG1_STEP_WAIT) {
			if (!send(gpu, ch))
				return FG1_TURN_AWAY;
			break;
		}
		if (step == FG1_STEP_DONE) {
			ch->fetched = false;
			ch->get++;
			ferry_os_dma_store64(ch->status + FG1_CHANNEL_GET, ch->get);
		}
	}
	flush_counters(gpu, ch);
	return *budget ? FG1_TURN_IDLE : FG1_TURN_MORE;
}

/* ---- end ---- */

void fg1_channel_end(struct fg1 *gpu, struct fg1_channel *ch)
{
	uint64_t bit = 1ull << fg1_channel_id(gpu, ch);

	fg1_launch_kill(gpu, ch);
	show_waiting(gpu, ch, false);
	if (ch->stalled_shown)
		ferry_os_fetch_add(&gpu->channel_stalled, 0 - bit);
	ch->stalled_shown = false;
	ch->active = false;
	ch->fetched = false;
	ch->stalled = false;
	ch->cancelled = false;
	ch->irq_semaphore = false;
	ch->irq_fault = false;
	ch->kicks = (struct fg1_kicks){0, 0};
	ch->ring = NULL;
	ch->status = NULL;
}
