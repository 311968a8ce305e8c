/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * copy.c - COPY and FILL, in pieces.
 *
 * A piece is as long as both sides are contiguous: FG1_COPY_CHUNK for physical addresses, up to the end of the page
 * for virtual ones. Between pieces the engine looks up (engine.h); ch->done says how far it is. A virtual side whose
 * page is not there stalls the command like a load or a store of a program: one fault entry, then a wait for a
 * replay (the piece is tried again) or a cancel (the channel stops).
 */
#include "gpu.h"

enum { PHASE_COPY = 1, PHASE_DELAY = 2 };

struct side {
	enum ferry_aperture aperture;
	uint64_t address;
	enum ferry_access access;
	uint8_t *memory; /* of this piece */
};

/* ---- stalls ---- */

static void show_stalled(struct fg1 *gpu, struct fg1_channel *ch, bool stalled)
{
	uint64_t bit = 1ull << fg1_channel_id(gpu, ch);

	if (stalled != ch->stalled_shown)
		ferry_os_fetch_add(&gpu->channel_stalled, stalled ? bit : 0 - bit);
	ch->stalled_shown = stalled;
}

/* replay was read before the walk that failed. */
static enum fg1_step stall(struct fg1 *gpu, struct fg1_channel *ch, const struct side *side, uint32_t kind,
                           uint64_t replay)
{
	uint32_t id = fg1_channel_id(gpu, ch);
	struct fg1_fault fault = {.page_va = ferry_align_down(side->address + ch->done, FERRY_PAGE_SIZE),
	                          .id = FG1_FAULT_ID(FG1_FAULT_ENGINE_CHANNEL, id, ++ch->fault_sequence),
	                          .access = side->access,
	                          .kind = kind,
	                          .asid = ch->asid,
	                          .engine = FG1_FAULT_ENGINE_CHANNEL,
	                          .lanes = 1,
	                          .channel = id};

	fg1_count(gpu, FG1_COUNTER_STALLS, 1);
	fg1_fault_report(gpu, &fault);
	ch->irq_fault = true;
	if (!fg1_has(gpu, FG1_CAP_REPLAY))
		return fg1_step_fail(ch, FG1_ERR_DMA);
	ch->stalled = true;
	ch->cancelled = false;
	ch->stall_id = fault.id;
	ch->stall_replay = replay;
	show_stalled(gpu, ch, true); /* full barrier; pairs with step_fault_replay() of channel.c */
	return ferry_os_load_acquire(&gpu->replay) == replay ? FG1_STEP_WAIT : FG1_STEP_MORE;
}

/* DONE: not stalled, or no longer. */
static enum fg1_step resume(struct fg1 *gpu, struct fg1_channel *ch)
{
	if (!ch->stalled)
		return FG1_STEP_DONE;
	if (!ch->cancelled && ferry_os_load_acquire(&gpu->replay) == ch->stall_replay)
		return FG1_STEP_WAIT;
	ch->stalled = false;
	show_stalled(gpu, ch, false);
	return ch->cancelled ? fg1_step_fail(ch, FG1_ERR_DMA) : FG1_STEP_DONE;
}

/* ---- addresses ---- */

/* A whole side of a fresh command: aperture allowed here, no wrap, inside what it names. */
static uint32_t check_side(struct fg1 *gpu, const struct fg1_channel *ch, const struct side *side,
                           uint64_t size_bytes)
{
	uint64_t limit = UINT64_MAX;

	if (side->aperture == FERRY_APERTURE_VIRTUAL) {
		if (!fg1_has(gpu, FG1_CAP_VIRTUAL_COPY))
			return FG1_ERR_UNSUPPORTED;
		limit = FG1_VA_END;
		if (ch->asid >= FG1_ASIDS)
			return FG1_ERR_ARG;
	} else if (side->aperture > FERRY_APERTURE_VIRTUAL || ch->kind != FG1_CHANNEL_COPY) {
		return FG1_ERR_ARG; /* physical addresses are for privileged channels */
	} else if (side->aperture == FERRY_APERTURE_DEVICE) {
		limit = gpu->config.vram_bytes;
	}
	return side->address <= limit && size_bytes <= limit - side->address ? FG1_OK : FG1_ERR_ARG;
}

