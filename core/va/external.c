/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "va/external.h"
#include "base/range.h"
#include "gpu/device.h"
#include "va/block_map.h"

#define WORD_PAGES 64u

bool ferry_external_supported(const struct ferry_va_space *vs)
{
	const struct ferry_device *gpu;

	if (!vs->ops->external_map)
		return false;
	for (uint32_t id = 0; (gpu = ferry_core_device(vs->core, id)); id++)
		if (!(gpu->info.caps & (1u << FERRY_CAP_HOST_MAP)))
			return false;
	return true;
}

/* ---- slots ------------------------------------------------------------------------------------------------ */

static uint64_t slot_of(uint64_t va)
{
	return ferry_align_down(va, FERRY_BLOCK_SIZE);
}

static struct ferry_external *slot_external(struct ferry_va_space *vs, uint64_t va) FERRY_NEEDS_SHARED(&vs->lock)
{
	struct ferry_va_range *range = ferry_va_slot_range(vs, va);

	return range && range->external ? FERRY_CONTAINER_OF(range, struct ferry_external, range) : NULL;
}

/* The pages of [base, base + bytes) in the slot at va. */
static void slot_pages(uint64_t va, uint64_t base, uint64_t bytes, struct ferry_bitmap *out)
{
	uint64_t from = base > va ? base : va, to = base + bytes;

	if (to > va + FERRY_BLOCK_SIZE)
		to = va + FERRY_BLOCK_SIZE;
	ferry_bitmap_zero(out);
	ferry_bitmap_set_range(out, (uint32_t)((from - va) >> FERRY_PAGE_SHIFT),
	                       (uint32_t)((to - from) >> FERRY_PAGE_SHIFT));
}

static void external_destroy(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_external *ext)
{
	ferry_block_put(ctx, ext->block);
	ferry_mem_free(&vs->core->mem, ext, sizeof(*ext));
}

static struct ferry_external *external_create(struct ferry_va_space *vs, uint64_t va)
{
	struct ferry_external *ext = ferry_mem_zalloc(&vs->core->mem, sizeof(*ext));

	if (!ext)
		return NULL;
	ext->range.base = va;
	ext->range.bytes = FERRY_BLOCK_SIZE;
	ext->range.external = true;
	ferry_list_init(&ext->starts);
	if (ferry_block_create(vs, &ext->range, va, 0, &ext->block)) {
		ferry_mem_free(&vs->core->mem, ext, sizeof(*ext));
		return NULL;
	}
	ext->block->external = ext;
	return ext;
}

/* Slots for all of a registration, made before VA_SPACE is taken: nobody waits for us while we allocate. */
static int spares_make(struct ferry_va_space *vs, uint64_t base, uint64_t bytes, struct ferry_list *spares)
{
	for (uint64_t va = slot_of(base); va < base + bytes; va += FERRY_BLOCK_SIZE) {
		struct ferry_external *ext = external_create(vs, va);

		if (!ext)
			return FERRY_E_REGISTER_NOMEM;
		ferry_list_push_back(spares, &ext->node);
	}
	return 0;
}

static void spares_free(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_list *spares)
{
	while (!ferry_list_empty(spares)) {
		struct ferry_external *ext = FERRY_LIST_ENTRY(spares->next, struct ferry_external, node);

		ferry_list_remove(&ext->node);
		external_destroy(ctx, vs, ext);
	}
}

/* The last registration has left the slot. VA_SPACE write held. */
static void slot_end(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_external *ext)
	FERRY_NEEDS(&vs->lock)
{
	ferry_mutex_lock(ctx, &vs->external_lock);
	ferry_list_remove(&ext->node); /* no revoke finds it from here on */
	ferry_mutex_unlock(ctx, &vs->external_lock);
	ferry_block_kill(ctx, ext->block);
	ferry_va_slot_set(vs, ext->range.base, NULL);
	external_destroy(ctx, vs, ext);
}

/* ---- registrations ---------------------------------------------------------------------------------------- */

