/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * va_lock.c - the deadlocks that va_lock.h exists for, and that it has none.
 *
 *     caller     reads for control, and makes a call that is answered when no fault is outstanding
 *     writer     changes ranges
 *     fault      an engine that faults
 *     service    the bottom half: reads, serves what is outstanding
 *     rewriter   writes, lets go, and then calls: the reader that the second deadlock waits for
 *
 * --without writers, --without acquire: the same without one of the inner mutexes. The first circle needs the first
 * mutex gone and any contract under which a queued writer keeps readers out; the second needs the weak one.
 */
#include "lock/va_lock.h"
#include "story.h"

static struct {
	struct ferry_va_lock lock;
	struct ferry_os_wait raised, served;
	uint32_t outstanding, obj_outstanding, obj_inside;
	uint32_t readers, writers;
	uint32_t rounds;
} v;

static bool any_outstanding(void *arg)
{
	(void)arg;
	sim_step(v.obj_outstanding);
	return v.outstanding != 0;
}

static bool none_outstanding(void *arg)
{
	(void)arg;
	sim_step(v.obj_outstanding);
	return v.outstanding == 0;
}

static void reading(void)
{
	sim_check(!v.writers, "a reader beside a writer");
	v.readers++;
	sim_step(v.obj_inside);
	sim_check(!v.writers, "a writer beside a reader");
	v.readers--;
}

static void writing(void)
{
	sim_check(!v.writers && !v.readers, "a writer is not alone");
	v.writers++;
	sim_step(v.obj_inside);
	sim_check(v.writers == 1 && !v.readers, "a writer does not stay alone");
	v.writers--;
}

/* The device answers when it has no fault outstanding. */
static void control_call(struct ferry_ctx *ctx)
{
	(void)ferry_lock_assert_op(ctx, FERRY_LOCK_OP_CONTROL);
	(void)ferry_os_wait_bounded(&v.served, none_outstanding, NULL, 1000000000);
}

static void caller(void *arg)
{
	struct ferry_ctx ctx;

	(void)arg;
	ferry_ctx_init(&ctx);
	for (uint32_t i = 0; i < v.rounds; i++) {
		ferry_va_control_lock(&ctx, &v.lock);
		reading();
		control_call(&ctx);
		ferry_va_control_unlock(&ctx, &v.lock);
	}
	ferry_ctx_fini(&ctx);
}

static void writer(void *arg)
{
	struct ferry_ctx ctx;

	(void)arg;
	ferry_ctx_init(&ctx);
	for (uint32_t i = 0; i < v.rounds; i++) {
		ferry_va_write_lock(&ctx, &v.lock);
		writing();
		ferry_va_write_unlock(&ctx, &v.lock);
	}
	ferry_ctx_fini(&ctx);
}

static void rewriter(void *arg)
{
	struct ferry_ctx ctx;

	(void)arg;
	ferry_ctx_init(&ctx);
	for (uint32_t i = 0; i < v.rounds; i++) {
		ferry_va_write_lock(&ctx, &v.lock);
		writing();
		ferry_va_write_unlock(&ctx, &v.lock);
		ferry_va_control_lock(&ctx, &v.lock);
		control_call(&ctx);
		ferry_va_control_unlock(&ctx, &v.lock);
	}
	ferry_ctx_fini(&ctx);
}

static void downgrader(void *arg)
{
	struct ferry_ctx ctx;

	(void)arg;
	ferry_ctx_init(&ctx);
	for (uint32_t i = 0; i < v.rounds; i++) {
		ferry_va_write_lock(&ctx, &v.lock);
		writing();
		ferry_va_downgrade_for_control(&ctx, &v.lock);
		reading();
		control_call(&ctx);
		ferry_va_control_unlock(&ctx, &v.lock);
		ferry_va_write_lock(&ctx, &v.lock);
		writing();
		ferry_va_downgrade(&ctx, &v.lock);
		reading();
		ferry_va_read_unlock(&ctx, &v.lock);
	}
	ferry_ctx_fini(&ctx);
}

static void fault(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < v.rounds; i++) {
		sim_step(v.obj_outstanding);
		v.outstanding++;
		ferry_os_wake_all(&v.raised);
	}
}

static void service(void *arg)
{
	struct ferry_ctx ctx;

	(void)arg;
	for (;;) {
		(void)ferry_os_wait_until(&v.raised, any_outstanding, NULL, UINT64_MAX / 4);
		ferry_ctx_init(&ctx);
		ferry_va_read_lock(&ctx, &v.lock);
		reading();
		sim_step(v.obj_outstanding);
		v.outstanding = 0;
		ferry_va_read_unlock(&ctx, &v.lock);
		ferry_ctx_fini(&ctx);
		ferry_os_wake_all(&v.served);
	}
}

static void setup(uint32_t rounds)
{
	memset(&v, 0, sizeof(v));
	v.rounds = rounds;
	v.obj_outstanding = sim_object();
	v.obj_inside = sim_object();
	ferry_va_lock_init(&v.lock);
	ferry_os_wait_init(&v.raised);
	ferry_os_wait_init(&v.served);
	sim_spawn("service", service, NULL, SIM_DAEMON);
	sim_spawn("fault", fault, NULL, 0);
	sim_spawn("caller", caller, NULL, 0);
}

static void setup_lock(void)
{
	setup(1);
	sim_spawn("writer", writer, NULL, 0);
	sim_spawn("rewriter", rewriter, NULL, 0);
}

static void setup_downgrade(void)
{
	setup(1);
	sim_spawn("downgrader", downgrader, NULL, 0);
}

static void setup_loops(void)
{
	setup(8);
	sim_spawn("writer", writer, NULL, 0);
	sim_spawn("rewriter", rewriter, NULL, 0);
	sim_spawn("downgrader", downgrader, NULL, 0);
	sim_spawn("caller", caller, NULL, 0);
	sim_spawn("writer", writer, NULL, 0);
}

static void quiet(void)
{
	sim_check(!v.outstanding, "a fault was not served");
	sim_check(!v.readers && !v.writers, "somebody is still in");
}

const struct sim_story story_va_space_lock = {
	.name = "va_space_lock",
	.about = "a control call, a writer, a writer that then calls, a fault, its service",
	.setup = setup_lock,
	.quiet = quiet,
	.small = true,
};

const struct sim_story story_va_space_lock_downgrade = {
	.name = "va_space_lock_downgrade",
	.about = "a control call, a downgrade with one, a fault, its service",
	.setup = setup_downgrade,
	.quiet = quiet,
	.small = true,
};

const struct sim_story story_va_space_lock_loops = {
	.name = "va_space_lock_loops",
	.about = "eight rounds of callers, writers, rewriters and a downgrader",
	.setup = setup_loops,
	.quiet = quiet,
};