/* The channel's MMU, made when it is first needed. */
static bool need_mmu(struct fg1 *gpu, struct fg1_channel *ch)
{
	struct fg1_mmu *mmu;

	if (ch->mmu)
		return true;
	mmu = ferry_os_zalloc(sizeof(*mmu), 0);
	if (!mmu)
		return false;
	fg1_mmu_init(mmu, gpu, ch->engine.index);
	ch->mmu = mmu;
	ch->engine.mmu = mmu;
	ferry_os_fetch_or(&gpu->mmu_channels, 1ull << fg1_channel_id(gpu, ch)); /* pairs with fg1_mmu_invalidate() */
	fg1_mmu_enter(mmu);
	return true;
}

/* A page that cannot be read any more, in [offset, offset + size_bytes) of device memory. */
static bool poisoned(const struct fg1 *gpu, uint64_t offset, uint64_t size_bytes)
{
	uint64_t knob = fg1_knob(gpu, FG1_KNOB_POISON_PAGE);
	uint64_t first = offset >> FERRY_PAGE_SHIFT, last = (offset + size_bytes - 1) >> FERRY_PAGE_SHIFT;

	return knob && knob - 1 >= first && knob - 1 <= last;
}

/* Set side->memory, and shorten *bytes to what is contiguous there. DONE, or the step that ends the turn. */
static enum fg1_step resolve(struct fg1 *gpu, struct fg1_channel *ch, struct side *side, uint64_t *bytes)
{
	uint64_t at = side->address + ch->done;
	uint64_t in_page = FERRY_PAGE_SIZE - (at & (FERRY_PAGE_SIZE - 1));
	bool write = side->access != FERRY_ACCESS_READ;
	uint64_t replay;
	uint32_t kind;

	switch (side->aperture) {
	case FERRY_APERTURE_DEVICE:
		if (!write && poisoned(gpu, at, *bytes))
			return fg1_step_fail(ch, FG1_ERR_DMA);
		side->memory = (uint8_t *)gpu->config.vram + at;
		return FG1_STEP_DONE;
	case FERRY_APERTURE_HOST:
		side->memory = fg1_dma(gpu, at, *bytes, write);
		if (!side->memory && *bytes > in_page) { /* pages that follow on the bus only */
			*bytes = in_page;
			side->memory = fg1_dma(gpu, at, *bytes, write);
		}
		return side->memory ? FG1_STEP_DONE : fg1_step_fail(ch, FG1_ERR_DMA);
	default:
		*bytes = *bytes < in_page ? *bytes : in_page;
		replay = ferry_os_load_acquire(&gpu->replay);
		side->memory = fg1_mmu_translate(ch->mmu, ch->asid, at, side->access, &kind);
		return side->memory ? FG1_STEP_DONE : stall(gpu, ch, side, kind, replay);
	}
}

/* ---- work ---- */

/* Overlapping pieces: bytes of dst that are also src are unspecified, everything else is as it should be. */
static void copy_overlapping(uint8_t *dst, const uint8_t *src, uint64_t bytes)
{
	uint8_t bounce[256];

	while (bytes) {
		size_t n = bytes < sizeof(bounce) ? (size_t)bytes : sizeof(bounce);

		memcpy(bounce, src, n);
		memcpy(dst, bounce, n);
		dst += n;
		src += n;
		bytes -= n;
	}
}

static void copy_piece(uint8_t *dst, const uint8_t *src, uint64_t bytes)
{
	uintptr_t d = (uintptr_t)dst, s = (uintptr_t)src;

	if (d < s + bytes && s < d + bytes)
		copy_overlapping(dst, src, bytes);
	else
		ferry_os_copy_run(dst, src, (size_t)bytes);
}

static void fill_piece(uint8_t *dst, uint64_t pattern, uint64_t bytes)
{
	uint64_t *word = (uint64_t *)(void *)dst;

	if (!pattern) {
		ferry_os_zero_run(dst, (size_t)bytes);
		return;
	}
	for (uint64_t i = 0; i < bytes / 8; i++)
		word[i] = pattern;
}

