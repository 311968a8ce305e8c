/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: softgpu/program.c softgpu/softfloat.c softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c
 * softgpu/warp_mem.c
 */
/*
 * warp_random_test.c - random programs give the same memory on the warp interpreter, whatever pages come and go, as
 * thread by thread on the reference interpreter.
 *
 *   prologue   r8 = this thread's piece of memory; r9 = times around, different in each lane
 *   body       items of one to seven slots; branches go forward to the start of another item
 *   loop       r9 -= 1, back to the body unless it is 0
 *   epilogue   r0..r7 to the piece
 *
 * Pieces do not overlap, so threads do not depend on each other. In half of the programs they are misaligned, and
 * many accesses straddle pages.
 */
#include "warp_rig.h"

#include "ref_ebpf.h"

#define PROGRAMS 800u
#define ITEMS 40u
#define SLOTS_MAX 512u
#define PIECE_BYTES 256u /* that the body uses; the epilogue has the next 64 */
#define PAGES 11u
#define ROUNDS_MAX 20000u

struct maker {
	uint64_t slots[SLOTS_MAX];
	uint32_t count;
	uint32_t item_at[ITEMS + 1];   /* slot of each item */
	uint32_t branch_to[SLOTS_MAX]; /* item a branch wants, plus one */
	bool aligned;
};

static uint64_t state;

static uint32_t pick(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 16) % n);
}

static void emit(struct maker *m, uint64_t slot)
{
	assert_true(m->count < SLOTS_MAX);
	m->slots[m->count++] = slot;
}

static int32_t pick_imm(void)
{
	static const int32_t some[] = {0, 1, -1, 2, 7, 31, 32, 63, 255, 0x7fffffff, -0x7fffffff - 1, 0x1234};

	return pick(3) ? some[pick(12)] : (int32_t)(pick(0xffffffff));
}

static void emit_alu(struct maker *m)
{
	static const uint32_t ops[] = {OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_OR,  OP_AND,
	                               OP_LSH, OP_RSH, OP_MOD, OP_XOR, OP_MOV, OP_ARSH};
	static const int32_t extensions[] = {8, 16, 32};
	uint32_t op = ops[pick(12)], class = pick(2) ? 7 : 4, dst = pick(8), src = pick(11);
	int32_t off = (op == OP_DIV || op == OP_MOD) && pick(2);

	switch (pick(12)) {
	case 0:
		emit(m, EBPF(OP_NEG | class, dst, 0, 0, 0));
		break;
	case 1:
		emit(m, EBPF(pick(3) ? 0xd7 : pick(2) ? 0xd4 : 0xdc, dst, 0, 0, 16 << pick(3)));
		break;
	case 2:
		emit(m, EBPF(OP_MOV | 8 | class, dst, src, extensions[pick(class == 7 ? 3 : 2)], 0));
		break;
	case 3: {
		const uint64_t wide[] = {WIDE(dst, state)};

		emit(m, wide[0]);
		emit(m, wide[1]);
		break;
	}
	case 4:
	case 5:
	case 6:
		emit(m, EBPF(op | class, dst, 0, off, pick_imm()));
		break;
	default:
		emit(m, EBPF(op | 8 | class, dst, src, off, 0));
	}
}

/* An access at a fixed place, or at one that depends on a register. */
static void emit_memory(struct maker *m)
{
	static const uint32_t sizes[] = {SZ_B, SZ_H, SZ_W, SZ_DW};
	uint32_t size = sizes[pick(4)], base = R8, dst = pick(8), src = pick(10);
	int32_t off = (int32_t)pick(PIECE_BYTES - 8);

	switch (pick(4)) {
	case 0: /* private memory */
		base = R10;
		off = -(int32_t)pick(504) - 8;
		break;
	case 1: /* r0 = piece + (some register & 0xf8) */
		emit(m, MOV_X(R0, src));
		emit(m, ALU_K(OP_AND, R0, 0xf0));
		emit(m, ALU_X(OP_ADD, R0, R8));
		base = R0;
		off = (int32_t)pick(8);
		break;
	default:
		break;
	}
	switch (pick(5)) {
	case 0:
		emit(m, ST(size, base, off, pick_imm()));
		break;
	case 1:
		emit(m, STX(size, base, off, src));
		break;
	case 2:
		emit(m, size == SZ_DW ? LDX(size, dst, base, off) : LDXS(size, dst, base, off));
		break;
	default:
		emit(m, LDX(size, dst, base, off));
	}
}

