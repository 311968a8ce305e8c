/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * root_test.c - roots against a model that knows every frame's state and nothing of levels, rings or maps.
 *
 * The model repeats the rules of root.h in the slowest way: what kind each root is, which frame is taken. After
 * every operation both must agree on every frame, the audit must pass, and a piece must come from where the rules
 * say: the fullest root of its kind, else a free one.
 */
/* TEST-SOURCES: core/pmm/root.c core/pmm/root_audit.c core/base/bitmap.c core/base/mem.c */
#include "test/unit/cmocka_compat.h"
#include "pmm/root.h"

#define ROOTS_MAX 6
#define FRAMES_MAX (ROOTS_MAX * 512)
#define PIECES_MAX 4096

struct piece {
	uint32_t first, count;
};

struct model {
	uint32_t roots;
	enum ferry_root_kind kind[ROOTS_MAX];
	uint32_t fill[ROOTS_MAX]; /* frames of it that are taken */
	bool taken[FRAMES_MAX];
	struct piece piece[PIECES_MAX]; /* live pieces, oldest first; a part given back shortens or splits one */
	uint32_t pieces;
};

static uint64_t rng_state;

static uint64_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

/* ---- the model ---- */

/* The level of a root: fills that differ less count as equal. 64K pieces are one level each. */
static uint32_t model_level(const struct model *m, uint32_t root)
{
	return m->fill[root] / (m->kind[root] == FERRY_ROOT_CUT_4K ? FERRY_ROOT_FILLS : FERRY_BIG_PAGES);
}

/* The highest level among roots of this kind with room, plus 1; 0 when there is none. */
static uint32_t model_fullest(const struct model *m, enum ferry_root_kind kind)
{
	uint32_t best = 0;

	for (uint32_t r = 0; r < m->roots; r++) {
		if (m->kind[r] == kind && m->fill[r] < 512 && model_level(m, r) + 1 > best)
			best = model_level(m, r) + 1;
	}
	return best;
}

static bool model_has(const struct model *m, enum ferry_root_kind kind)
{
	for (uint32_t r = 0; r < m->roots; r++) {
		if (m->kind[r] == kind)
			return true;
	}
	return false;
}

static void model_note(struct model *m, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		assert_false(m->taken[i]);
		m->taken[i] = true;
	}
	m->fill[first / 512] += count;
	assert_true(m->pieces < PIECES_MAX);
	m->piece[m->pieces++] = (struct piece){first, count};
}

/* A whole root was taken: it must have been free, and may be refused only if none was. */
static void model_take_whole(struct model *m, uint32_t first)
{
	if (first == FERRY_ROOT_NONE) {
		assert_false(model_has(m, FERRY_ROOT_FREE));
		return;
	}
	assert_uint_equal(first % 512, 0);
	assert_int_equal(m->kind[first / 512], FERRY_ROOT_FREE);
	m->kind[first / 512] = FERRY_ROOT_WHOLE;
	model_note(m, first, 512);
}

static void model_take_big(struct model *m, uint32_t first)
{
	uint32_t fullest = model_fullest(m, FERRY_ROOT_CUT_64K);

	if (first == FERRY_ROOT_NONE) {
		assert_true(!fullest && !model_has(m, FERRY_ROOT_FREE));
		return;
	}
	assert_uint_equal(first % 16, 0);
	if (fullest) {
		assert_int_equal(m->kind[first / 512], FERRY_ROOT_CUT_64K);
		assert_uint_equal(model_level(m, first / 512) + 1, fullest);
	} else {
		assert_int_equal(m->kind[first / 512], FERRY_ROOT_FREE);
		m->kind[first / 512] = FERRY_ROOT_CUT_64K;
	}
	model_note(m, first, 16);
}

static void model_take_frame(struct model *m, uint32_t frame)
{
	uint32_t fullest = model_fullest(m, FERRY_ROOT_CUT_4K);
	uint32_t fullest_64k = model_fullest(m, FERRY_ROOT_CUT_64K);
	enum ferry_root_kind *kind = &m->kind[frame / 512];

	if (fullest) {
		assert_int_equal(*kind, FERRY_ROOT_CUT_4K);
		assert_uint_equal(model_level(m, frame / 512) + 1, fullest);
	} else if (model_has(m, FERRY_ROOT_FREE)) {
		assert_int_equal(*kind, FERRY_ROOT_FREE);
	} else {
		assert_true(fullest_64k);
		assert_int_equal(*kind, FERRY_ROOT_CUT_64K);
		assert_uint_equal(model_level(m, frame / 512) + 1, fullest_64k);
	}
	*kind = FERRY_ROOT_CUT_4K;
	model_note(m, frame, 1);
}

