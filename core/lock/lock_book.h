/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_book.h - what the contexts of one driver object saw of its locks: which row was acquired under which, how long
 * they waited and held. The table of the order says what may happen; the book, what did.
 *
 * Edges:  a context with a book checks against the book's words instead of the constant rules. A word begins as the
 *         rule and every row besides: "refused, or not seen yet". The slow path tells the two apart, and takes out
 * what is allowed. So the fast path is the same AND, and each new combination is looked at once:
 *
 *             rule of CHANNEL    PAGE_TREE and before: 0    CHANNEL and later: 1    refused
 *             its word, fresh    1 1 1 1 1 1 1 1 1 1 1      1 1 1                   ... or not seen yet
 *             BLOCK was held     1 1 1 1 1 1 1 1 0 1 1      1 1 1
 *
 * Times:  one context of FERRY_LOCK_BOOK_ONE_IN is watched: every word has FERRY_LOCK_WATCH, and so has what it
 * holds. All its acquires take the slow path, which tries, and looks at the clock. A prime, so that entries that
 *         alternate are all met.
 * Locking: words of their own, no lock. A store may undo another's: what is lost is learned again, or is one sample.
 */
#ifndef FERRY_LOCK_BOOK_H
#define FERRY_LOCK_BOOK_H

#include "lock/lock_check.h"

#define FERRY_LOCK_BOOK_ONE_IN 127u
#define FERRY_LOCK_BOOK_NEWS 32u /* kinds of violations that are told; a power of two */

/* Of the watched contexts. */
struct ferry_lock_tally {
	struct ferry_os_atomic acquired, contended, wait_ns, wait_max_ns, holds, hold_ns, hold_max_ns;
};

struct ferry_lock_book {
	struct ferry_os_atomic words[FERRY_LOCK_BITS];  /* refused, or not seen yet */
	struct ferry_os_atomic broken[FERRY_LOCK_BITS]; /* refused, and seen */
	struct ferry_os_atomic tried[FERRY_LOCK_BITS];  /* held when a try took it out of order */
	struct ferry_os_atomic news[FERRY_LOCK_BOOK_NEWS];
	struct ferry_lock_tally tally[FERRY_LOCK_CLASSES];
};

void ferry_lock_book_init(struct ferry_lock_book *book);

/*
 * The context of a flow of control that is written into book. until_watch: how many go before the next one is
 * watched. It lies outside of the book, whose words all CPUs read and hardly ever write. held: 0, or FERRY_LOCK_IRQ
 * in a handler.
 */
static inline void ferry_ctx_init_in(struct ferry_ctx *ctx, struct ferry_lock_book *book,
                                     struct ferry_os_atomic *until_watch, uint64_t held)
{
	uint64_t left = ferry_os_load_relaxed(until_watch);

	if (__builtin_expect(left == 0, 0)) {
		left = FERRY_LOCK_BOOK_ONE_IN;
		held |= FERRY_LOCK_WATCH;
	}
	ferry_os_store_relaxed(until_watch, left - 1);
	ctx->held = held;
	ctx->rules = book->words;
	ctx->depth = 0;
	ctx->violations = 0;
	ctx->unnoted = 0;
}

/* NULL: a context without. */
static inline struct ferry_lock_book *ferry_lock_book_of(const struct ferry_ctx *ctx)
{
	return ctx->rules == ferry_lock_rules ? NULL : (struct ferry_lock_book *)ctx->rules;
}

/* What was seen when class_or_op was acquired or done: bits as in held. */
uint64_t ferry_lock_book_seen(const struct ferry_lock_book *book, uint32_t class_or_op);

/*
 * For the slow paths. note: the rows held are seen under class_or_op, bad of them against the order. had: a watched
 * context has the lock, for which it waited since start_ns; 0: nobody was in the way. held: it lets it go. news:
 * nobody told of that yet.
 */
void ferry_lock_book_note(const struct ferry_ctx *ctx, uint32_t class_or_op, uint64_t bad, bool tried);
void ferry_lock_book_had(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t start_ns);
void ferry_lock_book_held(const struct ferry_ctx *ctx, const struct ferry_lock_entry *e);
bool ferry_lock_book_is_news(struct ferry_lock_book *book, uint64_t held, const char *who, const char *did);

#endif /* FERRY_LOCK_BOOK_H */
