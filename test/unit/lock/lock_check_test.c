/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_check_test.c - what the check refuses, and that each refusal is reported once.
 */
/* TEST-SOURCES: core/lock/lock.c core/lock/lock_check.c core/lock/lock_book.c core/lock/lock_slow.c
 * core/base/text.c */
#include "test/unit/cmocka_compat.h"
#include <unistd.h>
#include "lock/lock.h"

#define BIT(name) (1ull << FERRY_LOCK_##name)
#define EXCL(name) (FERRY_LOCK_EXCLUSIVELY << FERRY_LOCK_##name)

static struct ferry_ctx ctx;
static uint64_t bugs_before;

static int start(void **unused)
{
	(void)unused;
	ferry_user_bug_is_fatal = 0;
	bugs_before = ferry_user_bug_count();
	ferry_ctx_init(&ctx);
	return 0;
}

static uint64_t reports(void)
{
	return ferry_user_bug_count() - bugs_before;
}

/* What goes to standard error between the two. */
static int pipe_ends[2], stderr_saved;

static void listen(void)
{
	assert_int_equal(pipe(pipe_ends), 0);
	stderr_saved = dup(STDERR_FILENO);
	dup2(pipe_ends[1], STDERR_FILENO);
	close(pipe_ends[1]);
}

static const char *heard(void)
{
	static char text[1024];
	ssize_t n;

	dup2(stderr_saved, STDERR_FILENO);
	close(stderr_saved);
	n = read(pipe_ends[0], text, sizeof(text) - 1);
	close(pipe_ends[0]);
	text[n > 0 ? n : 0] = 0;
	return text;
}

/*
 * Goal: holding any row, every later row is allowed and every other refused; one report each.
 * Method: all pairs of classes, with mutexes of those classes (the class decides, not the kind).
 */
static void a_row_allows_later_rows_only(void **unused)
{
	struct ferry_mutex outer = {0}, inner = {0};

	(void)unused;
	for (uint32_t a = 0; a < FERRY_LOCK_CLASSES; a++) {
		for (uint32_t b = 0; b < FERRY_LOCK_CLASSES; b++) {
			bool wrong = b <= a;
			/* Mutexes are exclusive: the rule about VA_SPACE in write mode speaks here too. */
			bool excl = a == FERRY_LOCK_VA_SPACE && b == FERRY_LOCK_DEVICE_CONTROL;
			uint64_t before = reports();

			ferry_mutex_init(&outer, (enum ferry_lock_class)a);
			ferry_mutex_init(&inner, (enum ferry_lock_class)b);
			ferry_mutex_lock(&ctx, &outer);
			ferry_mutex_lock(&ctx, &inner);
			assert_uint_equal(reports() - before, wrong || excl);
			assert_uint_equal(ctx.depth, 2);
			ferry_mutex_unlock(&ctx, &inner);
			assert_uint_equal(ctx.held, FERRY_LOCK_EXCLUSIVELY << a);
			ferry_mutex_unlock(&ctx, &outer);
			assert_uint_equal(ctx.held, 0);
			ferry_mutex_fini(&outer);
			ferry_mutex_fini(&inner);
		}
	}
	assert_uint_equal(ctx.violations, reports());
}

/*
 * Goal: the masks are the order: a class is refused under itself and every later one; nothing else.
 * Method: compare ferry_lock_denied() of every class with the mask built bit by bit; ask past the end.
 */
static void the_masks_are_the_order(void **unused)
{
	uint64_t all = 0;

	(void)unused;
	for (uint32_t c = 0; c < FERRY_LOCK_CLASSES; c++) {
		uint64_t want = 0;

		for (uint32_t held = c; held < FERRY_LOCK_CLASSES; held++)
			want |= 1ull << held;
		assert_uint_equal(ferry_lock_denied(c), want);
		assert_uint_equal(ferry_lock_denied_excl(c), c == FERRY_LOCK_DEVICE_CONTROL ? BIT(VA_SPACE) : 0);
		all |= 1ull << c;
	}
	assert_uint_equal(ferry_lock_denied(FERRY_LOCK_BITS), all);
	assert_uint_equal(ferry_lock_denied_excl(FERRY_LOCK_BITS), all);
}

enum kind { MUTEX, RW, SPIN, SEM };

/*
 * Goal: the order is one in which nothing that sleeps can come under a spin lock.
 * Method: read the kinds from the table: no MUTEX, RW or SEM after a SPIN; SLEEP, and every wait, is refused under
 * exactly or at least the SPIN rows.
 */