/* VA_SPACE write held. Nothing else is in the way. */
static int reserve_check(struct ferry_va_space *vs, uint64_t base, uint64_t bytes) FERRY_NEEDS(&vs->lock)
{
	for (uint64_t va = slot_of(base); va < base + bytes; va += FERRY_BLOCK_SIZE) {
		struct ferry_va_range *range = ferry_va_slot_range(vs, va);
		struct ferry_external *ext = slot_external(vs, va);
		struct ferry_bitmap pages;

		if (range && !ext)
			return FERRY_E_RANGE_OVERLAP;
		slot_pages(va, base, bytes, &pages);
		if (ext && ferry_bitmap_intersects(&ext->reserved, &pages))
			return FERRY_E_RANGE_OVERLAP;
	}
	return 0;
}

/* VA_SPACE write held. spares has one for every slot, in order; those that are not needed stay in it. */
static void reserve_slots(struct ferry_ctx *ctx, struct ferry_va_space *vs, const struct ferry_registration *reg,
                          struct ferry_list *spares) FERRY_NEEDS(&vs->lock)
{
	struct ferry_list *pos, *next;

	FERRY_LIST_EACH_SAFE(pos, next, spares) {
		struct ferry_external *spare = FERRY_LIST_ENTRY(pos, struct ferry_external, node);
		struct ferry_external *ext = slot_external(vs, spare->range.base);
		struct ferry_bitmap pages;

		slot_pages(spare->range.base, reg->base, reg->bytes, &pages);
		ferry_mutex_lock(ctx, &vs->external_lock);
		if (!ext) {
			ext = spare;
			ferry_list_remove(&ext->node);
			ferry_list_push_back(&vs->externals, &ext->node);
		}
		ferry_bitmap_andnot(&ext->revoked, &ext->revoked, &pages); /* of an earlier registration */
		ferry_mutex_unlock(ctx, &vs->external_lock);
		ferry_bitmap_or(&ext->reserved, &ext->reserved, &pages);
		ferry_va_slot_set(vs, ext->range.base, ext->block);
	}
}

static int reserve(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_registration *reg)
{
	struct ferry_list spares;
	int err;

	ferry_list_init(&spares);
	err = spares_make(vs, reg->base, reg->bytes, &spares);
	if (err)
		goto free_spares;
	ferry_va_write_lock(ctx, &vs->lock);
	err = reserve_check(vs, reg->base, reg->bytes);
	if (!err && ferry_va_slots_prepare(vs, reg->base, reg->bytes))
		err = FERRY_E_REGISTER_NOMEM;
	if (!err) {
		reserve_slots(ctx, vs, reg, &spares);
		ferry_list_push_back(&vs->registrations, &reg->node);
		ferry_list_push_back(&slot_external(vs, reg->base)->starts, &reg->in_slot);
	}
	ferry_va_write_unlock(ctx, &vs->lock);
free_spares:
	spares_free(ctx, vs, &spares);
	return err;
}

/* Nothing of it is valid, and the host has let go of it. Frees it. */
static void release(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_registration *reg)
{
	ferry_va_write_lock(ctx, &vs->lock);
	ferry_list_remove(&reg->node);
	ferry_list_remove(&reg->in_slot);
	for (uint64_t va = slot_of(reg->base); va < reg->base + reg->bytes; va += FERRY_BLOCK_SIZE) {
		struct ferry_external *ext = slot_external(vs, va);
		struct ferry_bitmap pages;

		if (!FERRY_ASSERT(ext))
			continue;
		slot_pages(va, reg->base, reg->bytes, &pages);
		ferry_bitmap_andnot(&ext->reserved, &ext->reserved, &pages);
		if (ferry_bitmap_empty(&ext->reserved))
			slot_end(ctx, vs, ext);
	}
	ferry_va_write_unlock(ctx, &vs->lock);
	ferry_mem_free(&vs->core->mem, reg, sizeof(*reg));
}

