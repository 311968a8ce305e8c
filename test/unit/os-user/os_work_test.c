/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: os-user/os_work.c os-user/os_timer.c */
/*
 * Work items, timers, interrupts' lists, and what a fork leaves of them.
 */
#include "test/unit/cmocka_compat.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ferry/os.h"

struct item {
	struct ferry_os_work work;
	struct ferry_os_atomic runs, inside, overlaps, thread, gate;
	bool gated;              /* fn waits for gate */
	struct item *queue_next; /* fn queues this one */
};

static void item_run(void *arg)
{
	struct item *it = arg;

	if (ferry_os_fetch_add(&it->inside, 1))
		ferry_os_fetch_add(&it->overlaps, 1);
	ferry_os_store_release(&it->thread, ferry_os_self());
	while (it->gated && !ferry_os_load_acquire(&it->gate))
		usleep(50);
	if (it->queue_next)
		ferry_os_work_queue(&it->queue_next->work);
	ferry_os_fetch_add(&it->inside, (uint64_t)-1);
	ferry_os_fetch_add(&it->runs, 1);
}

static void item_init(struct item *it)
{
	memset(it, 0, sizeof(*it));
	assert_int_equal(ferry_os_work_init(&it->work, item_run, it), 0);
}

static void item_fini(struct item *it)
{
	ferry_os_work_cancel(&it->work);
	ferry_os_work_fini(&it->work);
	assert_uint_equal(ferry_os_load_acquire(&it->overlaps), 0);
}

static void wait_inside(struct item *it)
{
	for (uint32_t i = 0; i < 100000 && !ferry_os_load_acquire(&it->inside); i++)
		usleep(50);
	assert_uint_equal(ferry_os_load_acquire(&it->inside), 1);
}

/*
 * Goal: a queued item runs once, on another thread, in process context, and flush waits for it. Method: queue, flush.
 */
static void a_queued_item_runs_once(void **state)
{
	struct item it;

	(void)state;
	item_init(&it);
	ferry_os_work_flush(&it.work); /* nothing to wait for */
	assert_true(ferry_os_work_queue(&it.work));
	ferry_os_work_flush(&it.work);
	assert_uint_equal(ferry_os_load_acquire(&it.runs), 1);
	assert_uint_not_equal(ferry_os_load_acquire(&it.thread), ferry_os_self());
	item_fini(&it);
}

/*
 * Goal: queue says false while a run is pending; while it runs, a queue runs it once more, and flush waits for both.
 * Method: hold the item inside its function.
 */
static void queueing_while_it_runs_runs_it_once_more(void **state)
{
	struct item it;

	(void)state;
	item_init(&it);
	it.gated = true;
	assert_true(ferry_os_work_queue(&it.work));
	wait_inside(&it);
	assert_true(ferry_os_work_queue(&it.work));
	assert_false(ferry_os_work_queue(&it.work));
	ferry_os_store_release(&it.gate, 1);
	ferry_os_work_flush(&it.work);
	assert_uint_equal(ferry_os_load_acquire(&it.runs), 2);
	item_fini(&it);
}

/*
 * Goal: cancel takes back a pending run, waits for a running one, and takes back what was asked for meanwhile.
 * Method: both workers held; a third item is cancelled unrun; then one that runs and is pending again.
 */
static void *opener_main(void *arg)
{
	struct item *it = arg;

	usleep(100000); /* time enough to get into cancel */
	ferry_os_store_release(&it->gate, 1);
	return NULL;
}

static void cancel_takes_back_and_waits(void **state)
{
	struct item a, b, c;
	pthread_t opener;

	(void)state;
	item_init(&a);
	item_init(&b);
	item_init(&c);
	a.gated = true;
	b.gated = true;
	ferry_os_work_queue(&a.work);
	ferry_os_work_queue(&b.work);
	wait_inside(&a);
	wait_inside(&b);
	assert_true(ferry_os_work_queue(&c.work));
	ferry_os_work_cancel(&c.work); /* would hang if it waited for a worker */
	assert_true(ferry_os_work_queue(&c.work));
	ferry_os_work_cancel(&c.work);
	assert_uint_equal(ferry_os_load_acquire(&c.runs), 0);

	assert_true(ferry_os_work_queue(&a.work));
	assert_int_equal(pthread_create(&opener, NULL, opener_main, &a), 0);
	ferry_os_work_cancel(&a.work);
	assert_uint_equal(ferry_os_load_acquire(&a.runs), 1);
	pthread_join(opener, NULL);
	ferry_os_store_release(&b.gate, 1);
	item_fini(&a);
	item_fini(&b);
	item_fini(&c);
}

