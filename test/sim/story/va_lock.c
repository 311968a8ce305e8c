/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * va_lock.c - the deadlocks that a VA space's lock must not have, and that it has none.
 *
 *     caller     reads for control, and makes a call that is answered when no fault is outstanding
 *     writer     changes ranges
 *     fault      an engine that faults
 *     service    the bottom half: reads, serves what is outstanding
 *     rewriter   writes, lets go, and then calls: the reader that the second deadlock waits for
 *
 * Two locks behind the same verbs: the core's (va_lock.h), and the exhibit of three locks, stories va_space_lock*.
 *     --without writers, --without acquire   of the three: the first circle closes under any contract, the second
 *                                            under the weak one
 *     --without passing                      of the core's: service waits for waiting writers as others do
 */
#include "lock/va_lock.h"
#include "../exhibit/three_locks.h"
#include "story.h"

/* The verbs of one of the two. */
struct verbs {
	void (*init)(void);
	void (*service)(struct ferry_ctx *ctx), (*control)(struct ferry_ctx *ctx), (*write)(struct ferry_ctx *ctx);
	void (*service_out)(struct ferry_ctx *ctx), (*control_out)(struct ferry_ctx *ctx);
	void (*write_out)(struct ferry_ctx *ctx);
	void (*downgrade)(struct ferry_ctx *ctx), (*downgrade_for_control)(struct ferry_ctx *ctx);
};

static struct {
	struct ferry_va_lock lock;
	struct three_locks three;
	const struct verbs *verbs;
	struct ferry_os_wait raised, served;
	SIM_SHARED uint32_t outstanding, readers;
	uint32_t writers; /* under the lock, whichever it is */
	uint32_t obj_outstanding, obj_inside;
	uint32_t rounds;
} v;

#define CORE(name, call)                                                                                             \
	static void core_##name(struct ferry_ctx *ctx)                                                               \
	{                                                                                                            \
		call(ctx, &v.lock);                                                                                  \
	}
#define THREE(name, call)                                                                                            \
	static void three_of_##name(struct ferry_ctx *ctx)                                                           \
	{                                                                                                            \
		(void)ctx;                                                                                           \
		call(&v.three);                                                                                      \
	}

static void core_init(void)
{
	ferry_va_lock_init(&v.lock, FERRY_LOCK_VA_SPACE);
}

static void core_service(struct ferry_ctx *ctx)
{
	if (sim.without >> SIM_WITHOUT_PASSING & 1)
		ferry_va_read_lock(ctx, &v.lock);
	else
		ferry_va_service_lock(ctx, &v.lock);
}

CORE(control, ferry_va_read_lock)
CORE(write, ferry_va_write_lock)
CORE(read_out, ferry_va_read_unlock)
CORE(write_out, ferry_va_write_unlock)
CORE(downgrade, ferry_va_downgrade)

static void three_of_init(void)
{
	three_init(&v.three);
}

THREE(service, three_read_lock)
THREE(control, three_control_lock)
THREE(write, three_write_lock)
THREE(read_out, three_read_unlock)
THREE(control_out, three_control_unlock)
THREE(write_out, three_write_unlock)
THREE(downgrade, three_downgrade)
THREE(downgrade_for_control, three_downgrade_for_control)

static const struct verbs core_verbs = {core_init,     core_service,   core_control,   core_write,    core_read_out,
                                        core_read_out, core_write_out, core_downgrade, core_downgrade};
static const struct verbs three_verbs = {three_of_init,      three_of_service,   three_of_control,
                                         three_of_write,     three_of_read_out,  three_of_control_out,
                                         three_of_write_out, three_of_downgrade, three_of_downgrade_for_control};

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
		v.verbs->control(&ctx);
		reading();
		control_call(&ctx);
		v.verbs->control_out(&ctx);
	}
	ferry_ctx_fini(&ctx);
}

static void writer(void *arg)
{
	struct ferry_ctx ctx;

	(void)arg;
	ferry_ctx_init(&ctx);
	for (uint32_t i = 0; i < v.rounds; i++) {
		v.verbs->write(&ctx);
		writing();
		v.verbs->write_out(&ctx);
	}
	ferry_ctx_fini(&ctx);
}