static void nothing_sleeps_under_a_spin_lock(void **unused)
{
#define x(name, kind, per, taken, never, excl, sub) kind,
	const enum kind kinds[] = {FERRY_LOCK_ORDER(x)};
#undef x
	uint64_t spins = 0;

	(void)unused;
	for (uint32_t c = 0; c < FERRY_LOCK_CLASSES; c++) {
		if (kinds[c] == SPIN)
			spins |= 1ull << c;
		else
			assert_uint_equal(spins, 0);
	}
	assert_uint_equal(ferry_lock_denied(FERRY_LOCK_OP_SLEEP), spins);
	for (uint32_t op = FERRY_LOCK_CLASSES; op < FERRY_LOCK_BITS; op++)
		assert_uint_equal(ferry_lock_denied(op) & spins, spins);
}

/*
 * Goal: an operation is refused under exactly its rows.
 * Method: every operation under every class; the rows are named here once more, by hand.
 */
static void an_operation_is_refused_under_its_rows(void **unused)
{
	const uint64_t gpu_rows = BIT(BLOCK) | BIT(PAGE_TREE) | BIT(EXTERNAL) | BIT(CHANNEL) | BIT(PMM) | BIT(LEAF);
	const uint64_t want[FERRY_LOCK_BITS] = {
		[FERRY_LOCK_OP_SLEEP] = BIT(PMM) | BIT(LEAF),
		[FERRY_LOCK_OP_RECLAIM] = BIT(EXTERNAL) | BIT(CHANNEL) | BIT(PMM) | BIT(LEAF),
		[FERRY_LOCK_OP_EVICT] = gpu_rows,
		[FERRY_LOCK_OP_FAULT_WAIT] = (1ull << FERRY_LOCK_CLASSES) - 1,
		[FERRY_LOCK_OP_CONTROL] = gpu_rows | BIT(ISR_SERVICE) | BIT(VA_SPACE_LIST) | BIT(VA_SPACE),
		[FERRY_LOCK_OP_FENCE_WAIT] = BIT(CHANNEL) | BIT(PMM) | BIT(LEAF),
		[FERRY_LOCK_OP_USER_COPY] = gpu_rows | BIT(VA_SPACE) | BIT(LAUNCH) | BIT(DEVICE_CONTROL),
	};
	struct ferry_mutex m;

	(void)unused;
	for (uint32_t op = FERRY_LOCK_CLASSES; op < FERRY_LOCK_BITS; op++) {
		assert_true(ferry_lock_assert_op(&ctx, (enum ferry_lock_op)op));
		for (uint32_t c = 0; c < FERRY_LOCK_CLASSES; c++) {
			bool refused = want[op] >> c & 1;
			uint64_t before = reports();

			ferry_mutex_init(&m, (enum ferry_lock_class)c);
			ferry_mutex_lock(&ctx, &m);
			assert_int_equal(ferry_lock_assert_op(&ctx, (enum ferry_lock_op)op), !refused);
			assert_uint_equal(reports() - before, refused);
			ferry_mutex_unlock(&ctx, &m);
			ferry_mutex_fini(&m);
		}
	}
}

/*
 * Goal: a device control call is refused under a VA space in write mode, and allowed in read mode.
 * Method: take DEVICE_CONTROL, and ask whether it could be taken, under both modes.
 */
static void device_control_is_refused_under_a_write_lock_only(void **unused)
{
	struct ferry_mutex control;
	struct ferry_rw space;

	(void)unused;
	ferry_mutex_init(&control, FERRY_LOCK_DEVICE_CONTROL);
	ferry_rw_init(&space, FERRY_LOCK_VA_SPACE);
	ferry_rw_read_lock(&ctx, &space);
	assert_true(ferry_lock_assert_could_take(&ctx, FERRY_LOCK_DEVICE_CONTROL));
	ferry_mutex_lock(&ctx, &control);
	ferry_mutex_unlock(&ctx, &control);
	ferry_rw_read_unlock(&ctx, &space);
	assert_uint_equal(reports(), 0);

	ferry_rw_write_lock(&ctx, &space);
	assert_false(ferry_lock_assert_could_take(&ctx, FERRY_LOCK_DEVICE_CONTROL));
	assert_uint_equal(reports(), 1);
	ferry_mutex_lock(&ctx, &control);
	assert_uint_equal(reports(), 2);
	ferry_mutex_unlock(&ctx, &control);
	ferry_rw_write_unlock(&ctx, &space);
	assert_uint_equal(ctx.violations, 2);
	ferry_mutex_fini(&control);
	ferry_rw_fini(&space);
}