/*
 * Goal: an item may be freed as soon as cancel is back. Method: many short lives, with the memory given back each
 * time (the address sanitizer watches).
 */
static void an_item_may_be_freed_after_cancel(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		struct item *it = calloc(1, sizeof(*it));

		assert_int_equal(ferry_os_work_init(&it->work, item_run, it), 0);
		ferry_os_work_queue(&it->work);
		if (i % 3 == 0)
			ferry_os_work_flush(&it->work);
		ferry_os_work_cancel(&it->work);
		ferry_os_work_fini(&it->work);
		free(it);
	}
}

/*
 * Goal: with many threads queueing, flushing and cancelling one item it never runs twice at once, and a flush sees
 * the run that was queued before it. Method: four threads, one item.
 */
static struct item contended;
static struct ferry_os_atomic wanted, seen; /* wanted: written before queue; seen: what the last run saw */

static void contended_run(void *arg)
{
	if (ferry_os_fetch_add(&contended.inside, 1))
		ferry_os_fetch_add(&contended.overlaps, 1);
	(void)arg;
	ferry_os_store_release(&seen, ferry_os_load_acquire(&wanted));
	ferry_os_fetch_add(&contended.inside, (uint64_t)-1);
}

static void *contender_main(void *arg)
{
	uintptr_t wrong = 0;

	(void)arg;
	for (uint32_t i = 0; i < 3000; i++) {
		uint64_t mine = ferry_os_fetch_add(&wanted, 1) + 1;

		ferry_os_work_queue(&contended.work);
		if (i % 2 == 0) {
			ferry_os_work_flush(&contended.work);
			wrong += ferry_os_load_acquire(&seen) < mine;
		}
	}
	return (void *)wrong;
}

static void flush_sees_what_was_queued_before(void **state)
{
	pthread_t thread[4];
	void *wrong = NULL;

	(void)state;
	memset(&contended, 0, sizeof(contended));
	assert_int_equal(ferry_os_work_init(&contended.work, contended_run, NULL), 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, contender_main, NULL), 0);
	for (uint32_t i = 0; i < 4; i++) {
		pthread_join(thread[i], &wrong);
		assert_null(wrong);
	}
	ferry_os_work_flush(&contended.work);
	assert_uint_equal(ferry_os_load_acquire(&seen), 4 * 3000);
	item_fini(&contended);
}

/* ---- interrupts ----------------------------------------------------------------------------------- */

/*
 * Goal: what a handler queues runs after the outermost exit: the first item here if it may, the others on the pool.
 * Method: nested interrupts; two items.
 */
static void work_of_an_interrupt_runs_after_the_outermost_exit(void **state)
{
	struct item a, b;

	(void)state;
	item_init(&a);
	item_init(&b);
	ferry_user_irq_enter();
	assert_true(ferry_os_in_irq());
	ferry_user_irq_enter();
	assert_true(ferry_os_work_queue(&a.work));
	assert_true(ferry_os_work_queue(&b.work));
	assert_false(ferry_os_work_queue(&a.work));
	ferry_user_irq_exit(true);
	assert_true(ferry_os_in_irq());
	assert_uint_equal(ferry_os_load_acquire(&a.runs), 0);
	ferry_user_irq_exit(true);
	assert_false(ferry_os_in_irq());
	assert_uint_equal(ferry_os_load_acquire(&a.runs), 1);
	assert_uint_equal(ferry_os_load_acquire(&a.thread), ferry_os_self());
	ferry_os_work_flush(&b.work);
	assert_uint_equal(ferry_os_load_acquire(&b.runs), 1);
	assert_uint_not_equal(ferry_os_load_acquire(&b.thread), ferry_os_self());

	ferry_user_irq_enter();
	ferry_os_work_queue(&a.work);
	ferry_user_irq_exit(false);
	ferry_os_work_flush(&a.work);
	assert_uint_equal(ferry_os_load_acquire(&a.runs), 2);
	assert_uint_not_equal(ferry_os_load_acquire(&a.thread), ferry_os_self());
	item_fini(&a);
	item_fini(&b);
}

