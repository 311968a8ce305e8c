/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * warp_mem.c - see warp_mem.h. Four ways through, fastest first:
 *
 *   frame       aligned, relative to r10, which is the same in all lanes: private memory without a look at addresses
 *   coalesced   all 32 lanes, lane i at base + i * size, naturally aligned, in one page: one translation, one loop
 *   resolved    naturally aligned: a pointer for each lane, one translation for each run of lanes in one page
 *   byte-wise   the rest, which may straddle two pages: lane by lane, both pages must be there
 *
 * Aligned accesses of naturally aligned size are single relaxed atomic accesses of the host: other engines and the
 * host's threads see all of one or nothing. Byte-wise ones may be torn.
 *
 * Order: of the lanes of one instruction, ascending; between the three groups none is promised.
 */
#include "warp_mem.h"

#define VA_END (1ull << 48)
#define IN_PAGE (FERRY_PAGE_SIZE - 1)
#define LAST_LANE (FG1_WARP - 1)

/* One instruction's access. */
struct request {
	const uint64_t *base; /* row of the address register */
	uint64_t offset;      /* added, modulo 2^64 */
	uint32_t size;        /* 1, 2, 4, 8 */
	uint32_t access;      /* enum ferry_access */
	uint32_t mask;        /* lanes */
	bool frame;           /* base is r10 */
};

/* What became of each lane. ok and slow are disjoint; the rest of the mask has no page. */
struct resolved {
	uint64_t va[FG1_WARP];
	uint8_t *at[FG1_WARP];  /* of ok lanes; of slow ones NULL, or where in private memory */
	uint8_t kind[FG1_WARP]; /* of lanes without a page: FG1_FAULT_* */
	uint32_t ok;            /* aligned, the page is there */
	uint32_t slow;          /* misaligned */
};

/* ---- host accesses ---- */

/* row: dst[i] from consecutive elements; lanes: those of mask from a pointer each. */
#define x(name, type, value)                                                                                         \
	static void load_row_##name(uint64_t *dst, const uint8_t *from)                                              \
	{                                                                                                            \
		const type *p = (const void *)from;                                                                  \
                                                                                                                     \
		for (uint32_t i = 0; i < FG1_WARP; i++) {                                                            \
			const type v = __atomic_load_n(p + i, __ATOMIC_RELAXED);                                     \
                                                                                                                     \
			dst[i] = (value);                                                                            \
		}                                                                                                    \
	}                                                                                                            \
	static void load_lanes_##name(uint64_t *dst, uint8_t *const *at, uint32_t mask)                              \
	{                                                                                                            \
		for (; mask; mask &= mask - 1) {                                                                     \
			uint32_t lane = ferry_os_ctz64(mask);                                                        \
			const type v = __atomic_load_n((const type *)(const void *)at[lane], __ATOMIC_RELAXED);      \
                                                                                                                     \
			dst[lane] = (value);                                                                         \
		}                                                                                                    \
	}                                                                                                            \
	static uint64_t load_value_##name(uint64_t bits)                                                             \
	{                                                                                                            \
		const type v = (type)bits;                                                                           \
                                                                                                                     \
		return (value);                                                                                      \
	}
FG1_LOAD_OPS(x)
#undef x