/*
 * Goal: two locks of one class are refused, whichever goes first; the very same lock is told apart.
 * Method: two blocks, read what is said.
 */
static void the_same_class_twice_is_refused(void **unused)
{
	struct ferry_mutex a = {0}, b = {0};

	(void)unused;
	ferry_mutex_init(&a, FERRY_LOCK_BLOCK);
	ferry_mutex_init(&b, FERRY_LOCK_BLOCK);
	ferry_mutex_lock(&ctx, &a);
	listen();
	ferry_mutex_lock(&ctx, &b);
	assert_non_null(strstr(heard(), "locks: BLOCK acquired with BLOCK (lock/lock_check_test.c:"));
	assert_uint_equal(reports(), 1);
	ferry_mutex_unlock(&ctx, &b);
	assert_true(ferry_lock_assert_held(&ctx, &a));
	assert_uint_equal(ctx.held, EXCL(BLOCK));

	listen();
	ferry_mutex_lock(&ctx, &a); /* would wait for itself: is not done */
	assert_non_null(strstr(heard(), "BLOCK acquired by who holds this very lock (lock/lock_check_test.c:"));
	assert_uint_equal(reports(), 2);
	ferry_mutex_unlock(&ctx, &a);
	assert_false(ferry_os_mutex_trylock(&a.os));
	ferry_mutex_unlock(&ctx, &a);
	assert_true(ferry_os_mutex_trylock(&a.os));
	ferry_os_mutex_unlock(&a.os);
	assert_uint_equal(ctx.held, 0);
	assert_uint_equal(reports(), 2);
	ferry_mutex_fini(&a);
	ferry_mutex_fini(&b);
}

/*
 * Goal: releasing what this context does not hold is reported, and not done; the held set stays.
 * Method: lock with one context, unlock with another that holds something else. Each type.
 */
static void a_release_of_what_is_not_held_is_refused(void **unused)
{
	struct ferry_ctx other;
	struct ferry_mutex m = {0}, own = {0};
	struct ferry_spin s = {0};
	struct ferry_rw rw = {0};
	struct ferry_sem sem = {0};

	(void)unused;
	ferry_ctx_init(&other);
	ferry_mutex_init(&own, FERRY_LOCK_GLOBAL);
	ferry_sem_init(&sem, FERRY_LOCK_ISR_SERVICE);
	ferry_rw_init(&rw, FERRY_LOCK_VA_SPACE);
	ferry_mutex_init(&m, FERRY_LOCK_BLOCK);
	ferry_spin_init(&s, FERRY_LOCK_PMM);
	ferry_mutex_lock(&other, &own);
	ferry_sem_down(&ctx, &sem);
	ferry_rw_read_lock(&ctx, &rw);
	ferry_mutex_lock(&ctx, &m);
	ferry_spin_lock(&ctx, &s);
	ferry_mutex_unlock(&other, &m);
	ferry_spin_unlock(&other, &s);
	ferry_rw_read_unlock(&other, &rw);
	ferry_sem_up(&other, &sem);
	assert_uint_equal(reports(), 4);
	assert_uint_equal(other.violations, 4);
	assert_uint_equal(other.held, EXCL(GLOBAL));
	ferry_mutex_unlock(&other, &own);

	assert_false(ferry_os_mutex_trylock(&m.os));
	assert_false(ferry_os_spin_trylock(&s.os));
	assert_false(ferry_os_rw_write_trylock(&rw.os));
	assert_false(ferry_os_sem_try(&sem.os));
	ferry_spin_unlock(&ctx, &s);
	ferry_mutex_unlock(&ctx, &m);
	ferry_rw_read_unlock(&ctx, &rw);
	ferry_sem_up(&ctx, &sem);
	ferry_ctx_fini(&ctx);
	assert_uint_equal(reports(), 4);
	ferry_mutex_fini(&m);
	ferry_mutex_fini(&own);
	ferry_rw_fini(&rw);
	ferry_spin_fini(&s);
	ferry_sem_fini(&sem);
}

/*
 * Goal: releasing in the wrong mode is reported, and the lock is released in the mode it is held in.
 * Method: both ways round.
 */