/*
 * Goal: work that runs at an interrupt's exit and is interrupted itself leaves that interrupt's work to the pool.
 * Method: the item's function raises a nested interrupt.
 */
static struct item inner;

static void interrupted_run(void *arg)
{
	(void)arg;
	ferry_user_irq_enter();
	ferry_os_work_queue(&inner.work);
	ferry_user_irq_exit(true);
	ferry_os_work_flush(&inner.work); /* would hang if it were ours to run */
}

static void work_run_at_an_exit_does_not_nest(void **state)
{
	struct ferry_os_work outer;

	(void)state;
	item_init(&inner);
	assert_int_equal(ferry_os_work_init(&outer, interrupted_run, NULL), 0);
	ferry_user_irq_enter();
	ferry_os_work_queue(&outer);
	ferry_user_irq_exit(true);
	assert_uint_equal(ferry_os_load_acquire(&inner.runs), 1);
	assert_uint_not_equal(ferry_os_load_acquire(&inner.thread), ferry_os_self());
	ferry_os_work_fini(&outer);
	item_fini(&inner);
}

/*
 * Goal: work that waits in an interrupt's list can be cancelled by another thread. Method: cancel it before the exit.
 */
static void *canceller_main(void *arg)
{
	ferry_os_work_cancel(arg);
	return NULL;
}

static void work_in_an_interrupts_list_can_be_cancelled(void **state)
{
	struct item it;
	pthread_t thread;

	(void)state;
	item_init(&it);
	ferry_user_irq_enter();
	ferry_os_work_queue(&it.work);
	assert_int_equal(pthread_create(&thread, NULL, canceller_main, &it.work), 0);
	pthread_join(thread, NULL);
	ferry_user_irq_exit(true);
	assert_uint_equal(ferry_os_load_acquire(&it.runs), 0);
	item_fini(&it);
}

/* ---- timers --------------------------------------------------------------------------------------- */

struct tick {
	struct ferry_os_timer timer;
	struct ferry_os_atomic runs, at_ns;
};

static void tick_run(void *arg)
{
	struct tick *t = arg;

	ferry_os_store_release(&t->at_ns, ferry_os_now_ns());
	ferry_os_fetch_add(&t->runs, 1);
}

static void tick_wait(struct tick *t, uint64_t runs)
{
	for (uint32_t i = 0; i < 100000 && ferry_os_load_acquire(&t->runs) < runs; i++)
		usleep(50);
	assert_uint_equal(ferry_os_load_acquire(&t->runs), runs);
}

/*
 * Goal: a timer runs once and not before its time. Method: three, armed out of order.
 */
static void timers_run_once_and_not_early(void **state)
{
	static const uint64_t delay_ns[] = {9000000, 1000000, 5000000};
	uint64_t start = ferry_os_now_ns();
	struct tick t[3];

	(void)state;
	memset(t, 0, sizeof(t));
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(ferry_os_timer_init(&t[i].timer, tick_run, &t[i]), 0);
		ferry_os_timer_arm(&t[i].timer, delay_ns[i]);
	}
	for (uint32_t i = 0; i < 3; i++) {
		tick_wait(&t[i], 1);
		assert_true(ferry_os_load_acquire(&t[i].at_ns) - start >= delay_ns[i]);
	}
	usleep(2000);
	for (uint32_t i = 0; i < 3; i++) {
		assert_uint_equal(ferry_os_load_acquire(&t[i].runs), 1);
		ferry_os_timer_cancel(&t[i].timer);
		ferry_os_timer_fini(&t[i].timer);
	}
}

/*
 * Goal: arming again moves the time; cancel takes it back. Method: far and then near; near and then cancelled.
 */