static const struct load_op {
	uint32_t size;
	void (*row)(uint64_t *dst, const uint8_t *from);
	void (*lanes)(uint64_t *dst, uint8_t *const *at, uint32_t mask);
	uint64_t (*value)(uint64_t bits);
} load_ops[FG1_LOAD_COUNT] = {
#define x(name, type, value)                                                                                         \
	[FG1_LOAD_##name] = {sizeof(type), load_row_##name, load_lanes_##name, load_value_##name},
	FG1_LOAD_OPS(x)
#undef x
};

/* operand[lane & last]: a row (last 31), or one number for all (last 0). */
#define x(name, type)                                                                                                \
	static void store_row_##name(uint8_t *to, const uint64_t *operand, uint32_t last)                            \
	{                                                                                                            \
		type *p = (void *)to;                                                                                \
                                                                                                                     \
		for (uint32_t i = 0; i < FG1_WARP; i++)                                                              \
			__atomic_store_n(p + i, (type)operand[i & last], __ATOMIC_RELAXED);                          \
	}                                                                                                            \
	static void store_lanes_##name(uint8_t *const *at, const uint64_t *operand, uint32_t last, uint32_t mask)    \
	{                                                                                                            \
		for (; mask; mask &= mask - 1) {                                                                     \
			uint32_t lane = ferry_os_ctz64(mask);                                                        \
                                                                                                                     \
			__atomic_store_n((type *)(void *)at[lane], (type)operand[lane & last], __ATOMIC_RELAXED);    \
		}                                                                                                    \
	}
FG1_STORE_OPS(x)
#undef x

static const struct store_op {
	uint32_t size;
	void (*row)(uint8_t *to, const uint64_t *operand, uint32_t last);
	void (*lanes)(uint8_t *const *at, const uint64_t *operand, uint32_t last, uint32_t mask);
} store_ops[FG1_STORE_COUNT] = {
#define x(name, type) [FG1_STORE_##name] = {sizeof(type), store_row_##name, store_lanes_##name},
	FG1_STORE_OPS(x)
#undef x
};

/* One lane's atomic; what was in memory before, if the operation fetches. */
#define ATOMIC(width)                                                                                                \
	static uint64_t atomic##width(uint32_t op, uint8_t *at, uint64_t operand, uint64_t expected)                 \
	{                                                                                                            \
		uint##width##_t *p = (void *)at, v = (uint##width##_t)operand, old = (uint##width##_t)expected;      \
                                                                                                                     \
		switch (op) {                                                                                        \
		case FG1_ATOMIC_ADD##width:                                                                          \
			__atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                                                  \
			return 0;                                                                                    \
		case FG1_ATOMIC_OR##width:                                                                           \
			__atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                                                   \
			return 0;                                                                                    \
		case FG1_ATOMIC_AND##width:                                                                          \
			__atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);                                                  \
			return 0;                                                                                    \
		case FG1_ATOMIC_XOR##width:                                                                          \
			__atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);                                                  \
			return 0;                                                                                    \
		case FG1_ATOMIC_FETCH_ADD##width:                                                                    \
			return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                                           \
		case FG1_ATOMIC_FETCH_OR##width:                                                                     \
			return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                                            \
		case FG1_ATOMIC_FETCH_AND##width:                                                                    \
			return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);                                           \
		case FG1_ATOMIC_FETCH_XOR##width:                                                                    \
			return __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);                                           \
		case FG1_ATOMIC_XCHG##width:                                                                         \
			return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                          \
		default:                                                                                             \
			/* CMPXCHG: old becomes what was there, also when the exchange fails. */                     \
			__atomic_compare_exchange_n(p, &old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);          \
			return old;                                                                                  \
		}                                                                                                    \
	}
ATOMIC(64)
ATOMIC(32)

/* ---- stalls ---- */

/*
 * lane wants the page of va and cannot have it. Readers and writers of a page stall apart: one may be refused and the
 * other served. Every stalled lane is in exactly one entry, so 32 are enough.
 */
static void stall_add(struct fg1_warp *w, uint32_t lane, uint64_t va, uint32_t access, uint32_t kind)
{
	uint64_t page_va = va & ~IN_PAGE;
	struct fg1_stall *s = w->stalls;
	uint32_t i;

	for (i = 0; i < w->stall_count; i++, s++) {
		if (s->page_va == page_va && s->access == access)
			break;
	}
	if (i == w->stall_count) {
		if (!FERRY_ASSERT(i < FG1_WARP))
			return;
		w->stall_count++;
		*s = (struct fg1_stall){.page_va = page_va, .access = (uint8_t)access, .kind = (uint8_t)kind};
	}
	s->lanes |= 1u << lane;
}

/* ---- addresses ---- */

/*
 * Private memory is wiped when a warp first touches it, not when the warp starts: most programs never do, and 16
 * KiB are more work than many of them.
 */
static uint8_t *local_memory(struct fg1_warp *w, uint32_t lane, uint64_t offset)
{
	if (!w->local_wiped) {
		memset(w->local, 0, sizeof(w->local));
		w->local_wiped = true;
	}
	return &w->local[lane][offset];
}

/* A lane that is misaligned or above the 48-bit space. 0 and *out, or a trap code. */
static uint64_t resolve_odd(struct fg1_warp *w, const struct request *rq, uint32_t lane, struct resolved *out)
{
	uint64_t va = out->va[lane];
	bool aligned = (va & (rq->size - 1)) == 0;

	out->at[lane] = NULL;
	if (va >= FG1_LOCAL_BASE) {
		if (va - FG1_LOCAL_BASE > FG1_LOCAL_BYTES - rq->size)
			return FG1_TRAP_LOCAL;
		out->at[lane] = local_memory(w, lane, va - FG1_LOCAL_BASE);
	} else if (va > VA_END - rq->size) {
		return FG1_TRAP_NONCANON;
	}
	if (aligned)
		out->ok |= 1u << lane;
	else
		out->slow |= 1u << lane;
	return aligned || rq->access != FERRY_ACCESS_ATOMIC ? 0 : FG1_TRAP_ALIGN;
}

/* Private memory at one offset for all lanes. False: not for this way. */
static bool resolve_frame(struct fg1_warp *w, const struct request *rq, struct resolved *out)
{
	uint64_t offset = FG1_LOCAL_BYTES + rq->offset;

	if (!rq->frame || offset > FG1_LOCAL_BYTES - rq->size || (offset & (rq->size - 1)))
		return false;
	for (uint32_t i = 0; i < FG1_WARP; i++)
		out->at[i] = local_memory(w, i, offset);
	out->ok = rq->mask;
	out->slow = 0;
	return true;
}