static void a_release_in_the_wrong_mode_is_reported(void **unused)
{
	struct ferry_rw rw = {0};

	(void)unused;
	ferry_rw_init(&rw, FERRY_LOCK_VA_SPACE);
	ferry_rw_read_lock(&ctx, &rw);
	ferry_rw_write_unlock(&ctx, &rw);
	assert_uint_equal(reports(), 1);
	assert_uint_equal(ctx.held | ctx.depth, 0);
	assert_true(ferry_os_rw_write_trylock(&rw.os));
	ferry_os_rw_write_unlock(&rw.os);
	ferry_rw_write_lock(&ctx, &rw);
	ferry_rw_read_unlock(&ctx, &rw);
	assert_uint_equal(reports(), 2);
	assert_uint_equal(ctx.held | ctx.depth, 0);
	assert_true(ferry_os_rw_write_trylock(&rw.os));
	ferry_os_rw_write_unlock(&rw.os);
	ferry_rw_fini(&rw);
}

/*
 * Goal: a context that ends with locks held is reported; one that ends with none is not.
 * Method: end it twice, with and without.
 */
static void a_context_that_ends_holding_is_reported(void **unused)
{
	struct ferry_spin s;

	(void)unused;
	ferry_spin_init(&s, FERRY_LOCK_LEAF);
	ferry_spin_lock(&ctx, &s);
	ferry_ctx_fini(&ctx);
	assert_uint_equal(reports(), 1);
	ferry_spin_unlock(&ctx, &s);
	ferry_ctx_fini(&ctx);
	assert_uint_equal(reports(), 1);
	assert_uint_equal(ctx.violations, 1);
	ferry_spin_fini(&s);
}

/*
 * Goal: more locks than the stack holds are reported; nothing is written past it, and the rest is still right.
 * Method: take depth + 2 semaphores by try (any order is legal), then release all.
 */
static void too_many_locks_are_reported(void **unused)
{
	struct {
		struct ferry_ctx ctx;
		uint64_t guard;
	} deep = {.guard = 0x600d};
	struct ferry_sem s[FERRY_LOCK_DEPTH + 2];

	(void)unused;
	ferry_ctx_init(&deep.ctx);
	for (uint32_t i = 0; i < FERRY_LOCK_DEPTH + 2; i++) {
		ferry_sem_init(&s[i], FERRY_LOCK_ISR_SERVICE);
		assert_true(ferry_sem_try(&deep.ctx, &s[i]));
		assert_uint_equal(reports(), i < FERRY_LOCK_DEPTH ? 0 : i - FERRY_LOCK_DEPTH + 1);
	}
	assert_uint_equal(deep.guard, 0x600d);
	assert_uint_equal(deep.ctx.depth, FERRY_LOCK_DEPTH);
	for (uint32_t i = 0; i < FERRY_LOCK_DEPTH; i++)
		ferry_sem_up(&deep.ctx, &s[FERRY_LOCK_DEPTH - 1 - i]);
	assert_uint_equal(deep.ctx.held | deep.ctx.depth, 0);
	assert_uint_equal(reports(), 2);
	/* Those that were never noted are released all the same, but no more than there were. */
	for (uint32_t i = FERRY_LOCK_DEPTH; i < FERRY_LOCK_DEPTH + 2; i++)
		ferry_sem_up(&deep.ctx, &s[i]);
	assert_uint_equal(reports(), 2);
	ferry_sem_up(&deep.ctx, &s[0]);
	assert_uint_equal(reports(), 3);
	for (uint32_t i = 0; i < FERRY_LOCK_DEPTH + 2; i++)
		ferry_sem_fini(&s[i]);
}

/*
 * Goal: the asserts tell this very lock from another of its class, and shared from exclusive.
 * Method: ask about a lock that is held, its neighbour, and a read lock.
 */