/* All of [first, first + count), of one root, comes back. */
static void model_give(struct model *m, uint32_t first, uint32_t count)
{
	enum ferry_root_kind *kind = &m->kind[first / 512];

	for (uint32_t i = first; i < first + count; i++) {
		assert_true(m->taken[i]);
		m->taken[i] = false;
	}
	m->fill[first / 512] -= count;
	if (*kind == FERRY_ROOT_WHOLE && count < 512)
		*kind = FERRY_ROOT_CUT_4K;
	if (*kind == FERRY_ROOT_CUT_64K && (first % 16 || count % 16))
		*kind = FERRY_ROOT_CUT_4K;
	if (m->fill[first / 512] == 0)
		*kind = FERRY_ROOT_FREE;
}

static void assert_agree(const struct ferry_roots *rs, const struct model *m)
{
	uint32_t kinds[FERRY_ROOT_KINDS] = {0};
	uint64_t frames_free = 0;
	bool differ = false;

	for (uint32_t i = 0; i < m->roots * 512; i++)
		differ |= ferry_roots_taken(rs, i) != m->taken[i];
	assert_false(differ);
	for (uint32_t r = 0; r < m->roots; r++) {
		kinds[m->kind[r]]++;
		frames_free += 512 - m->fill[r];
	}
	assert_uint_equal(rs->frames_free, frames_free);
	assert_memory_equal(kinds, rs->kinds, sizeof(kinds));
	assert_true(ferry_roots_audit(rs));
}

/* ---- operations on both ---- */

static void take_whole(struct ferry_roots *rs, struct model *m)
{
	model_take_whole(m, ferry_roots_take_whole(rs));
}

static void take_big(struct ferry_roots *rs, struct model *m, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		model_take_big(m, ferry_roots_take_big(rs));
}

static void take_frames(struct ferry_roots *rs, struct model *m, uint32_t count)
{
	uint32_t frames[FRAMES_MAX], n;
	uint64_t had = rs->frames_free;

	n = ferry_roots_take_frames(rs, count, frames);
	assert_uint_equal(n, had < count ? had : count);
	for (uint32_t i = 0; i < n; i++)
		model_take_frame(m, frames[i]);
}

/* Give frames [from, from + count) of a live piece back. */
static void give_part(struct ferry_roots *rs, struct model *m, uint32_t index, uint32_t from, uint32_t count)
{
	struct piece p = m->piece[index];
	uint32_t after = p.count - from - count;

	assert_true(ferry_roots_give(rs, p.first + from, count));
	model_give(m, p.first + from, count);
	memmove(&m->piece[index], &m->piece[index + 1], (m->pieces - index - 1) * sizeof(p));
	m->pieces--;
	if (from)
		m->piece[m->pieces++] = (struct piece){p.first, from};
	if (after)
		m->piece[m->pieces++] = (struct piece){p.first + from + count, after};
}

static void give_piece(struct ferry_roots *rs, struct model *m, uint32_t index)
{
	give_part(rs, m, index, 0, m->piece[index].count);
}

static void start(struct ferry_roots *rs, struct ferry_mem *mem, struct model *m, uint32_t roots)
{
	memset(m, 0, sizeof(*m));
	m->roots = roots;
	assert_int_equal(ferry_roots_init(rs, mem, roots), 0);
	assert_agree(rs, m);
}

static void end(struct ferry_roots *rs, struct ferry_mem *mem, struct model *m)
{
	while (m->pieces)
		give_piece(rs, m, m->pieces - 1);
	assert_uint_equal(rs->kinds[FERRY_ROOT_FREE], m->roots);
	assert_true(ferry_roots_audit(rs));
	ferry_roots_fini(rs);
	assert_uint_equal(ferry_mem_bytes(mem), 0);
}

/* ---- tests ---- */