static void rewriter(void *arg)
{
	struct ferry_ctx ctx;

	(void)arg;
	ferry_ctx_init(&ctx);
	for (uint32_t i = 0; i < v.rounds; i++) {
		v.verbs->write(&ctx);
		writing();
		v.verbs->write_out(&ctx);
		v.verbs->control(&ctx);
		control_call(&ctx);
		v.verbs->control_out(&ctx);
	}
	ferry_ctx_fini(&ctx);
}

static void downgrader(void *arg)
{
	struct ferry_ctx ctx;

	(void)arg;
	ferry_ctx_init(&ctx);
	for (uint32_t i = 0; i < v.rounds; i++) {
		v.verbs->write(&ctx);
		writing();
		v.verbs->downgrade_for_control(&ctx);
		reading();
		control_call(&ctx);
		v.verbs->control_out(&ctx);
		v.verbs->write(&ctx);
		writing();
		v.verbs->downgrade(&ctx);
		reading();
		v.verbs->service_out(&ctx);
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
		sim_daemon_wait(&v.raised, any_outstanding, NULL);
		ferry_ctx_init(&ctx);
		v.verbs->service(&ctx);
		reading();
		sim_step(v.obj_outstanding);
		v.outstanding = 0;
		v.verbs->service_out(&ctx);
		ferry_ctx_fini(&ctx);
		ferry_os_wake_all(&v.served);
	}
}

static void setup(const struct verbs *verbs, uint32_t rounds)
{
	memset(&v, 0, sizeof(v));
	v.verbs = verbs;
	v.rounds = rounds;
	v.obj_outstanding = sim_object();
	v.obj_inside = sim_object();
	verbs->init();
	ferry_os_wait_init(&v.raised);
	ferry_os_wait_init(&v.served);
	sim_spawn("service", service, NULL, SIM_DAEMON);
	sim_spawn("fault", fault, NULL, 0);
	sim_spawn("caller", caller, NULL, 0);
}

static void few(const struct verbs *verbs)
{
	setup(verbs, 1);
	sim_spawn("writer", writer, NULL, 0);
	sim_spawn("rewriter", rewriter, NULL, 0);
}

static void fewer(const struct verbs *verbs)
{
	setup(verbs, 1);
	sim_spawn("writer", writer, NULL, 0);
}

static void downgrading(const struct verbs *verbs)
{
	setup(verbs, 1);
	sim_spawn("downgrader", downgrader, NULL, 0);
}

uint32_t story_va_lock_rounds = 8;

static void many(const struct verbs *verbs)
{
	setup(verbs, story_va_lock_rounds);
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

#define STORY(id, words, spawn, verbs, is_small)                                                                     \
	static void setup_##id(void)                                                                                 \
	{                                                                                                            \
		spawn(&verbs);                                                                                       \
	}                                                                                                            \
	const struct sim_story story_##id = {                                                                        \
		.name = #id,                                                                                         \
		.about = words,                                                                                      \
		.setup = setup_##id,                                                                                 \
		.quiet = quiet,                                                                                      \
		.small = is_small,                                                                                   \
		.atomics = true,                                                                                     \
	}

STORY(va_space_lock, "three locks: a control call, a writer, a writer that then calls, a fault", few, three_verbs,
      true);
STORY(va_space_lock_downgrade, "three locks: a control call, a downgrade with one, a fault", downgrading, three_verbs,
      true);
STORY(va_space_lock_loops, "three locks: eight rounds of all of them", many, three_verbs, false);
STORY(va_lock, "the core's lock: a control call, a writer, a writer that then calls, a fault", few, core_verbs, true);
STORY(va_lock_few, "the core's lock: a control call, a writer, a fault", fewer, core_verbs, true);
STORY(va_lock_downgrade, "the core's lock: a control call, a downgrade with one, a fault", downgrading, core_verbs,
      true);
STORY(va_lock_loops, "the core's lock: eight rounds of all of them", many, core_verbs, false);