static void asserts_answer_and_report(void **unused)
{
	struct ferry_mutex a, b;
	struct ferry_rw rw;

	(void)unused;
	ferry_mutex_init(&a, FERRY_LOCK_BLOCK);
	ferry_mutex_init(&b, FERRY_LOCK_BLOCK);
	ferry_rw_init(&rw, FERRY_LOCK_VA_SPACE);
	ferry_rw_read_lock(&ctx, &rw);
	ferry_mutex_lock(&ctx, &a);
	assert_true(ferry_lock_assert_held(&ctx, &a));
	assert_true(ferry_lock_assert_held(&ctx, &rw));
	assert_true(ferry_lock_assert_excl(&ctx, &a));
	assert_true(ferry_lock_assert_could_take(&ctx, FERRY_LOCK_CHANNEL));
	assert_uint_equal(reports(), 0);
	assert_false(ferry_lock_assert_held(&ctx, &b));
	assert_false(ferry_lock_assert_excl(&ctx, &b));
	assert_false(ferry_lock_assert_excl(&ctx, &rw));
	assert_false(ferry_lock_assert_could_take(&ctx, FERRY_LOCK_BLOCK));
	assert_uint_equal(reports(), 4);
	assert_true(ferry_lock_assert_not_held(&ctx, &b));
	assert_uint_equal(reports(), 4);
	assert_false(ferry_lock_assert_not_held(&ctx, &rw));
	assert_uint_equal(reports(), 5);
	assert_uint_equal(ctx.violations, 5);
	ferry_mutex_unlock(&ctx, &a);
	ferry_rw_read_unlock(&ctx, &rw);
	ferry_mutex_fini(&a);
	ferry_mutex_fini(&b);
	ferry_rw_fini(&rw);
}

/*
 * Goal: a report names the file of the caller, the class that was taken, and where each that was held was acquired.
 * Method: read what one violation writes to standard error.
 */
static void a_report_names_both_places(void **unused)
{
	struct ferry_mutex global = {0}, block = {0}, channel = {0};
	char want[192];
	uint32_t line;

	(void)unused;
	ferry_mutex_init(&global, FERRY_LOCK_GLOBAL);
	ferry_mutex_init(&block, FERRY_LOCK_BLOCK);
	ferry_mutex_init(&channel, FERRY_LOCK_CHANNEL);
	line = __LINE__;
	ferry_mutex_lock(&ctx, &block);
	ferry_mutex_lock(&ctx, &channel);
	listen();
	ferry_mutex_lock(&ctx, &global);
	snprintf(want, sizeof(want),
	         "lock_check_test.c:%u: locks: GLOBAL acquired with BLOCK (lock/lock_check_test.c:%u), "
	         "CHANNEL (lock/lock_check_test.c:%u) held\n",
	         line + 4, line + 1, line + 2);
	assert_non_null(strstr(heard(), want));
	ferry_mutex_unlock(&ctx, &global);
	ferry_mutex_unlock(&ctx, &channel);
	ferry_mutex_unlock(&ctx, &block);
	ferry_mutex_fini(&global);
	ferry_mutex_fini(&block);
	ferry_mutex_fini(&channel);
}

/*
 * Goal: names are those of the table, and what is outside has none.
 * Method: first and last of both lists.
 */
static void names_come_from_the_table(void **unused)
{
	(void)unused;
	assert_string_equal(ferry_lock_class_name(FERRY_LOCK_GLOBAL), "GLOBAL");
	assert_string_equal(ferry_lock_class_name(FERRY_LOCK_LEAF), "LEAF");
	assert_string_equal(ferry_lock_class_name(FERRY_LOCK_CLASSES), "UNKNOWN");
	assert_string_equal(ferry_lock_op_name(FERRY_LOCK_OP_SLEEP), "SLEEP");
	assert_string_equal(ferry_lock_op_name(FERRY_LOCK_OP_USER_COPY), "USER_COPY");
	assert_string_equal(ferry_lock_op_name((enum ferry_lock_op)0), "UNKNOWN");
	assert_string_equal(ferry_lock_op_name((enum ferry_lock_op)FERRY_LOCK_BITS), "UNKNOWN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_row_allows_later_rows_only, start),
		cmocka_unit_test_setup(the_masks_are_the_order, start),
		cmocka_unit_test_setup(nothing_sleeps_under_a_spin_lock, start),
		cmocka_unit_test_setup(an_operation_is_refused_under_its_rows, start),
		cmocka_unit_test_setup(device_control_is_refused_under_a_write_lock_only, start),
		cmocka_unit_test_setup(the_same_class_twice_is_refused, start),
		cmocka_unit_test_setup(a_release_of_what_is_not_held_is_refused, start),
		cmocka_unit_test_setup(a_release_in_the_wrong_mode_is_reported, start),
		cmocka_unit_test_setup(a_context_that_ends_holding_is_reported, start),
		cmocka_unit_test_setup(too_many_locks_are_reported, start),
		cmocka_unit_test_setup(asserts_answer_and_report, start),
		cmocka_unit_test_setup(a_report_names_both_places, start),
		cmocka_unit_test_setup(names_come_from_the_table, start),
	};

	return cmocka_run_group_tests_name("lock/lock_check", tests, NULL, NULL);
}