static void a_timer_can_be_moved_and_cancelled(void **state)
{
	struct tick t;

	(void)state;
	memset(&t, 0, sizeof(t));
	assert_int_equal(ferry_os_timer_init(&t.timer, tick_run, &t), 0);
	ferry_os_timer_arm(&t.timer, 3600000000000u);
	ferry_os_timer_arm(&t.timer, 1000);
	tick_wait(&t, 1);
	ferry_os_timer_arm(&t.timer, 3000000);
	ferry_os_timer_cancel(&t.timer);
	usleep(6000);
	assert_uint_equal(ferry_os_load_acquire(&t.runs), 1);
	ferry_os_timer_arm(&t.timer, UINT64_MAX); /* does not wrap */
	usleep(1000);
	assert_uint_equal(ferry_os_load_acquire(&t.runs), 1);
	for (uint32_t i = 0; i < 500; i++) {
		ferry_os_timer_arm(&t.timer, i * 100);
		ferry_os_timer_cancel(&t.timer);
	}
	ferry_os_timer_fini(&t.timer);
}

/* ---- fork ----------------------------------------------------------------------------------------- */

/*
 * Goal: in a fork's child the parent's items do nothing, and new ones work; the parent goes on. Method: fork with an
 * item running and one pending.
 */
static void a_forked_child_has_a_pool_of_its_own(void **state)
{
	struct item a, b;
	struct tick t;
	int status = 0;
	pid_t child;

	(void)state;
	item_init(&a);
	item_init(&b);
	memset(&t, 0, sizeof(t));
	assert_int_equal(ferry_os_timer_init(&t.timer, tick_run, &t), 0);
	a.gated = true;
	ferry_os_work_queue(&a.work);
	wait_inside(&a);
	ferry_os_work_queue(&a.work);
	child = fork();
	if (child == 0) {
		struct item own;
		int ok = 1;

		alarm(20);
		ok &= !ferry_os_work_queue(&a.work) && !ferry_os_work_queue(&b.work);
		ferry_os_work_flush(&a.work);
		ferry_os_work_cancel(&a.work);
		ferry_os_timer_arm(&t.timer, 0);
		ferry_os_timer_cancel(&t.timer);
		if (!FERRY_USER_TSAN) { /* it allows no new threads after a fork */
			item_init(&own);
			ok &= ferry_os_work_queue(&own.work);
			ferry_os_work_flush(&own.work);
			ok &= ferry_os_load_acquire(&own.runs) == 1;
		}
		_exit(!ok);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	ferry_os_store_release(&a.gate, 1);
	ferry_os_work_flush(&a.work);
	assert_uint_equal(ferry_os_load_acquire(&a.runs), 2);
	item_fini(&a);
	item_fini(&b);
	ferry_os_timer_fini(&t.timer);
}

/*
 * Goal: waiting for oneself, and ending an item that is still queued, are reported. Method: count the reports.
 */
static void flush_self_run(void *arg)
{
	ferry_os_work_flush(arg);
}

static void misuse_is_reported(void **state)
{
	uint64_t bugs = ferry_user_bug_count();
	struct ferry_os_work w;

	(void)state;
	ferry_user_bug_is_fatal = 0;
	assert_int_equal(ferry_os_work_init(&w, flush_self_run, &w), 0);
	ferry_os_work_queue(&w);
	ferry_os_work_flush(&w);
	assert_uint_equal(ferry_user_bug_count(), bugs + 1);
	ferry_user_irq_enter();
	ferry_os_work_queue(&w);
	ferry_os_work_fini(&w);
	assert_uint_equal(ferry_user_bug_count(), bugs + 2);
	ferry_os_work_cancel(&w);
	ferry_user_irq_exit(false);
	ferry_user_bug_is_fatal = FERRY_USER_BUG_ASK_ENV;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queued_item_runs_once),
		cmocka_unit_test(queueing_while_it_runs_runs_it_once_more),
		cmocka_unit_test(cancel_takes_back_and_waits),
		cmocka_unit_test(an_item_may_be_freed_after_cancel),
		cmocka_unit_test(flush_sees_what_was_queued_before),
		cmocka_unit_test(work_of_an_interrupt_runs_after_the_outermost_exit),
		cmocka_unit_test(work_run_at_an_exit_does_not_nest),
		cmocka_unit_test(work_in_an_interrupts_list_can_be_cancelled),
		cmocka_unit_test(timers_run_once_and_not_early),
		cmocka_unit_test(a_timer_can_be_moved_and_cancelled),
		cmocka_unit_test(a_forked_child_has_a_pool_of_its_own),
		cmocka_unit_test(misuse_is_reported),
	};

	return cmocka_run_group_tests_name("os-user/os_work", tests, NULL, NULL);
}
