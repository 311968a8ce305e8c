/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_check.c - the constant tables of the lock order, and everything of the check that is off the fast path.
 */
#include "lock/lock.h"
#include "base/text.h"

#define MESSAGE_BYTES 224u /* the longest message names every class and one more */

#define BIT(name) (1ull << FERRY_LOCK_##name)
#define ALL_CLASSES ((1ull << FERRY_LOCK_CLASSES) - 1)
#define d(name) | BIT(name)

/* A class is refused under itself and every later row; an operation under the rows it lists. */
const struct ferry_lock_rule ferry_lock_rules[FERRY_LOCK_BITS] = {
#define x(name, kind, per, taken, never) [FERRY_LOCK_##name].held = ALL_CLASSES & ~(BIT(name) - 1),
	FERRY_LOCK_ORDER(x)
#undef x
#define x(name, what, denied) [FERRY_LOCK_OP_##name].held = 0ull denied,
		FERRY_LOCK_OPS(x)
#undef x
#define x(name, exclusive) [FERRY_LOCK_##name].excl = BIT(exclusive),
			FERRY_LOCK_EXCLUSIVE(x)
#undef x
};

#undef d

static const char *const names[FERRY_LOCK_BITS] = {
#define x(name, kind, per, taken, never) [FERRY_LOCK_##name] = #name,
	FERRY_LOCK_ORDER(x)
#undef x
#define x(name, what, denied) [FERRY_LOCK_OP_##name] = #name,
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
	return class_or_op < FERRY_LOCK_BITS ? ferry_lock_rules[class_or_op].held : ALL_CLASSES;
}

uint64_t ferry_lock_denied_excl(uint32_t class_or_op)
{
	return class_or_op < FERRY_LOCK_BITS ? ferry_lock_rules[class_or_op].excl : ALL_CLASSES;
}

/* "who did with BLOCK, PMM held (how)": one line, counted in the context. */
static void report(struct ferry_ctx *ctx, const char *who, const char *did, uint64_t mask, const char *how,
                   const char *file, uint32_t line)
{
	char buf[MESSAGE_BYTES];
	struct ferry_text t;
	const char *sep = "";

	ctx->violations++;
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

static void check_order(struct ferry_ctx *ctx, uint32_t lock_class, const char *did, const char *file, uint32_t line)
{
	uint64_t held = ctx->held & ferry_lock_rules[lock_class].held;
	uint64_t excl = ctx->excl & ferry_lock_rules[lock_class].excl;

	if (held)
		report(ctx, names[lock_class], did, held, " held", file, line);
	if (excl)
		report(ctx, names[lock_class], did, excl, " held exclusively", file, line);
}

void ferry_lock_note_slow(struct ferry_ctx *ctx, const void *lock, uint32_t lock_class, bool exclusive, bool ordered,
                          const char *file, uint32_t line)
{
	if (ordered)
		check_order(ctx, lock_class, " acquired with ", file, line);
	if (ctx->depth >= FERRY_LOCK_DEPTH) {
		report(ctx, names[lock_class], " does not fit the held set: ", ctx->held, " held", file, line);
		return;
	}
	ferry_lock_push(ctx, lock, lock_class, exclusive, (ctx->held >> lock_class & 1) != 0);
}

/* held and excl say what the stack says. After a drop out of turn, or of one of several of a class. */
static void recount(struct ferry_ctx *ctx)
{
	ctx->held = 0;
	ctx->excl = 0;
	for (uint32_t i = 0; i < ctx->depth; i++) {
		ctx->held |= 1ull << ctx->stack[i].lock_class;
		ctx->excl |= (uint64_t)ctx->stack[i].exclusive << ctx->stack[i].lock_class;
	}
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

void ferry_lock_drop_slow(struct ferry_ctx *ctx, const void *lock, uint32_t lock_class, bool exclusive,
                          const char *file, uint32_t line)
{
	uint32_t at = find(ctx, lock);

	if (at == FERRY_LOCK_DEPTH) {
		report(ctx, names[lock_class], " released but not held; ", ctx->held, " held", file, line);
		return;
	}
	if (ctx->stack[at].exclusive != exclusive)
		report(ctx, names[lock_class], " released in the wrong mode; ", ctx->held,
		       exclusive ? " held, this one shared" : " held, this one exclusively", file, line);
	ctx->depth--;
	for (uint32_t i = at; i < ctx->depth; i++)
		ctx->stack[i] = ctx->stack[i + 1];
	recount(ctx);
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

	if (at != FERRY_LOCK_DEPTH && ctx->stack[at].exclusive)
		return true;
	report(ctx, "a lock that must be held exclusively", " is not; ", ctx->held, " held", file, line);
	return false;
}

bool ferry_lock_assert_op_slow(struct ferry_ctx *ctx, enum ferry_lock_op op, const char *file, uint32_t line)
{
	report(ctx, names[op], " with ", ctx->held & ferry_lock_rules[op].held, " held", file, line);
	return false;
}

bool ferry_lock_assert_could_take_slow(struct ferry_ctx *ctx, enum ferry_lock_class lock_class, const char *file,
                                       uint32_t line)
{
	check_order(ctx, lock_class, " may have to be acquired with ", file, line);
	return false;
}
