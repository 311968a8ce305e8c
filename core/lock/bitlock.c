/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lock/bitlock.h"

#define LOOK_AGAIN_NS 1000000000ull /* a wait is bounded by the hook; the holder bounds the lock, as for a mutex */

struct bit {
	struct ferry_bitlock *array;
	uint32_t index;
};

static uint64_t mask_of(uint32_t index)
{
	return 1ull << (index & 63u);
}

void ferry_bitlock_init(struct ferry_bitlock *b, enum ferry_lock_class lock_class, struct ferry_os_atomic *words,
                        uint32_t count)
{
	if (!ferry_lock_begin(&b->lock, &lock_class))
		return;
	b->words = words;
	b->count = count;
	ferry_os_wait_init(&b->wait);
}

void ferry_bitlock_fini(struct ferry_bitlock *b)
{
	uint64_t any = 0;

	if (!ferry_lock_end(&b->lock))
		return;
	for (uint32_t i = 0; i < (b->count + 63) / 64; i++)
		any |= ferry_os_load_acquire(&b->words[i]);
	(void)FERRY_ASSERT(!any);
	ferry_os_wait_fini(&b->wait);
}

static bool take(struct ferry_bitlock *b, uint32_t index)
{
	return !(ferry_os_fetch_or(&b->words[index / 64], mask_of(index)) & mask_of(index));
}

static bool is_clear(void *arg)
{
	const struct bit *bit = arg;

	/* pairs with ferry_bitlock_unlock_at() */
	return !(ferry_os_load_acquire(&bit->array->words[bit->index / 64]) & mask_of(bit->index));
}

void ferry_bitlock_lock_at(struct ferry_ctx *ctx, struct ferry_bitlock *b, uint32_t index, const char *file,
                           uint32_t line)
{
	struct bit bit = {.array = b, .index = index};

	if (!FERRY_ASSERT(index < b->count))
		return;
	if (!ferry_lock_note_slow(ctx, &b->lock, b->lock.row->exclusive, file, line | FERRY_LOCK_FLAG_BIT, index))
		return;
	while (!take(b, index))
		(void)ferry_os_wait_bounded(&b->wait, is_clear, &bit, LOOK_AGAIN_NS);
}

bool ferry_bitlock_trylock_at(struct ferry_ctx *ctx, struct ferry_bitlock *b, uint32_t index, const char *file,
                              uint32_t line)
{
	if (!FERRY_ASSERT(index < b->count) || !take(b, index))
		return false;
	(void)ferry_lock_note_slow(ctx, &b->lock, b->lock.row->exclusive, file,
	                           line | FERRY_LOCK_FLAG_BIT | FERRY_LOCK_FLAG_TRIED, index);
	return true;
}

void ferry_bitlock_unlock_at(struct ferry_ctx *ctx, struct ferry_bitlock *b, uint32_t index, const char *file,
                             uint32_t line)
{
	if (!FERRY_ASSERT(index < b->count))
		return;
	if (!ferry_lock_drop_slow(ctx, &b->lock, b->lock.row->exclusive, file, line | FERRY_LOCK_FLAG_BIT, index))
		return;
	/* Nobody else changes this bit while it is set, so taking it away is a subtraction. */
	ferry_os_fetch_add(&b->words[index / 64], ~mask_of(index) + 1);
	ferry_os_wake_all(&b->wait);
}