/* Devices may use it from now on. */
static void publish(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_registration *reg)
{
	ferry_va_write_lock(ctx, &vs->lock);
	for (uint64_t va = slot_of(reg->base); va < reg->base + reg->bytes; va += FERRY_BLOCK_SIZE) {
		struct ferry_block *block = slot_external(vs, va)->block;
		struct ferry_bitmap pages;

		slot_pages(va, reg->base, reg->bytes, &pages);
		ferry_mutex_lock(ctx, &block->lock);
		ferry_bitmap_or(&block->valid, &block->valid, &pages);
		if (!reg->write)
			ferry_bitmap_or(&block->read_only, &block->read_only, &pages);
		ferry_mutex_unlock(ctx, &block->lock);
	}
	reg->live = true;
	ferry_count(&vs->counters, FERRY_COUNTER_registered_bytes, reg->bytes);
	ferry_va_write_unlock(ctx, &vs->lock);
}

int ferry_external_register(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t bytes,
                            bool write)
{
	struct ferry_registration *reg;
	int err = ferry_range_check_aligned(base, bytes, FERRY_VA_END, FERRY_PAGE_SIZE);

	if (err)
		return err;
	if (!base)
		return FERRY_E_RANGE_ALIGN;
	if (bytes > FERRY_REGISTER_BYTES_MAX)
		return FERRY_E_RANGE_OVERFLOW;
	if (!ferry_external_supported(vs))
		return FERRY_E_UNSUPPORTED;
	reg = ferry_mem_zalloc(&vs->core->mem, sizeof(*reg));
	if (!reg)
		return FERRY_E_REGISTER_NOMEM;
	reg->base = base;
	reg->bytes = bytes;
	reg->write = write;
	err = reserve(ctx, vs, reg);
	if (err) {
		ferry_mem_free(&vs->core->mem, reg, sizeof(*reg));
		return err;
	}
	err = vs->ops->external_map(vs->mm, base, bytes >> FERRY_PAGE_SHIFT, write);
	if (err) {
		release(ctx, vs, reg);
		return err;
	}
	publish(ctx, vs, reg);
	return 0;
}

/*
 * No device reaches these pages any more when it returns. One that cannot be told is lost, and is waited for until it
 * touches nothing. EXTERNAL held.
 * Opaque: the mappings of an external block are EXTERNAL's, and what unmaps asks for BLOCK, which a revoke does not
 * take.
 */
static void unmap_devices(struct ferry_ctx *ctx, struct ferry_external *ext, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&ext->block->vs->external_lock) FERRY_LOCK_OPAQUE
{
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++) {
		struct ferry_block_gpu *bg = ext->on[d];

		if (bg && (ferry_block_unmap_gpu(ctx, bg, pages) || ferry_device_lost(bg->gpu)))
			ferry_device_give_up(ctx, bg->gpu, FERRY_E_DEVICE_LOST);
	}
}

/* The other way round. VA_SPACE write held, so no fault is being served. */
static void withdraw(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_registration *reg)
	FERRY_NEEDS(&vs->lock)
{
	reg->live = false;
	for (uint64_t va = slot_of(reg->base); va < reg->base + reg->bytes; va += FERRY_BLOCK_SIZE) {
		struct ferry_external *ext = slot_external(vs, va);
		struct ferry_block *block = ext->block;
		struct ferry_bitmap pages;

		slot_pages(va, reg->base, reg->bytes, &pages);
		ferry_mutex_lock(ctx, &block->lock);
		ferry_bitmap_andnot(&block->valid, &block->valid, &pages);
		ferry_bitmap_andnot(&block->read_only, &block->read_only, &pages);
		ferry_mutex_lock(ctx, &vs->external_lock);
		unmap_devices(ctx, ext, &pages);
		ferry_mutex_unlock(ctx, &vs->external_lock);
		ferry_mutex_unlock(ctx, &block->lock);
	}
	ferry_os_fetch_add(&vs->counters.value[FERRY_COUNTER_registered_bytes], (uint64_t)0 - reg->bytes);
}

/* VA_SPACE held. NULL: none that begins there, or it is being made or ended. */
static struct ferry_registration *registration_at(struct ferry_va_space *vs, uint64_t base)
	FERRY_NEEDS_SHARED(&vs->lock)
{
	struct ferry_external *ext = slot_external(vs, base);
	struct ferry_list *pos;

	if (!ext)
		return NULL;
	FERRY_LIST_EACH(pos, &ext->starts) {
		struct ferry_registration *reg = FERRY_LIST_ENTRY(pos, struct ferry_registration, in_slot);

		if (reg->base == base)
			return reg->live ? reg : NULL;
	}
	return NULL;
}