static void random_operation(struct ferry_roots *rs, struct model *m, uint32_t grow_percent)
{
	uint32_t index = m->pieces ? (uint32_t)(rng() % m->pieces) : 0;

	if (!m->pieces || rng() % 100 < grow_percent) {
		switch (rng() % 8) {
		case 0:
			take_whole(rs, m);
			break;
		case 1:
		case 2:
			take_big(rs, m, 1);
			break;
		case 3:
			take_frames(rs, m, (uint32_t)(rng() % 200));
			break;
		default:
			take_frames(rs, m, 1);
		}
	} else if (rng() % 4 == 0 && m->piece[index].count > 1) {
		uint32_t from = (uint32_t)(rng() % m->piece[index].count);

		/* Half of the cuts follow the 64K grid. */
		if (rng() & 1 && m->piece[index].first % 16 == 0)
			from &= ~15u;
		give_part(rs, m, index, from, 1 + (uint32_t)(rng() % (m->piece[index].count - from)));
	} else {
		give_piece(rs, m, index);
	}
}

/*
 * Goal: in any sequence of operations the roots agree with the model, and pieces come from the fullest root.
 * Method: 12 runs of 500 random operations on 1 to 6 roots, growing and shrinking in turns; all compared each time.
 */
static void random_sequences_agree_with_the_model(void **unused)
{
	static struct model m;
	struct ferry_mem mem = {{0}};
	struct ferry_roots rs;

	(void)unused;
	rng_state = 0x2026;
	for (uint32_t run = 0; run < 12; run++) {
		start(&rs, &mem, &m, 1 + run % ROOTS_MAX);
		for (uint32_t i = 0; i < 500; i++) {
			random_operation(&rs, &m, i / 100 % 2 ? 35 : 70);
			assert_agree(&rs, &m);
		}
		end(&rs, &mem, &m);
	}
}

enum { OPS = 10, DEPTH = 5 };

/* One of OPS operations; false when it cannot be done in this state. */
static bool small_operation(struct ferry_roots *rs, struct model *m, uint32_t op)
{
	uint32_t last = m->pieces - 1;

	switch (op) {
	case 0:
		take_whole(rs, m);
		return true;
	case 1:
		take_big(rs, m, 1);
		return true;
	case 2:
		take_big(rs, m, 31);
		return true;
	case 3:
		take_frames(rs, m, 1);
		return true;
	case 4:
		take_frames(rs, m, 511);
		return true;
	}
	if (!m->pieces)
		return false;
	switch (op) {
	case 5:
		give_piece(rs, m, 0);
		return true;
	case 6:
		give_piece(rs, m, last);
		return true;
	case 7:
		give_part(rs, m, 0, 0, 1);
		return true;
	case 8:
		give_part(rs, m, last, m->piece[last].count - 1, 1);
		return true;
	default:
		if (m->piece[0].count < 512)
			return false;
		give_part(rs, m, 0, 16, 480);
		return true;
	}
}

static void put_back(struct ferry_roots *rs, const struct ferry_roots *head, const struct ferry_bitmap *map,
                     const struct ferry_root *root, const struct ferry_root_link *link)
{
	*rs = *head;
	memcpy(rs->map, map, rs->count * sizeof(*map));
	memcpy(rs->root, root, rs->count * sizeof(*root));
	memcpy(rs->link, link, (rs->count + FERRY_ROOT_LEVELS) * sizeof(*link));
}

/* Every sequence of `depth` more operations. levels[d] is the model before step d. */
static void explore(struct ferry_roots *rs, struct model *levels, uint32_t depth, uint32_t *states)
{
	struct ferry_root_link link[2 + FERRY_ROOT_LEVELS];
	struct ferry_bitmap map[2];
	struct ferry_root root[2];
	struct ferry_roots head = *rs;

	if (!depth)
		return;
	memcpy(map, rs->map, rs->count * sizeof(*map));
	memcpy(root, rs->root, rs->count * sizeof(*root));
	memcpy(link, rs->link, (rs->count + FERRY_ROOT_LEVELS) * sizeof(*link));
	for (uint32_t op = 0; op < OPS; op++) {
		struct model *next = levels + 1;

		memcpy(next, levels, offsetof(struct model, piece));
		memcpy(next->piece, levels->piece, levels->pieces * sizeof(struct piece));
		next->pieces = levels->pieces;
		if (small_operation(rs, next, op)) {
			assert_agree(rs, next);
			++*states;
			explore(rs, next, depth - 1, states);
		}
		put_back(rs, &head, map, root, link);
	}
}

/*
 * Goal: no short sequence, however odd, breaks a device of one or two roots.
 * Method: every sequence of 5 (on two roots, 4) out of 10 operations (whole, 1 and 31 big pieces, 1 and 511 frames;
 * give the oldest, the newest, one frame of either, the middle of a whole root), compared with the model after each.
 */