/* Find the memory of every lane. 0, or a trap code. Neither registers, nor memory, nor stalls change. */
static uint64_t resolve(struct fg1_warp *w, struct fg1_mmu *mmu, const struct request *rq, struct resolved *out)
{
	uint64_t page = ~0ull; /* the last one translated */
	uint8_t *memory = NULL;
	uint32_t kind = 0;

	if (resolve_frame(w, rq, out))
		return 0;
	out->ok = 0;
	out->slow = 0;
	for (uint32_t left = rq->mask; left; left &= left - 1) {
		uint32_t lane = ferry_os_ctz64(left);
		uint64_t va = rq->base[lane] + rq->offset;

		out->va[lane] = va;
		if (__builtin_expect((va & (rq->size - 1)) | va >> 48, 0)) {
			uint64_t trap = resolve_odd(w, rq, lane, out);

			if (trap)
				return trap;
			continue;
		}
		if ((va & ~IN_PAGE) != page) {
			page = va & ~IN_PAGE;
			memory = fg1_mmu_translate(mmu, w->shape->asid, page, rq->access, &kind);
		}
		if (memory) {
			out->at[lane] = memory + (va & IN_PAGE);
			out->ok |= 1u << lane;
		} else {
			out->kind[lane] = (uint8_t)kind;
		}
	}
	return 0;
}

/* The memory of lane 0 when the access is coalesced and its page is there, else NULL. */
static uint8_t *resolve_coalesced(const struct fg1_warp *w, struct fg1_mmu *mmu, const struct request *rq)
{
	const uint64_t *base = rq->base;
	const uint64_t size = rq->size, va = base[0] + rq->offset;
	uint64_t differ = 0;
	uint32_t kind;

	if ((va & (size - 1)) | va >> 48 || (va & IN_PAGE) > FERRY_PAGE_SIZE - FG1_WARP * size)
		return NULL;
	for (uint32_t i = 1; i < FG1_WARP; i++)
		differ |= (base[i] - base[i - 1]) ^ size;
	if (differ)
		return NULL;
	return fg1_mmu_translate(mmu, w->shape->asid, va, rq->access, &kind);
}

/* ---- byte-wise accesses ---- */

/* The bytes of one access: count of them at first, the rest at second. */
struct pieces {
	uint8_t *first, *second;
	uint32_t count;
};

/* False: a page is missing, and the lane is in its stall. */
static bool find_pieces(struct fg1_warp *w, struct fg1_mmu *mmu, const struct request *rq, uint32_t lane,
                        const struct resolved *found, struct pieces *out)
{
	uint64_t va = found->va[lane], left = FERRY_PAGE_SIZE - (va & IN_PAGE);
	uint32_t kind;

	*out = (struct pieces){.first = found->at[lane], .count = rq->size};
	if (out->first)
		return true; /* private memory */
	out->first = fg1_mmu_translate(mmu, w->shape->asid, va, rq->access, &kind);
	if (!out->first) {
		stall_add(w, lane, va, rq->access, kind);
		return false;
	}
	if (left >= rq->size)
		return true;
	out->count = (uint32_t)left;
	out->second = fg1_mmu_translate(mmu, w->shape->asid, va + left, rq->access, &kind);
	if (!out->second) {
		stall_add(w, lane, va + left, rq->access, kind);
		return false;
	}
	return true;
}

static uint8_t *piece_byte(const struct pieces *p, uint32_t i)
{
	return i < p->count ? p->first + i : p->second + (i - p->count);
}

static uint64_t load_bytes(const struct pieces *p, uint32_t size)
{
	uint64_t bits = 0;

	for (uint32_t i = 0; i < size; i++)
		bits |= (uint64_t)__atomic_load_n(piece_byte(p, i), __ATOMIC_RELAXED) << 8 * i;
	return bits;
}

static void store_bytes(const struct pieces *p, uint32_t size, uint64_t bits)
{
	for (uint32_t i = 0; i < size; i++)
		__atomic_store_n(piece_byte(p, i), (uint8_t)(bits >> 8 * i), __ATOMIC_RELAXED);
}

/* The slow lanes of a load or store. Returns those that retired. */
static uint32_t access_slow(struct fg1_warp *w, struct fg1_mmu *mmu, const struct fg1_insn *insn,
                            const struct request *rq, const struct resolved *found)
{
	uint32_t done = 0;

	for (uint32_t left = found->slow; left; left &= left - 1) {
		uint32_t lane = ferry_os_ctz64(left);
		struct pieces p;

		if (!find_pieces(w, mmu, rq, lane, found, &p))
			continue;
		if (insn->kind == FG1_KIND_LOAD)
			w->regs[insn->dst][lane] = load_ops[insn->op].value(load_bytes(&p, rq->size));
		else
			store_bytes(&p, rq->size,
			            insn->kind == FG1_KIND_STORE_X ? w->regs[insn->src][lane] : insn->imm);
		done |= 1u << lane;
	}
	return done;
}