static void emit_atomic(struct maker *m)
{
	static const uint32_t ops[] = {A_ADD,           A_OR,           A_AND,           A_XOR,
	                               A_ADD | A_FETCH, A_OR | A_FETCH, A_AND | A_FETCH, A_XOR | A_FETCH,
	                               A_XCHG,          A_CMPXCHG};
	bool local = !m->aligned || pick(3) == 0;
	int32_t off = (int32_t)(pick(PIECE_BYTES / 8) * 8);

	emit(m, ATOMIC(pick(2) ? SZ_W : SZ_DW, ops[pick(10)], local ? R10 : R8, local ? off - 512 : off, pick(8)));
}

static void emit_call(struct maker *m)
{
	static const uint32_t helpers[] = {FG1_HELPER_THREAD_INDEX, FG1_HELPER_BLOCK_SIZE, FG1_HELPER_GLOBAL_ID,
	                                   FG1_HELPER_ARG,          FG1_HELPER_BARRIER,    FG1_HELPER_F32_ADD,
	                                   FG1_HELPER_F32_LT,       FG1_HELPER_F64_MUL,    FG1_HELPER_F64_FROM_I64};

	if (pick(2))
		emit(m, ALU_K(OP_AND, R1, 7));
	emit(m, CALL(helpers[pick(9)]));
	/* What a call leaves in r1-r5 is nobody's business. */
	for (uint32_t r = R1; r <= R5; r++)
		emit(m, MOV_X(r, r == R1 ? R0 : R6 + r % 2));
}

static void emit_branch(struct maker *m, uint32_t item)
{
	static const uint32_t conditions[] = {J_EQ, J_GT, J_GE, J_SET, J_NE, J_SGT, J_SGE, J_LT, J_LE, J_SLT, J_SLE};
	uint32_t to = item + 1 + pick(8), code = conditions[pick(11)] | (pick(2) ? 5 : 6);

	m->branch_to[m->count] = (to > ITEMS ? ITEMS : to) + 1;
	if (pick(6) == 0)
		emit(m, JUMP(0));
	else if (pick(2))
		emit(m, EBPF(code, pick(10), 0, 0, pick_imm()));
	else
		emit(m, EBPF(code | 8, pick(10), pick(11), 0, 0));
}

static void make(struct maker *m, uint32_t stride, uint32_t turns)
{
	memset(m, 0, sizeof(*m));
	m->aligned = stride % 8 == 0;
	emit(m, MOV_X(R8, R1));
	emit(m, CALL(FG1_HELPER_GLOBAL_ID));
	emit(m, MOV_X(R7, R0));
	emit(m, MOV_X(R9, R0));
	emit(m, ALU_K(OP_MUL, R0, (int32_t)stride));
	emit(m, ALU_X(OP_ADD, R8, R0));
	emit(m, ALU_K(OP_MOD, R9, (int32_t)turns));
	emit(m, ALU_K(OP_ADD, R9, 1));
	for (uint32_t i = 0; i < ITEMS; i++) {
		uint32_t what = pick(16);

		m->item_at[i] = m->count;
		if (what < 6)
			emit_alu(m);
		else if (what < 11)
			emit_memory(m);
		else if (what < 12)
			emit_atomic(m);
		else if (what < 13)
			emit_call(m);
		else
			emit_branch(m, i);
	}
	m->item_at[ITEMS] = m->count;
	emit(m, ALU_K(OP_SUB, R9, 1));
	emit(m, J_K(J_NE, R9, 0, (int32_t)m->item_at[0] - (int32_t)m->count - 1));
	for (uint32_t r = 0; r < 8; r++)
		emit(m, STX(SZ_DW, R8, (int32_t)(PIECE_BYTES + 8 * r), r));
	emit(m, EXIT);
	for (uint32_t i = 0; i < m->count; i++) {
		if (m->branch_to[i]) {
			int32_t off = (int32_t)m->item_at[m->branch_to[i] - 1] - (int32_t)i - 1;

			m->slots[i] |= (uint64_t)(uint16_t)off << 16;
		}
	}
}

