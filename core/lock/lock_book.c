/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lock/lock_book.h"

#define ALL_HELD (FERRY_LOCK_ALL | FERRY_LOCK_ALL << FERRY_LOCK_EXCL_SHIFT)
#define TIME_SHIFT 2u /* an entry has 32 bits for a time: 4 ns each, 17 s until it comes round */

void ferry_lock_book_init(struct ferry_lock_book *book)
{
	for (uint32_t i = 0; i < FERRY_LOCK_BITS; i++) {
		uint64_t rule = ferry_os_load_relaxed(&ferry_lock_rules[i]);

		ferry_os_store_relaxed(&book->words[i],
		                       rule | ALL_HELD | (i < FERRY_LOCK_CLASSES ? FERRY_LOCK_WATCH : 0));
		ferry_os_store_relaxed(&book->broken[i], 0);
		ferry_os_store_relaxed(&book->tried[i], 0);
	}
	for (uint32_t i = 0; i < FERRY_LOCK_BOOK_NEWS; i++)
		ferry_os_store_relaxed(&book->news[i], 0);
	memset(book->tally, 0, sizeof(book->tally));
}

uint64_t ferry_lock_book_seen(const struct ferry_lock_book *book, uint32_t class_or_op)
{
	return ALL_HELD & ~ferry_os_load_relaxed(&book->words[class_or_op]);
}

static void word_add(struct ferry_os_atomic *word, uint64_t bits)
{
	if (bits & ~ferry_os_load_relaxed(word))
		ferry_os_fetch_or(word, bits);
}

void ferry_lock_book_note(const struct ferry_ctx *ctx, uint32_t class_or_op, uint64_t bad, bool tried)
{
	struct ferry_lock_book *book = ferry_lock_book_of(ctx);
	struct ferry_os_atomic *word;
	uint64_t rule, news;

	if (!book)
		return;
	word = &book->words[class_or_op];
	rule = ferry_os_load_relaxed(&ferry_lock_rules[class_or_op]);
	rule |= (rule & FERRY_LOCK_ALL) << FERRY_LOCK_EXCL_SHIFT; /* what is refused is so in either mode */
	news = ferry_os_load_relaxed(word) & ctx->held & ALL_HELD & ~rule;
	if (news)
		ferry_os_store_relaxed(word, ferry_os_load_relaxed(word) & ~news);
	bad &= ALL_HELD;
	if (bad)
		word_add(tried ? &book->tried[class_or_op] : &book->broken[class_or_op], bad);
}

static void max_raise(struct ferry_os_atomic *max, uint64_t v)
{
	if (v > ferry_os_load_relaxed(max))
		ferry_os_store_relaxed(max, v);
}

void ferry_lock_book_had(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t start_ns)
{
	struct ferry_lock_tally *tally = &ferry_lock_book_of(ctx)->tally[lock->row->lock_class];
	uint64_t now = ferry_os_now_ns();
	struct ferry_lock_entry *e = &ctx->stack[ctx->depth - 1];

	ferry_os_fetch_add(&tally->acquired, 1);
	if (start_ns) {
		ferry_os_fetch_add(&tally->contended, 1);
		ferry_os_fetch_add(&tally->wait_ns, now - start_ns);
		max_raise(&tally->wait_max_ns, now - start_ns);
	}
	if (!ctx->depth || e->lock != lock)
		return; /* it did not fit the stack */
	e->bits |= FERRY_LOCK_SLOW;
	e->where |= FERRY_LOCK_FLAG_TIMED;
	e->index = (uint32_t)(now >> TIME_SHIFT);
}

void ferry_lock_book_held(const struct ferry_ctx *ctx, const struct ferry_lock_entry *e)
{
	struct ferry_lock_tally *tally = &ferry_lock_book_of(ctx)->tally[e->lock->row->lock_class];
	uint64_t hold_ns = (uint64_t)(uint32_t)((uint32_t)(ferry_os_now_ns() >> TIME_SHIFT) - e->index) << TIME_SHIFT;

	ferry_os_fetch_add(&tally->holds, 1);
	ferry_os_fetch_add(&tally->hold_ns, hold_ns);
	max_raise(&tally->hold_max_ns, hold_ns);
}

/* A kind that finds no room is not told: by then the log has enough. The texts are constants: their address will do.
 */
bool ferry_lock_book_is_news(struct ferry_lock_book *book, uint64_t held, const char *who, const char *did)
{
	uint64_t key = (held & ALL_HELD) * 0x9e3779b97f4a7c15ull;

	key = (key ^ (uint64_t)(uintptr_t)who) * 0x9e3779b97f4a7c15ull;
	key = ((key ^ key >> 29 ^ (uint64_t)(uintptr_t)did) * 0x9e3779b97f4a7c15ull) | 1u;
	for (uint32_t i = 0; i < FERRY_LOCK_BOOK_NEWS; i++) {
		struct ferry_os_atomic *slot = &book->news[((key >> 40) + i) & (FERRY_LOCK_BOOK_NEWS - 1)];
		uint64_t was = ferry_os_cmpxchg(slot, 0, key);

		if (was == 0)
			return true;
		if (was == key)
			return false;
	}
	return false;
}