/* ---- the instructions ---- */

static void atomic_lanes(struct fg1_warp *w, const struct fg1_insn *insn, const struct resolved *found)
{
	bool wide = insn->op < FG1_ATOMIC_ADD32;
	uint32_t op = wide ? insn->op + FG1_ATOMIC_ADD32 - FG1_ATOMIC_ADD64 : insn->op;

	for (uint32_t left = found->ok; left; left &= left - 1) {
		uint32_t lane = ferry_os_ctz64(left);
		uint64_t operand = w->regs[insn->src][lane], expected = w->regs[0][lane], old;

		old = wide ? atomic64(insn->op, found->at[lane], operand, expected)
		           : atomic32(insn->op, found->at[lane], operand, expected);
		if (op == FG1_ATOMIC_CMPXCHG32)
			w->regs[0][lane] = old;
		else if (op >= FG1_ATOMIC_FETCH_ADD32)
			w->regs[insn->src][lane] = old;
	}
}

static struct request request_of(const struct fg1_warp *w, const struct fg1_insn *insn, uint32_t mask)
{
	uint8_t base = insn->kind == FG1_KIND_LOAD ? insn->src : insn->dst;
	struct request rq = {.base = w->regs[base],
	                     .offset = (uint64_t)(int64_t)insn->u.offset,
	                     .mask = mask,
	                     .frame = base == FG1_FRAME_REG};

	switch (insn->kind) {
	case FG1_KIND_LOAD:
		rq.size = load_ops[insn->op].size;
		rq.access = FERRY_ACCESS_READ;
		break;
	case FG1_KIND_ATOMIC:
		rq.size = insn->op < FG1_ATOMIC_ADD32 ? 8 : 4;
		rq.access = FERRY_ACCESS_ATOMIC;
		break;
	default:
		rq.size = store_ops[insn->op].size;
		rq.access = FERRY_ACCESS_WRITE;
		break;
	}
	return rq;
}

static void access_row(struct fg1_warp *w, const struct fg1_insn *insn, uint8_t *memory)
{
	if (insn->kind == FG1_KIND_LOAD)
		load_ops[insn->op].row(w->regs[insn->dst], memory);
	else if (insn->kind == FG1_KIND_STORE_X)
		store_ops[insn->op].row(memory, w->regs[insn->src], LAST_LANE);
	else
		store_ops[insn->op].row(memory, &insn->imm, 0);
}

static void access_lanes(struct fg1_warp *w, const struct fg1_insn *insn, const struct resolved *found)
{
	if (insn->kind == FG1_KIND_LOAD)
		load_ops[insn->op].lanes(w->regs[insn->dst], found->at, found->ok);
	else if (insn->kind == FG1_KIND_STORE_X)
		store_ops[insn->op].lanes(found->at, w->regs[insn->src], LAST_LANE, found->ok);
	else if (insn->kind == FG1_KIND_STORE_K)
		store_ops[insn->op].lanes(found->at, &insn->imm, 0, found->ok);
	else
		atomic_lanes(w, insn, found);
}

uint64_t fg1_warp_mem(struct fg1_warp *warp, struct fg1_mmu *mmu, const struct fg1_insn *insn, uint32_t mask,
                      uint32_t *retired)
{
	struct request rq = request_of(warp, insn, mask);
	struct resolved found;
	uint32_t done, left;
	uint64_t trap;

	fg1_mmu_sync(mmu);
	if (mask == ~0u && insn->kind != FG1_KIND_ATOMIC) {
		uint8_t *memory = resolve_coalesced(warp, mmu, &rq);

		if (memory) {
			access_row(warp, insn, memory);
			*retired = mask;
			return 0;
		}
	}
	if (rq.access == FERRY_ACCESS_ATOMIC && !(warp->shape->caps & FG1_CAP_ATOMICS))
		return FG1_TRAP_POWER;
	trap = resolve(warp, mmu, &rq, &found);
	if (trap)
		return trap;
	/* From here on addresses come from found: a load may change the register that its own came from. */
	access_lanes(warp, insn, &found);
	done = found.ok;
	for (left = mask & ~(found.ok | found.slow); left; left &= left - 1) {
		uint32_t lane = ferry_os_ctz64(left);

		stall_add(warp, lane, found.va[lane], rq.access, found.kind[lane]);
	}
	if (found.slow)
		done |= access_slow(warp, mmu, insn, &rq, &found);
	*retired = done;
	return 0;
}