static void every_short_sequence_on_small_devices_agrees(void **unused)
{
	static struct model levels[DEPTH + 1];

	(void)unused;
	for (uint32_t roots = 1; roots <= 2; roots++) {
		struct ferry_mem mem = {{0}};
		struct ferry_roots rs;
		uint32_t states = 0;

		start(&rs, &mem, &levels[0], roots);
		explore(&rs, levels, roots == 1 ? DEPTH : DEPTH - 1, &states);
		assert_true(states > 2000);
		ferry_roots_fini(&rs);
		assert_uint_equal(ferry_mem_bytes(&mem), 0);
	}
}

/*
 * Goal: small pieces leave the other roots alone: half of the frames of four roots, given back at random, refill
 * before a free root is cut, and roots drain.
 * Method: fill four of six roots by frames, give back 3 of 4 frames at random, churn; no third root may be cut
 * while two could hold all, once the emptier ones drained.
 */
static void the_fullest_root_fills_and_the_others_drain(void **unused)
{
	static struct model m;
	struct ferry_mem mem = {{0}};
	struct ferry_roots rs;

	(void)unused;
	rng_state = 0x77;
	start(&rs, &mem, &m, ROOTS_MAX);
	take_frames(&rs, &m, 2048);
	for (uint32_t i = 0; i < 1536; i++)
		give_piece(&rs, &m, (uint32_t)(rng() % m.pieces));
	for (uint32_t i = 0; i < 20000; i++) {
		give_piece(&rs, &m, (uint32_t)(rng() % m.pieces));
		take_frames(&rs, &m, 1);
	}
	assert_agree(&rs, &m);
	assert_true(rs.kinds[FERRY_ROOT_CUT_4K] <= 2);
	end(&rs, &mem, &m);
}

/*
 * Goal: a frame can be had as long as any frame is free, wherever it is; then, and only then, it is refused.
 * Method: fill a device with 64K pieces, give half of each root's back, take frames to the last one.
 */
static void a_frame_can_be_had_while_any_is_free(void **unused)
{
	static struct model m;
	struct ferry_mem mem = {{0}};
	struct ferry_roots rs;
	uint32_t frame;

	(void)unused;
	start(&rs, &mem, &m, 3);
	take_big(&rs, &m, 96);
	assert_uint_equal(ferry_roots_take_frames(&rs, 1, &frame), 0);
	for (uint32_t i = 0; i < 48; i++)
		give_piece(&rs, &m, i);
	assert_uint_equal(rs.kinds[FERRY_ROOT_CUT_64K], 3);
	for (uint32_t i = 0; i < 48 * 16; i++) {
		take_frames(&rs, &m, 1);
		assert_agree(&rs, &m);
	}
	assert_uint_equal(rs.frames_free, 0);
	assert_uint_equal(ferry_roots_take_frames(&rs, 1, &frame), 0);
	end(&rs, &mem, &m);
}

/*
 * Goal: giving back what is not taken, twice, or outside, is refused and changes nothing.
 * Method: in each kind of root, ranges of which at least one frame is free.
 */
static void what_is_not_taken_cannot_be_given(void **unused)
{
	static struct model m;
	struct ferry_mem mem = {{0}};
	struct ferry_roots rs;

	(void)unused;
	start(&rs, &mem, &m, 4);
	take_whole(&rs, &m);     /* root 0 */
	take_big(&rs, &m, 2);    /* root 1, pieces 0 and 1 */
	take_frames(&rs, &m, 3); /* root 2, frames 0..2 */
	assert_false(ferry_roots_give(&rs, 512 + 16, 17));
	assert_false(ferry_roots_give(&rs, 512, 48));
	assert_false(ferry_roots_give(&rs, 512 + 33, 1));
	assert_false(ferry_roots_give(&rs, 1024 + 2, 2));
	assert_false(ferry_roots_give(&rs, 1024 + 100, 200));
	assert_false(ferry_roots_give(&rs, 1536, 1));
	assert_false(ferry_roots_give(&rs, 1536, 512));
	assert_false(ferry_roots_give(&rs, 2048, 1));
	assert_false(ferry_roots_give(&rs, 0, 0));
	assert_false(ferry_roots_give(&rs, 0, 513));
	assert_false(ferry_roots_give(&rs, 511, 2));
	assert_false(ferry_roots_give(&rs, 0xffffffffu, 1));
	assert_agree(&rs, &m);
	assert_false(ferry_roots_taken(&rs, 2048));
	end(&rs, &mem, &m);
	assert_uint_equal(rs.merges, 2);
}

