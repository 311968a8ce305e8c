/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_check.c - the constant tables of the lock order, and everything of the check that is off the fast path.
 */
#include "lock/lock.h"
#include "lock/lock_book.h"
#include "base/text.h"

#define MESSAGE_BYTES 480u /* a host cuts what is longer */

#define ROW_BIT(name) (1ull << FERRY_LOCK_##name)
#define ALL_CLASSES FERRY_LOCK_ALL
#define d(name) | ROW_BIT(name)

/*
 * A class is refused under itself and every later row, and under the rows it may not meet held exclusively; an
 * operation under the rows it lists. Whatever sleeps is refused in an interrupt.
 */
enum kind_sleeps {
	SLEEPS_MUTEX = 1,
	SLEEPS_RW = 1,
	SLEEPS_SPIN = 0,
	SLEEPS_SEM = 1,
	SLEEPS_CSEM = 1,
	SLEEPS_BITS = 1
};
#define DENIED(name, kind, excl)                                                                                     \
	((ALL_CLASSES & ~(ROW_BIT(name) - 1)) | (0ull excl) << FERRY_LOCK_EXCL_SHIFT |                               \
	 (SLEEPS_##kind ? FERRY_LOCK_IRQ : 0))

const struct ferry_os_atomic ferry_lock_rules[FERRY_LOCK_BITS] = {
#define x(name, kind, per, taken, never, excl, sub) [FERRY_LOCK_##name] = {DENIED(name, kind, excl)},
	FERRY_LOCK_ORDER(x)
#undef x
#define x(name, what, denied, excl)                                                                                  \
	[FERRY_LOCK_OP_##name] = {(0ull denied) | (0ull excl) << FERRY_LOCK_EXCL_SHIFT | FERRY_LOCK_IRQ},
		FERRY_LOCK_OPS(x)
#undef x
};

const struct ferry_lock_row ferry_lock_rows[FERRY_LOCK_CLASSES] = {
#define x(name, kind, per, taken, never, excl, sub)                                                                  \
	[FERRY_LOCK_##name] = {.denied = DENIED(name, kind, excl),                                                   \
	                       .shared = FERRY_LOCK_SHARED << FERRY_LOCK_##name,                                     \
	                       .exclusive = FERRY_LOCK_EXCLUSIVELY << FERRY_LOCK_##name,                             \
	                       .offset = FERRY_LOCK_##name * sizeof(struct ferry_os_atomic),                         \
	                       .lock_class = FERRY_LOCK_##name,                                                      \
	                       .suborder = FERRY_LOCK_SUB_##sub},
	FERRY_LOCK_ORDER(x)
#undef x
};

#undef d

static const char *const names[FERRY_LOCK_BITS] = {
#define x(name, kind, per, taken, never, excl, sub) [FERRY_LOCK_##name] = #name,
	FERRY_LOCK_ORDER(x)
#undef x
#define x(name, what, denied, excl) [FERRY_LOCK_OP_##name] = #name,
		FERRY_LOCK_OPS(x)
#undef x
};

const char *ferry_lock_class_name(enum ferry_lock_class lock_class)
{
	return (uint32_t)lock_class < FERRY_LOCK_CLASSES ? names[lock_class] : "UNKNOWN";
}

const char *ferry_lock_op_name(enum ferry_lock_op op)
{
	return op >= (enum ferry_lock_op)FERRY_LOCK_CLASSES && op < FERRY_LOCK_BITS ? names[op] : "UNKNOWN";
}

const char *ferry_lock_name(uint32_t class_or_op)
{
	return class_or_op < FERRY_LOCK_BITS ? names[class_or_op] : "UNKNOWN";
}

const char *ferry_lock_kind_name(uint32_t class_or_op)
{
	static const char *const kinds[FERRY_LOCK_CLASSES] = {
#define KIND_MUTEX "mutex"
#define KIND_RW "rw"
#define KIND_SPIN "spin"
#define KIND_SEM "sem"
#define KIND_CSEM "csem"
#define KIND_BITS "bits"
#define x(name, kind, per, taken, never, excl, sub) [FERRY_LOCK_##name] = KIND_##kind,
		FERRY_LOCK_ORDER(x)
#undef x
	};

	return class_or_op < FERRY_LOCK_CLASSES ? kinds[class_or_op] : "operation";
}

uint64_t ferry_lock_denied(uint32_t class_or_op)
{
	return class_or_op < FERRY_LOCK_BITS ? ferry_os_load_relaxed(&ferry_lock_rules[class_or_op]) & ALL_CLASSES
	                                     : ALL_CLASSES;
}

uint64_t ferry_lock_denied_excl(uint32_t class_or_op)
{
	return class_or_op < FERRY_LOCK_BITS
	               ? ferry_os_load_relaxed(&ferry_lock_rules[class_or_op]) >> FERRY_LOCK_EXCL_SHIFT
	               : ALL_CLASSES;
}

/* The last two parts of a path: enough to find it, and no machine's folders. */
static const char *short_name(const char *file)
{
	const char *from = file, *last = file;

	for (const char *c = file; *c; c++) {
		if (*c != '/')
			continue;
		from = last;
		last = c + 1;
	}
	return from;
}

static void text_site(struct ferry_text *t, const char *file, uint32_t line)
{
	ferry_text_str(t, " (");
	ferry_text_str(t, short_name(file));
	ferry_text_str(t, ":");
	ferry_text_u64(t, line & FERRY_LOCK_LINE);
	ferry_text_str(t, ")");
}

/* The newest entry of a class, which says where one of it was acquired. */
static const struct ferry_lock_entry *newest_of(const struct ferry_ctx *ctx, uint32_t lock_class)
{
	for (uint32_t i = ctx->depth; i > 0; i--)
		if (ctx->stack[i - 1].bits >> lock_class & 1)
			return &ctx->stack[i - 1];
	return NULL;
}

/* "BLOCK (fault/service.c:190), PMM (pmm/pmm.c:80)". mask: as in held; either half counts. */
static void text_held(struct ferry_text *t, const struct ferry_ctx *ctx, uint64_t mask)
{
	const char *sep = "";

	if (mask & FERRY_LOCK_IRQ) {
		ferry_text_str(t, "an interrupt");
		sep = ", ";
	}
	mask = (mask | mask >> FERRY_LOCK_EXCL_SHIFT) & ALL_CLASSES;
	if (!mask && !*sep)
		ferry_text_str(t, "nothing");
	for (uint32_t i = 0; i < FERRY_LOCK_CLASSES; i++) {
		const struct ferry_lock_entry *e = newest_of(ctx, i);

		if (!(mask >> i & 1))
			continue;
		ferry_text_str(t, sep);
		ferry_text_str(t, names[i]);
		if (e)
			text_site(t, e->file, e->where);
		sep = ", ";
	}
}

/*
 * Of contexts with a book the first of each kind is told: the same set held, and the same thing done. In the book the
 * rest are a number.
 */
static void tell(struct ferry_ctx *ctx, const char *who, const char *did, const char *file, uint32_t where,
                 const char *text)
{
	struct ferry_lock_book *book = ferry_lock_book_of(ctx);

	ctx->violations++;
	if (!book || ferry_lock_book_is_news(book, ctx->held, who, did))
		ferry_os_bug(file, where & FERRY_LOCK_LINE, text);
}

/* "who did BLOCK (...), PMM (...) how": one line, counted in the context. */
static FERRY_LOCK_COLD void report(struct ferry_ctx *ctx, const char *who, const char *did, uint64_t mask,
                                   const char *how, const char *file, uint32_t where)
{
	char buf[MESSAGE_BYTES];
	struct ferry_text t;

	ferry_text_init(&t, buf, sizeof(buf));
	ferry_text_str(&t, "locks: ");
	ferry_text_str(&t, who);
	ferry_text_str(&t, did);
	text_held(&t, ctx, mask);
	ferry_text_str(&t, how);
	tell(ctx, who, did, file, where, buf);
}

void ferry_lock_report(struct ferry_ctx *ctx, const struct ferry_lock *lock, const char *did, const char *file0,
                       uint32_t line0, const char *file, uint32_t line)
{
	const char *who = names[lock->row->lock_class];
	char buf[MESSAGE_BYTES];
	struct ferry_text t;

	ferry_text_init(&t, buf, sizeof(buf));
	ferry_text_str(&t, "locks: ");
	ferry_text_str(&t, who);
	ferry_text_str(&t, did);
	if (file0)
		text_site(&t, file0, line0);
	ferry_text_str(&t, "; ");
	text_held(&t, ctx, ctx->held);
	ferry_text_str(&t, " held");
	tell(ctx, who, did, file, line, buf);
}

/* The newest entry of this lock, or NULL. index: of a bit lock, 0 for the rest. */
static struct ferry_lock_entry *find(struct ferry_ctx *ctx, const void *lock, uint32_t index)
{
	for (uint32_t i = ctx->depth; i > 0; i--) {
		struct ferry_lock_entry *e = &ctx->stack[i - 1];

		if (e->lock == lock && (!(e->where & FERRY_LOCK_FLAG_BIT) || e->index == index))
			return e;
	}
	return NULL;
}

static bool is_exclusive(const struct ferry_lock_entry *e)
{
	return (e->bits & ~FERRY_LOCK_SLOW) >> FERRY_LOCK_EXCL_SHIFT != 0;
}

/* Its place among locks of its class. 0: it has none. */
static uint64_t suborder_of(const struct ferry_lock *lock, uint32_t where, uint32_t index)
{
	if (lock->row->suborder == FERRY_LOCK_SUB_LEVEL)
		return where >> FERRY_LOCK_LEVEL_SHIFT;
	return where & FERRY_LOCK_FLAG_BIT ? index + 1ull : lock->order;
}

/* One of this class is held. May another be, if it is acquired now? */
static bool suborder_allows(const struct ferry_ctx *ctx, const struct ferry_lock *lock, uint32_t where,
                            uint32_t index)
{
	uint64_t mine = suborder_of(lock, where, index);

	if (lock->row->suborder == FERRY_LOCK_SUB_NONE)
		return false;
	for (uint32_t i = 0; i < ctx->depth; i++) {
		const struct ferry_lock_entry *e = &ctx->stack[i];
		uint64_t other = suborder_of(e->lock, e->where, e->index);

		if (e->lock->row->lock_class == lock->row->lock_class && (!other || other >= mine))
			return false;
	}
	return true;
}

/* What of the held set forbids this acquire. */
static uint64_t refused(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint32_t where, uint32_t index)
{
	uint64_t bad = ctx->held & lock->row->denied;

	if (where & FERRY_LOCK_FLAG_TRIED)
		bad &= ~FERRY_LOCK_IRQ;
	if (bad & lock->row->shared && suborder_allows(ctx, lock, where, index))
		bad &= ~lock->row->shared;
	return bad;
}

static void report_order(struct ferry_ctx *ctx, uint32_t lock_class, const char *did, uint64_t bad, const char *file,
                         uint32_t where)
{
	if (bad & (ALL_CLASSES | FERRY_LOCK_IRQ))
		report(ctx, names[lock_class], did, bad & (ALL_CLASSES | FERRY_LOCK_IRQ), " held", file, where);
	if (bad >> FERRY_LOCK_EXCL_SHIFT)
		report(ctx, names[lock_class], did, bad >> FERRY_LOCK_EXCL_SHIFT, " held exclusively", file, where);
}

bool ferry_lock_note_slow(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits, const char *file,
                          uint32_t where, uint32_t index)
{
	const struct ferry_lock_entry *same = find(ctx, lock, index);
	uint64_t bad = refused(ctx, lock, where, index), slow = 0;
	bool take = !(where & FERRY_LOCK_FLAG_PHANTOM);

	if (same && !(where & (FERRY_LOCK_FLAG_TRIED | FERRY_LOCK_FLAG_PHANTOM))) {
		ferry_lock_report(ctx, lock, " acquired by who holds this very lock", same->file, same->where, file,
		                  where);
		bad = 0;
		take = !is_exclusive(same) && bits >> FERRY_LOCK_EXCL_SHIFT;
	}
	ferry_lock_book_note(ctx, lock->row->lock_class, bad, where & FERRY_LOCK_FLAG_TRIED);
	if (bad && !(where & FERRY_LOCK_FLAG_TRIED))
		report_order(ctx, lock->row->lock_class, " acquired with ", bad, file, where);
	else if (bad)
		where |= FERRY_LOCK_FLAG_UNORDERED;
	if (ctx->depth >= FERRY_LOCK_DEPTH) {
		ctx->unnoted += take;
		ferry_lock_report(ctx, lock, " does not fit the held set", NULL, 0, file, where);
		return take;
	}
	if (ctx->held & lock->row->shared || !take || where & FERRY_LOCK_FLAG_BIT)
		slow = FERRY_LOCK_SLOW;
	if (!take)
		where |= FERRY_LOCK_FLAG_PHANTOM;
	ferry_lock_push(ctx, lock, bits, file, where);
	ctx->stack[ctx->depth - 1].bits |= slow;
	ctx->stack[ctx->depth - 1].index = index;
	return take;
}

/* held says what the stack says; what is no class stays. */
static void held_again(struct ferry_ctx *ctx)
{
	ctx->held &= FERRY_LOCK_IRQ | FERRY_LOCK_WATCH;
	for (uint32_t i = 0; i < ctx->depth; i++)
		ctx->held |= ctx->stack[i].bits & ~FERRY_LOCK_SLOW;
}

/* Were locks that are still held acquired under this one? A try that was out of order does not count. */
static const struct ferry_lock_entry *acquired_under(const struct ferry_ctx *ctx, const struct ferry_lock_entry *e)
{
	for (const struct ferry_lock_entry *o = &ctx->stack[ctx->depth]; --o > e;)
		if (!(o->where & FERRY_LOCK_FLAG_UNORDERED))
			return o;
	return NULL;
}

uint64_t ferry_lock_drop_slow(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits, const char *file,
                              uint32_t where, uint32_t index)
{
	struct ferry_lock_entry *e = find(ctx, lock, index);
	const struct ferry_lock_entry *under;
	uint64_t mode;

	if (!e && ctx->unnoted) {
		ctx->unnoted--;
		return bits >> FERRY_LOCK_EXCL_SHIFT ? FERRY_LOCK_EXCLUSIVELY : FERRY_LOCK_SHARED;
	}
	if (!e) {
		ferry_lock_report(ctx, lock, " released but not held, and left alone", NULL, 0, file, where);
		return 0;
	}
	mode = is_exclusive(e) ? FERRY_LOCK_EXCLUSIVELY : FERRY_LOCK_SHARED;
	if ((e->bits & ~FERRY_LOCK_SLOW) != bits)
		ferry_lock_report(ctx, lock,
		                  is_exclusive(e) ? " released as if held shared, and is held exclusively"
		                                  : " released as if held exclusively, and is held shared",
		                  e->file, e->where, file, where);
	under = (e->where | where) & FERRY_LOCK_FLAG_UNORDERED ? NULL : acquired_under(ctx, e);
	if (under)
		ferry_lock_report(ctx, lock, " released before what was acquired under it", under->file, under->where,
		                  file, where);
	if (e->where & FERRY_LOCK_FLAG_PHANTOM)
		mode = 0;
	if (e->where & FERRY_LOCK_FLAG_TIMED)
		ferry_lock_book_held(ctx, e);
	ctx->depth--;
	for (; e < &ctx->stack[ctx->depth]; e++)
		*e = e[1];
	held_again(ctx);
	return mode;
}

bool ferry_lock_downgrade(struct ferry_ctx *ctx, const struct ferry_lock *lock, const char *file, uint32_t line)
{
	struct ferry_lock_entry *e = find(ctx, lock, 0);

	if (!e || !is_exclusive(e)) {
		ferry_lock_report(ctx, lock, " downgraded but not held exclusively", e ? e->file : NULL,
		                  e ? e->where : 0, file, line);
		return false;
	}
	e->bits = lock->row->shared | (e->bits & FERRY_LOCK_SLOW);
	held_again(ctx);
	return !(e->where & FERRY_LOCK_FLAG_PHANTOM);
}

void ferry_ctx_fini_slow(struct ferry_ctx *ctx, const char *file, uint32_t line)
{
	report(ctx, "a context", " ends with ", ctx->held, " held", file, line);
}

bool ferry_lock_assert_held_at(struct ferry_ctx *ctx, const void *lock, const char *file, uint32_t line)
{
	if (find(ctx, lock, 0))
		return true;
	report(ctx, "a lock that must be held", " is not; ", ctx->held, " held", file, line);
	return false;
}

bool ferry_lock_assert_excl_at(struct ferry_ctx *ctx, const void *lock, const char *file, uint32_t line)
{
	const struct ferry_lock_entry *e = find(ctx, lock, 0);

	if (e && is_exclusive(e))
		return true;
	report(ctx, "a lock that must be held exclusively", " is not; ", ctx->held, " held", file, line);
	return false;
}

bool ferry_lock_assert_not_held_at(struct ferry_ctx *ctx, const void *lock, const char *file, uint32_t line)
{
	const struct ferry_lock_entry *e = find(ctx, lock, 0);

	if (!e)
		return true;
	ferry_lock_report(ctx, lock, " held where it must not be", e->file, e->where, file, line);
	return false;
}

bool ferry_lock_assert_op_slow(struct ferry_ctx *ctx, enum ferry_lock_op op, const char *file, uint32_t line)
{
	uint64_t bad = ctx->held & ferry_os_load_relaxed(&ferry_lock_rules[op]);

	ferry_lock_book_note(ctx, op, bad, false);
	if (!bad)
		return true;
	report(ctx, names[op], " with ", bad, bad & (ALL_CLASSES | FERRY_LOCK_IRQ) ? " held" : " held exclusively",
	       file, line);
	return false;
}

bool ferry_lock_assert_could_take_slow(struct ferry_ctx *ctx, enum ferry_lock_class lock_class, const char *file,
                                       uint32_t line)
{
	report_order(ctx, lock_class, " may have to be acquired with ",
	             ctx->held & ferry_os_load_relaxed(&ferry_lock_rules[lock_class]), file, line);
	return false;
}