int ferry_external_unregister(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t *bytes)
{
	struct ferry_registration *reg;

	ferry_va_write_lock(ctx, &vs->lock);
	reg = registration_at(vs, base);
	if (reg)
		withdraw(ctx, vs, reg);
	ferry_va_write_unlock(ctx, &vs->lock);
	if (!reg)
		return FERRY_E_REGISTER_NOT_FOUND;
	*bytes = reg->bytes;
	vs->ops->external_unmap(vs->mm, base, reg->bytes >> FERRY_PAGE_SHIFT);
	release(ctx, vs, reg);
	return 0;
}

void ferry_external_end(struct ferry_ctx *ctx, struct ferry_va_space *vs) FERRY_LOCK_UNSHARED
{
	while (!ferry_list_empty(&vs->registrations)) {
		struct ferry_registration *reg =
			FERRY_LIST_ENTRY(vs->registrations.next, struct ferry_registration, node);
		uint64_t bytes;

		if (!FERRY_ASSERT(ferry_external_unregister(ctx, vs, reg->base, &bytes) == 0))
			return;
	}
}

/* ---- faults ----------------------------------------------------------------------------------------------- */

/* Whom what is refused. want: what is left to be mapped. */
static void serve_sift(const struct ferry_block *block, struct ferry_service *s, struct ferry_bitmap *want)
	FERRY_NEEDS(&block->lock)
{
	struct ferry_bitmap write;

	ferry_bitmap_zero(&s->lost);
	ferry_bitmap_and(&s->read_only, &s->write, &block->read_only);
	ferry_bitmap_andnot(&write, &s->write, &s->read_only);
	ferry_bitmap_or(want, &s->read, &s->write);
	ferry_bitmap_andnot(&s->unmapped, want, &block->valid);
	ferry_bitmap_or(want, &s->read, &write);
	ferry_bitmap_and(want, want, &block->valid);
}

/* Where pages of one word are; bits of *pages that cannot be had are cleared, unless they are wanted: an error. */
static int serve_bus(struct ferry_ctx *ctx, const struct ferry_block_gpu *bg, uint32_t word, uint64_t want,
                     uint64_t *pages, uint64_t *bus)
{
	const struct ferry_va_space *vs = bg->block->vs;
	uint64_t left = *pages;

	(void)ferry_lock_assert_op(ctx, FERRY_LOCK_OP_RECLAIM);
	while (left) {
		uint32_t first = ferry_os_ctz64(left), count = 1, run = 1;
		uint64_t va = bg->block->va + ((uint64_t)(word * WORD_PAGES + first) << FERRY_PAGE_SHIFT), at;
		int err;

		while (first + count < WORD_PAGES && (left >> (first + count) & 1))
			count++;
		err = vs->ops->external_bus(vs->mm, bg->gpu->dev, va, count, &at, &run);
		if (err && (want >> first & 1))
			return err;
		if (err)
			*pages &= ~(1ull << first);
		if (err || !run || run > count)
			run = 1;
		for (uint32_t i = 0; i < run; i++) {
			bus[first + i] = at + ((uint64_t)i << FERRY_PAGE_SHIFT);
			left &= ~(1ull << (first + i));
		}
	}
	return 0;
}

/* Pages of one word of the map. Those that were revoked meanwhile and are wanted are told. */
static int serve_word(struct ferry_ctx *ctx, struct ferry_external *ext, struct ferry_block_gpu *bg, uint32_t word,
                      uint64_t want, uint64_t pages, struct ferry_service *s) FERRY_NEEDS(&bg->block->lock)
{
	const struct ferry_hal *hal = bg->gpu->hal;
	struct ferry_block *block = ext->block;
	uint64_t bus[WORD_PAGES], revoked, writable;
	int err = serve_bus(ctx, bg, word, want, &pages, bus);

	if (err)
		return err;
	ferry_mutex_lock(ctx, &block->vs->external_lock);
	revoked = pages & ext->revoked.word[word];
	pages &= ~revoked;
	writable = pages & ~block->read_only.word[word];
	for (uint64_t left = pages; left; left &= left - 1) {
		uint32_t i = ferry_os_ctz64(left);
		enum ferry_access allow = writable >> i & 1 ? FERRY_ACCESS_ATOMIC : FERRY_ACCESS_READ;

		ferry_page_table_write(&bg->table, word * WORD_PAGES + i, 1,
		                       hal->pte(FERRY_APERTURE_HOST, bus[i], allow, FERRY_PAGE_SHIFT), 0);
	}
	bg->mapped.word[word] |= pages;
	bg->remote.word[word] |= pages;
	bg->writable.word[word] |= writable;
	ferry_mutex_unlock(ctx, &block->vs->external_lock);
	s->unmapped.word[word] |= want & revoked;
	ferry_count(&block->vs->counters, FERRY_COUNTER_maps_remote, ferry_os_popcount64(pages));
	return 0;
}