/* Pages come, one at least, and others go. */
static void shuffle_pages(struct rig *rig)
{
	uint32_t must = pick(rig->warp.stall_count);

	for (uint32_t i = 0; i < rig->gpu.page_count; i++) {
		if (pick(4) == 0)
			rig->gpu.pages[i].present = false;
	}
	for (uint32_t i = 0; i < rig->warp.stall_count; i++) {
		if (i == must || pick(2))
			rig->gpu.pages[rig_page_of(rig->warp.stalls[i].page_va)].present = true;
	}
	fake_invalidate(&rig->gpu);
}

static void run_to_the_end(struct rig *rig)
{
	rig_start(rig);
	for (uint32_t round = 0; round < ROUNDS_MAX; round++) {
		switch (rig_run(rig, 1 + pick(100))) {
		case FG1_WARP_DONE:
			return;
		case FG1_WARP_BUDGET:
			if (pick(4) == 0)
				fake_invalidate(&rig->gpu);
			break;
		case FG1_WARP_BARRIER:
			if (!rig->warp.stall) {
				fg1_warp_release(&rig->warp);
				break;
			}
			/* fall through */
		case FG1_WARP_STALLED:
			shuffle_pages(rig);
			fg1_warp_replay(&rig->warp);
			break;
		default:
			print_error("trap %#llx at %u\n", (unsigned long long)rig->warp.trap_code, rig->warp.trap_pc);
			fail();
		}
	}
	fail_msg("no progress");
}

/*
 * Goal: whatever a program does, and whatever pages are missing when, the result is that of 32 threads one by one.
 * Method: see above. The count of retired thread instructions must agree as well: none is lost, none done twice.
 */
static void random_programs_agree_with_the_reference(void **unused)
{
	static const uint32_t strides[] = {328, 1032, 341, 1021};
	static struct maker maker;
	static uint8_t before[PAGES * 4096], expected[PAGES * 4096];
	const uint64_t args[] = {FAKE_VA + 16, 0xaaaaaaaa, 3, 0x5555555555555555, 5};

	(void)unused;
	for (uint32_t p = 0; p < PROGRAMS; p++) {
		uint32_t stride = strides[p % 4];
		uint64_t insns = 0;
		struct rig rig;

		state = 0x9e3779b97f4a7c15ull * (p + 1);
		make(&maker, stride, 1 + pick(4));
		rig_init(&rig, PAGES);
		rig_args(&rig, 5, args);
		rig.shape.block[0] = 8;
		rig.shape.block[1] = 4;
		for (uint32_t i = 0; i < sizeof(before); i++)
			before[i] = (uint8_t)pick(256);
		memcpy(rig.gpu.memory, before, sizeof(before));
		memcpy(expected, before, sizeof(before));
		for (uint32_t i = 0; i < FG1_WARP; i++) {
			struct ref ref = {.memory = expected,
			                  .memory_va = FAKE_VA,
			                  .memory_bytes = sizeof(expected),
			                  .shape = &rig.shape,
			                  .thread = i};

			memcpy(&ref.regs[1], args, sizeof(args));
			ref.regs[10] = FG1_LOCAL_BASE + FG1_LOCAL_BYTES;
			assert_true(ref_run(&ref, maker.slots, maker.count, 100000));
			insns += ref.insns;
		}
		if (p % 3)
			rig_all_absent(&rig);
		rig_load(&rig, maker.slots, maker.count);
		run_to_the_end(&rig);
		if (memcmp(rig.gpu.memory, expected, sizeof(expected)) != 0 || rig.warp.insns != insns) {
			print_error("program %u: insns %llu, reference %llu\n", p, (unsigned long long)rig.warp.insns,
			            (unsigned long long)insns);
			assert_memory_equal(rig.gpu.memory, expected, sizeof(expected));
			fail();
		}
		rig_fini(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_programs_agree_with_the_reference),
	};

	return cmocka_run_group_tests_name("softgpu/warp_random", tests, NULL, NULL);
}