/* After the last piece: FG1_KNOB_COPY_DELAY_NS. */
static enum fg1_step delay(struct fg1 *gpu, struct fg1_channel *ch)
{
	uint64_t delay_ns = fg1_knob(gpu, FG1_KNOB_COPY_DELAY_NS);

	if (ch->phase != PHASE_DELAY) {
		if (!delay_ns)
			return FG1_STEP_DONE;
		ch->phase = PHASE_DELAY;
		ch->deadline_ns = ferry_os_now_ns() + delay_ns;
	}
	if (ferry_os_now_ns() >= ch->deadline_ns)
		return FG1_STEP_DONE;
	ferry_os_relax();
	return FG1_STEP_MORE;
}

static uint32_t begin(struct fg1 *gpu, struct fg1_channel *ch, const struct side *dst, const struct side *src,
                      uint64_t size_bytes)
{
	uint32_t err = check_side(gpu, ch, dst, size_bytes);

	if (!err && src)
		err = check_side(gpu, ch, src, size_bytes);
	if (err)
		return err;
	if (fg1_knob_draw(gpu, FG1_KNOB_COPY_FAIL))
		return FG1_ERR_DMA;
	if ((dst->aperture == FERRY_APERTURE_VIRTUAL || (src && src->aperture == FERRY_APERTURE_VIRTUAL)) &&
	    !need_mmu(gpu, ch))
		return FG1_ERR_NO_RESOURCE;
	ch->phase = PHASE_COPY;
	return FG1_OK;
}

static enum fg1_step transfer(struct fg1 *gpu, struct fg1_channel *ch, struct side *dst, struct side *src,
                              uint64_t size_bytes)
{
	uint64_t bytes = size_bytes - ch->done;
	enum fg1_step step = resume(gpu, ch);

	if (step != FG1_STEP_DONE)
		return step;
	bytes = bytes < FG1_COPY_CHUNK ? bytes : FG1_COPY_CHUNK;
	if (bytes) {
		if (ch->mmu)
			fg1_mmu_sync(ch->mmu); /* pointers of the piece before are given up here */
		if (src)
			step = resolve(gpu, ch, src, &bytes);
		if (step == FG1_STEP_DONE)
			step = resolve(gpu, ch, dst, &bytes);
		if (step != FG1_STEP_DONE)
			return step;
		if (src)
			copy_piece(dst->memory, src->memory, bytes);
		else
			fill_piece(dst->memory, ch->cmd[2], bytes);
		ch->done += bytes;
		ch->copy_bytes += bytes;
	}
	return ch->done == size_bytes ? delay(gpu, ch) : FG1_STEP_MORE;
}

enum fg1_step fg1_copy_step(struct fg1 *gpu, struct fg1_channel *ch)
{
	const uint64_t *w = ch->cmd;
	struct side dst = {(enum ferry_aperture)(w[0] >> FG1_DST_SHIFT & 3), w[1], FERRY_ACCESS_WRITE, NULL};
	struct side src = {(enum ferry_aperture)(w[0] >> FG1_SRC_SHIFT & 3), w[2], FERRY_ACCESS_READ, NULL};
	uint32_t err;

	if (!ch->phase) {
		err = begin(gpu, ch, &dst, &src, w[3]);
		if (err)
			return fg1_step_fail(ch, err);
	}
	return transfer(gpu, ch, &dst, &src, w[3]);
}

enum fg1_step fg1_fill_step(struct fg1 *gpu, struct fg1_channel *ch)
{
	const uint64_t *w = ch->cmd;
	struct side dst = {(enum ferry_aperture)(w[0] >> FG1_DST_SHIFT & 3), w[1], FERRY_ACCESS_WRITE, NULL};
	uint32_t err;

	if (!ch->phase) {
		err = (w[1] | w[3]) & 7 ? FG1_ERR_ARG : begin(gpu, ch, &dst, NULL, w[3]);
		if (err)
			return fg1_step_fail(ch, err);
	}
	return transfer(gpu, ch, &dst, NULL, w[3]);
}