/* BLOCK held. */
static int serve_locked(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device, struct ferry_service *s)
	FERRY_NEEDS(&block->lock)
{
	struct ferry_external *ext = block->external;
	struct ferry_bitmap want, have, out, pages;
	struct ferry_block_gpu *bg;
	int err;

	if (block->dead)
		return FERRY_E_RANGE_NOT_FOUND;
	serve_sift(block, s, &want);
	if (ferry_bitmap_empty(&want))
		return 0;
	if (ferry_device_lost(ferry_core_device(block->core, device)))
		return FERRY_E_DEVICE_LOST;
	err = ferry_block_on(ctx, block, device, &bg);
	if (err)
		return err;
	ferry_mutex_lock(ctx, &block->vs->external_lock);
	ext->on[device] = bg;
	have = bg->mapped;
	out = ext->revoked;
	ferry_mutex_unlock(ctx, &block->vs->external_lock);
	ferry_bitmap_and(&pages, &want, &out);
	ferry_bitmap_or(&s->unmapped, &s->unmapped, &pages);
	ferry_bitmap_andnot(&want, &want, &pages);
	ferry_bitmap_and(&pages, &want, &have);
	s->duplicates = ferry_bitmap_count(&pages);
	ferry_bitmap_andnot(&want, &want, &have);
	if (ferry_bitmap_empty(&want))
		return 0;
	/* An entry costs next to nothing, and nothing has to move for it: the neighbours come along. */
	ferry_bitmap_or(&out, &out, &have);
	ferry_bitmap_andnot(&pages, s->prefetch ? &block->valid : &want, &out);
	for (uint32_t w = 0; w < FERRY_BITMAP_WORDS && !err; w++)
		if (pages.word[w])
			err = serve_word(ctx, ext, bg, w, want.word[w], pages.word[w], s);
	ferry_bitmap_andnot(&want, &want, &s->unmapped);
	s->served = err ? 0 : ferry_bitmap_count(&want);
	return err;
}

int ferry_external_serve(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device, struct ferry_service *s)
{
	int err;

	s->duplicates = 0;
	s->served = 0;
	ferry_mutex_lock(ctx, &block->lock);
	err = serve_locked(ctx, block, device, s);
	ferry_mutex_unlock(ctx, &block->lock);
	return err;
}

void ferry_external_revoke(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t va, uint64_t bytes)
{
	struct ferry_list *pos;

	if (ferry_range_check_aligned(va, bytes, FERRY_VA_END, FERRY_PAGE_SIZE))
		return;
	ferry_mutex_lock(ctx, &vs->external_lock);
	FERRY_LIST_EACH(pos, &vs->externals) {
		struct ferry_external *ext = FERRY_LIST_ENTRY(pos, struct ferry_external, node);
		struct ferry_bitmap pages;

		if (!ferry_range_overlaps(ext->range.base, FERRY_BLOCK_SIZE, va, bytes))
			continue;
		slot_pages(ext->range.base, va, bytes, &pages);
		ferry_bitmap_andnot(&pages, &pages, &ext->revoked);
		ferry_bitmap_or(&ext->revoked, &ext->revoked, &pages);
		ferry_count(&vs->counters, FERRY_COUNTER_pages_revoked, ferry_bitmap_count(&pages));
		unmap_devices(ctx, ext, &pages);
	}
	ferry_mutex_unlock(ctx, &vs->external_lock);
}
