/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_check.c - the constant tables of the lock order, and everything of the check that is off the fast path.
 */
#include "lock/lock.h"
#include "base/text.h"

#define MESSAGE_BYTES 224u /* the longest message names every class and one more */

#define ROW_BIT(name) (1ull << FERRY_LOCK_##name)
#define ALL_CLASSES ((1ull << FERRY_LOCK_CLASSES) - 1)
#define d(name) | ROW_BIT(name)

/*
 * A class is refused under itself and every later row, and under the rows it may not meet held exclusively; an
 * operation under the rows it lists.
 */
#define DENIED(name, excl) ((ALL_CLASSES & ~(ROW_BIT(name) - 1)) | (0ull excl) << FERRY_LOCK_EXCL_SHIFT)

const uint64_t ferry_lock_rules[FERRY_LOCK_BITS] = {
#define x(name, kind, per, taken, never, excl) [FERRY_LOCK_##name] = DENIED(name, excl),
	FERRY_LOCK_ORDER(x)
#undef x
/* What needs something else to be held is in the rule as well: whether it is, the slow path looks. */
#define n(row, other) | ROW_BIT(row)
#define x(name, what, denied, excl, needs)                                                                           \
	[FERRY_LOCK_OP_##name] = (0ull denied) | (0ull excl) << FERRY_LOCK_EXCL_SHIFT | (0ull needs),
		FERRY_LOCK_OPS(x)
#undef x
#undef n
};

/* Of each operation: refused while row is held without other; empty for most. */
static const uint64_t needs_row[FERRY_LOCK_BITS] = {
#define n(row, other) | ROW_BIT(row)
#define x(name, what, denied, excl, needs) [FERRY_LOCK_OP_##name] = 0ull needs,
	FERRY_LOCK_OPS(x)
#undef n
#undef x
};
static const uint64_t needs_other[FERRY_LOCK_BITS] = {
#define n(row, other) | ROW_BIT(other)
#define x(name, what, denied, excl, needs) [FERRY_LOCK_OP_##name] = 0ull needs,
	FERRY_LOCK_OPS(x)
#undef n
#undef x
};

const struct ferry_lock_row ferry_lock_rows[FERRY_LOCK_CLASSES] = {
#define x(name, kind, per, taken, never, excl)                                                                       \
	[FERRY_LOCK_##name] = {.denied = DENIED(name, excl),                                                         \
	                       .shared = FERRY_LOCK_SHARED << FERRY_LOCK_##name,                                     \
	                       .exclusive = FERRY_LOCK_EXCLUSIVELY << FERRY_LOCK_##name},
	FERRY_LOCK_ORDER(x)
#undef x
};

#undef d

static const char *const names[FERRY_LOCK_BITS] = {
#define x(name, kind, per, taken, never, excl) [FERRY_LOCK_##name] = #name,
	FERRY_LOCK_ORDER(x)
#undef x
#define x(name, what, denied, excl, needs) [FERRY_LOCK_OP_##name] = #name,
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

uint64_t ferry_lock_denied(uint32_t class_or_op)
{
	return class_or_op < FERRY_LOCK_BITS ? ferry_lock_rules[class_or_op] & ALL_CLASSES : ALL_CLASSES;
}

uint64_t ferry_lock_denied_excl(uint32_t class_or_op)
{
	return class_or_op < FERRY_LOCK_BITS ? ferry_lock_rules[class_or_op] >> FERRY_LOCK_EXCL_SHIFT : ALL_CLASSES;
}

/* "who did BLOCK, PMM how": one line, counted in the context. mask: classes, in either half. */
static void report(struct ferry_ctx *ctx, const char *who, const char *did, uint64_t mask, const char *how,
                   const char *file, uint32_t line)
{
	char buf[MESSAGE_BYTES];
	struct ferry_text t;
	const char *sep = "";

	ctx->violations++;
	mask = (mask | mask >> FERRY_LOCK_EXCL_SHIFT) & ALL_CLASSES;
	ferry_text_init(&t, buf, sizeof(buf));
	ferry_text_str(&t, "locks: ");
	ferry_text_str(&t, who);
	ferry_text_str(&t, did);
	if (!mask)
		ferry_text_str(&t, "nothing");
	for (uint32_t i = 0; i < FERRY_LOCK_CLASSES; i++) {
		if (!(mask >> i & 1))
			continue;
		ferry_text_str(&t, sep);
		ferry_text_str(&t, names[i]);
		sep = ", ";
	}
	ferry_text_str(&t, how);
	ferry_os_bug(file, line, buf);
}

static const char *name_of(uint64_t bits)
{
	return names[ferry_os_ctz64(bits)];
}

static void check_order(struct ferry_ctx *ctx, uint32_t lock_class, const char *did, const char *file, uint32_t line)
{
	uint64_t bad = ctx->held & ferry_lock_rules[lock_class];

	if (bad & ALL_CLASSES)
		report(ctx, names[lock_class], did, bad & ALL_CLASSES, " held", file, line);
	if (bad >> FERRY_LOCK_EXCL_SHIFT)
		report(ctx, names[lock_class], did, bad >> FERRY_LOCK_EXCL_SHIFT, " held exclusively", file, line);
}

void ferry_lock_note_slow(struct ferry_ctx *ctx, const void *lock, uint64_t bits, bool ordered, const char *file,
                          uint32_t line)
{
	uint64_t again;

	if (ordered)
		check_order(ctx, ferry_os_ctz64(bits), " acquired with ", file, line);
	if (ctx->depth >= FERRY_LOCK_DEPTH) {
		report(ctx, name_of(bits), " does not fit the held set: ", ctx->held, " held", file, line);
		return;
	}
	again = ctx->held & bits & ALL_CLASSES ? FERRY_LOCK_AGAIN : 0;
	ferry_lock_push(ctx, lock, bits);
	ctx->stack[ctx->depth - 1].bits |= again;
}

/* The newest entry of this lock, or FERRY_LOCK_DEPTH. */
static uint32_t find(const struct ferry_ctx *ctx, const void *lock)
{
	for (uint32_t i = ctx->depth; i > 0; i--) {
		if (ctx->stack[i - 1].lock == lock)
			return i - 1;
	}
	return FERRY_LOCK_DEPTH;
}

void ferry_lock_drop_slow(struct ferry_ctx *ctx, const void *lock, uint64_t bits, const char *file, uint32_t line)
{
	uint32_t at = find(ctx, lock);
	bool exclusive = bits >> FERRY_LOCK_EXCL_SHIFT;

	if (at == FERRY_LOCK_DEPTH) {
		report(ctx, name_of(bits), " released but not held; ", ctx->held, " held", file, line);
		return;
	}
	if ((ctx->stack[at].bits & ~FERRY_LOCK_AGAIN) != bits)
		report(ctx, name_of(bits), " released in the wrong mode; ", ctx->held,
		       exclusive ? " held, this one shared" : " held, this one exclusively", file, line);
	ctx->depth--;
	for (uint32_t i = at; i < ctx->depth; i++)
		ctx->stack[i] = ctx->stack[i + 1];
	/* Others of its class may be left: held says what the stack says. */
	ctx->held = 0;
	for (uint32_t i = 0; i < ctx->depth; i++)
		ctx->held |= ctx->stack[i].bits & ~FERRY_LOCK_AGAIN;
}

void ferry_lock_downgrade(struct ferry_ctx *ctx, const void *lock, const struct ferry_lock_row *row, const char *file,
                          uint32_t line)
{
	uint32_t at = find(ctx, lock);

	if (at == FERRY_LOCK_DEPTH || (ctx->stack[at].bits & ~FERRY_LOCK_AGAIN) != row->exclusive) {
		report(ctx, name_of(row->shared), " downgraded but not held exclusively; ", ctx->held, " held", file,
		       line);
		return;
	}
	ctx->stack[at].bits = row->shared | (ctx->stack[at].bits & FERRY_LOCK_AGAIN);
	ctx->held = 0;
	for (uint32_t i = 0; i < ctx->depth; i++)
		ctx->held |= ctx->stack[i].bits & ~FERRY_LOCK_AGAIN;
}

void ferry_ctx_fini_at(struct ferry_ctx *ctx, const char *file, uint32_t line)
{
	if (ctx->depth)
		report(ctx, "a context", " ends with ", ctx->held, " held", file, line);
}

bool ferry_lock_assert_held_at(struct ferry_ctx *ctx, const void *lock, const char *file, uint32_t line)
{
	if (find(ctx, lock) != FERRY_LOCK_DEPTH)
		return true;
	report(ctx, "a lock that must be held", " is not; ", ctx->held, " held", file, line);
	return false;
}

bool ferry_lock_assert_excl_at(struct ferry_ctx *ctx, const void *lock, const char *file, uint32_t line)
{
	uint32_t at = find(ctx, lock);

	if (at != FERRY_LOCK_DEPTH && (ctx->stack[at].bits & ~FERRY_LOCK_AGAIN) >> FERRY_LOCK_EXCL_SHIFT)
		return true;
	report(ctx, "a lock that must be held exclusively", " is not; ", ctx->held, " held", file, line);
	return false;
}

bool ferry_lock_assert_op_slow(struct ferry_ctx *ctx, enum ferry_lock_op op, const char *file, uint32_t line)
{
	uint64_t bad = ctx->held & ferry_lock_rules[op];

	if (ctx->held & needs_other[op])
		bad &= ~needs_row[op];
	if (!bad)
		return true;
	report(ctx, names[op], " with ", bad, bad & ALL_CLASSES ? " held" : " held exclusively", file, line);
	return false;
}

bool ferry_lock_assert_could_take_slow(struct ferry_ctx *ctx, enum ferry_lock_class lock_class, const char *file,
                                       uint32_t line)
{
	check_order(ctx, lock_class, " may have to be acquired with ", file, line);
	return false;
}