/*
 * Goal: frames of one call come in ascending runs, so that copies are long.
 * Method: 600 frames of an empty device are one run per root.
 */
static void frames_of_one_call_come_in_runs(void **unused)
{
	struct ferry_mem mem = {{0}};
	struct ferry_roots rs;
	uint32_t frames[600];

	(void)unused;
	assert_int_equal(ferry_roots_init(&rs, &mem, 2), 0);
	assert_uint_equal(ferry_roots_take_frames(&rs, 600, frames), 600);
	for (uint32_t i = 1; i < 600; i++)
		assert_uint_equal(frames[i], i);
	ferry_roots_fini(&rs);
}

/*
 * Goal: init fails cleanly at each of its allocations.
 * Method: fail the first, the second, ... until none is left to fail.
 */
static void init_fails_cleanly(void **unused)
{
	struct ferry_mem mem = {{0}};
	struct ferry_roots rs;
	uint32_t failures = 0;

	(void)unused;
	for (uint64_t n = 1;; n++) {
		int err;

		ferry_user_fail_nth_alloc(n);
		err = ferry_roots_init(&rs, &mem, 5);
		if (ferry_user_fail_nth_alloc(0)) {
			assert_int_equal(err, 0);
			break;
		}
		assert_int_equal(err, FERRY_E_PMM_NOMEM);
		assert_uint_equal(ferry_mem_bytes(&mem), 0);
		failures++;
	}
	assert_uint_equal(failures, 3);
	assert_uint_equal(ferry_mem_bytes(&mem), ferry_roots_bytes(5));
	ferry_roots_fini(&rs);
}

/*
 * Goal: the audit is worth something: it sees each kind of damage.
 * Method: damage one field at a time of a sound device, and repair it.
 */
static void the_audit_sees_damage(void **unused)
{
	static struct model m;
	struct ferry_mem mem = {{0}};
	struct ferry_roots rs;

	(void)unused;
	start(&rs, &mem, &m, 4);
	take_whole(&rs, &m);
	take_big(&rs, &m, 2);
	take_frames(&rs, &m, 70);
#define DAMAGE(field, change)                                                                                        \
	do {                                                                                                         \
		__typeof__(field) was = (field);                                                                     \
		(field) change;                                                                                      \
		assert_false(ferry_roots_audit(&rs));                                                                \
		(field) = was;                                                                                       \
		assert_true(ferry_roots_audit(&rs));                                                                 \
	} while (0)
	DAMAGE(rs.map[0].word[3], |= 1);
	DAMAGE(rs.map[1].word[0], |= 1ull << 40);
	DAMAGE(rs.map[2].word[1], ^= 1);
	DAMAGE(rs.map[3].word[7], |= 1);
	DAMAGE(rs.root[2].fill, += 1);
	DAMAGE(rs.root[2].open, ^= 1);
	DAMAGE(rs.root[1].kind, = FERRY_ROOT_CUT_4K);
	DAMAGE(rs.root[3].kind, = 9);
	DAMAGE(rs.link[2].next, = 2);
	DAMAGE(rs.link[2].prev, = 1);
	DAMAGE(rs.link[3].next, = 3);
	DAMAGE(rs.free, = FERRY_ROOT_NONE);
	DAMAGE(rs.occupied_4k, ^= 2);
	DAMAGE(rs.occupied_64k, = 0);
	DAMAGE(rs.occupied_64k, |= 1ull << 40);
	DAMAGE(rs.frames_free, += 1);
	DAMAGE(rs.kinds[FERRY_ROOT_WHOLE], += 1);
#undef DAMAGE
	end(&rs, &mem, &m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sequences_agree_with_the_model),
		cmocka_unit_test(every_short_sequence_on_small_devices_agrees),
		cmocka_unit_test(the_fullest_root_fills_and_the_others_drain),
		cmocka_unit_test(a_frame_can_be_had_while_any_is_free),
		cmocka_unit_test(what_is_not_taken_cannot_be_given),
		cmocka_unit_test(frames_of_one_call_come_in_runs),
		cmocka_unit_test(init_fails_cleanly),
		cmocka_unit_test(the_audit_sees_damage),
	};

	return cmocka_run_group_tests_name("pmm/root", tests, NULL, NULL);
}
