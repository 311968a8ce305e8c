/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: os-user/softdev.c os-user/bus.c */
/*
 * The process port against a fake device: engine threads, kicks, interrupts and where their bottom halves run.
 */
#include "test/unit/cmocka_compat.h"

#include <signal.h>
#include <unistd.h>

#include "softdev.h"

/* ---- a device whose engines do what a test says -------------------------------------------------- */

#define SMS 3u

struct fg1 {
	struct fg1_port port;
	struct fg1_config config;
	struct ferry_os_atomic work[SMS + 2]; /* how many units an engine has to do */
	struct ferry_os_atomic runs[SMS + 2]; /* calls of engine_run */
	struct ferry_os_atomic ran_on[SMS + 2];
	struct ferry_os_atomic id;
	uint64_t last_write;
};

static int create_error;
static void (*on_unit)(struct fg1 *gpu, uint32_t engine); /* what a unit of work does */

int fg1_create(const struct fg1_config *config, const struct fg1_port *port, struct fg1 **out)
{
	struct fg1 *gpu;

	if (create_error)
		return create_error;
	gpu = ferry_os_zalloc(sizeof(*gpu), 0);
	if (!gpu)
		return FERRY_E_NOMEM;
	gpu->port = *port;
	gpu->config = *config;
	gpu->id.v = FG1_ID;
	*out = gpu;
	return 0;
}

void fg1_destroy(struct fg1 *gpu)
{
	ferry_os_free(gpu);
}

uint64_t fg1_reg_read(struct fg1 *gpu, uint32_t offset)
{
	return offset == FG1_REG_ID ? ferry_os_load_acquire(&gpu->id) : offset;
}

void fg1_reg_write(struct fg1 *gpu, uint32_t offset, uint64_t value)
{
	if (offset == FG1_REG_DOORBELL) {
		ferry_os_fetch_add(&gpu->work[value], 1);
		gpu->port.kick(gpu->port.ctx, (uint32_t)value);
	} else {
		gpu->last_write = value;
	}
}

bool fg1_engine_run(struct fg1 *gpu, uint32_t engine, uint32_t budget)
{
	ferry_os_fetch_add(&gpu->runs[engine], 1);
	assert_true(budget > 0);
	if (ferry_os_load_acquire(&gpu->work[engine]) == 0)
		return false;
	ferry_os_fetch_add(&gpu->work[engine], (uint64_t)-1);
	ferry_os_store_release(&gpu->ran_on[engine], ferry_os_self());
	if (on_unit)
		on_unit(gpu, engine);
	return true;
}

/* ---- frame ---------------------------------------------------------------------------------------- */

static const struct ferry_softdev_config config = {
	.vram_bytes = 2 * FERRY_BLOCK_SIZE,
	.sms = SMS,
	.caps = FG1_CAP_ALL,
	.seed = 5,
};
static const struct ferry_dev_ops *const ops = &ferry_softdev_ops;

static int setup(void **state)
{
	struct ferry_softdev *sd = NULL;
	int err = ferry_softdev_create(&config, &sd);

	on_unit = NULL;
	create_error = 0;
	*state = sd;
	return err;
}

static int teardown(void **state)
{
	ferry_softdev_destroy(*state);
	return 0;
}

static bool soon(bool (*pred)(void *), void *arg)
{
	for (uint32_t i = 0; i < 20000; i++) {
		if (pred(arg))
			return true;
		usleep(100);
	}
	return false;
}

static bool work_is_done(void *arg)
{
	struct fg1 *gpu = arg;

	for (uint32_t i = 0; i < SMS + 2; i++) {
		if (ferry_os_load_acquire(&gpu->work[i]))
			return false;
	}
	return true;
}

static bool is_nonzero(void *arg)
{
	return ferry_os_load_acquire(arg) != 0;
}

/* ---- tests ---------------------------------------------------------------------------------------- */

/*
 * Goal: create checks its arguments, gives the model what it was given, and unwinds every failure. Method: bad sizes;
 * then each point and each allocation fails in turn.
 */
static void create_checks_and_unwinds(void **state)
{
	uint64_t allocs = ferry_user_live_allocs();
	struct ferry_softdev_config bad = config;
	struct ferry_softdev *sd;
	uint64_t n;

	(void)state;
	bad.sms = 0;
	assert_int_equal(ferry_softdev_create(&bad, &sd), FERRY_E_INVAL);
	bad.sms = 65;
	assert_int_equal(ferry_softdev_create(&bad, &sd), FERRY_E_INVAL);
	bad = config;
	bad.vram_bytes = 0;
	assert_int_equal(ferry_softdev_create(&bad, &sd), FERRY_E_INVAL);
	bad.vram_bytes = FERRY_BLOCK_SIZE + 4096;
	assert_int_equal(ferry_softdev_create(&bad, &sd), FERRY_E_INVAL);
	bad.vram_bytes = 1ull << 63;
	assert_int_equal(ferry_softdev_create(&bad, &sd), FERRY_E_INVAL);
	create_error = FERRY_E_BUSY;
	assert_int_equal(ferry_softdev_create(&config, &sd), FERRY_E_BUSY);
	create_error = 0;
	for (n = 1; n < 20; n++) {
		ferry_user_fail_nth_point(FERRY_USER_ANY_POINT, n);
		if (ferry_softdev_create(&config, &sd) == 0)
			break;
		assert_uint_equal(ferry_user_live_allocs(), allocs);
	}
	assert_uint_equal(n, 1 + 1 + SMS); /* device memory, and a thread each */
	ferry_user_fail_nth_point(0, 0);
	ferry_softdev_destroy(sd);
	for (n = 1; n <= 2; n++) {
		ferry_user_fail_nth_alloc(n);
		assert_int_equal(ferry_softdev_create(&config, &sd), FERRY_E_NOMEM);
	}
	assert_uint_equal(ferry_user_live_allocs(), allocs);
}

/*
 * Goal: device memory is aligned, zero and as large as asked; configuration arrives. Method: look.
 */
static void the_model_gets_its_memory(void **state)
{
	struct fg1 *gpu = ferry_softdev_gpu(*state);
	char *vram = gpu->config.vram;

	assert_true(ferry_is_aligned((uintptr_t)vram, FERRY_BLOCK_SIZE));
	assert_uint_equal(gpu->config.vram_bytes, config.vram_bytes);
	assert_uint_equal(gpu->config.sms, SMS);
	assert_uint_equal(gpu->config.caps, FG1_CAP_ALL);
	assert_uint_equal(gpu->config.seed, 5);
	assert_int_equal(vram[0], 0);
	vram[config.vram_bytes - 1] = 1;
}

/*
 * Goal: a kick of an SM makes that SM's own thread run, until there is no more. Method: 200 units for each of three,
 * in many kicks; every one is done, on three threads that are not this one.
 */
static void a_kick_wakes_the_thread_of_that_sm(void **state)
{
	struct ferry_softdev *sd = *state;
	struct fg1 *gpu = ferry_softdev_gpu(sd);

	for (uint32_t i = 0; i < 600; i++) {
		ops->reg_write(sd, FG1_REG_DOORBELL, i % SMS);
		if (i % 50 == 0)
			usleep(200); /* let them fall asleep now and then */
	}
	assert_true(soon(work_is_done, gpu));
	for (uint32_t i = 0; i < SMS; i++) {
		assert_uint_not_equal(ferry_os_load_acquire(&gpu->ran_on[i]), 0);
		assert_uint_not_equal(ferry_os_load_acquire(&gpu->ran_on[i]), ferry_os_self());
		assert_uint_not_equal(ferry_os_load_acquire(&gpu->ran_on[i]),
		                      ferry_os_load_acquire(&gpu->ran_on[(i + 1) % SMS]));
	}
}

/*
 * Goal: an idle SM sleeps. Method: count the calls over 20 ms without a kick.
 */
static void an_idle_sm_does_not_run(void **state)
{
	struct fg1 *gpu = ferry_softdev_gpu(*state);
	uint64_t runs;

	assert_true(soon(is_nonzero, &gpu->runs[0])); /* the one of its start */
	runs = ferry_os_load_acquire(&gpu->runs[0]);
	usleep(20000);
	assert_uint_equal(ferry_os_load_acquire(&gpu->runs[0]), runs);
}

/*
 * Goal: a channel's engine has run on the thread that rang its doorbell when the write returns. Method: ring, look.
 */
static void a_channel_runs_on_the_thread_that_rings(void **state)
{
	struct ferry_softdev *sd = *state;
	struct fg1 *gpu = ferry_softdev_gpu(sd);

	ferry_os_store_release(&gpu->work[SMS + 1], 9);
	ops->reg_write(sd, FG1_REG_DOORBELL, SMS + 1);
	assert_uint_equal(ferry_os_load_acquire(&gpu->work[SMS + 1]), 0);
	assert_uint_equal(ferry_os_load_acquire(&gpu->runs[SMS + 1]),
	                  11); /* ten units, and the call that found none */
	assert_uint_equal(ferry_os_load_acquire(&gpu->ran_on[SMS + 1]), ferry_os_self());
}

/*
 * Goal: registers and gone-ness go through. Method: read, write, and an ID that reads as ones and as zero.
 */
static void registers_reach_the_model(void **state)
{
	struct ferry_softdev *sd = *state;
	struct fg1 *gpu = ferry_softdev_gpu(sd);

	assert_uint_equal(ops->reg_read(sd, 0x18), 0x18);
	ops->reg_write(sd, 0x20, 77);
	assert_uint_equal(gpu->last_write, 77);
	assert_false(ops->is_gone(sd));
	ferry_os_store_release(&gpu->id, UINT64_MAX);
	assert_true(ops->is_gone(sd));
	ferry_os_store_release(&gpu->id, 0);
	assert_true(ops->is_gone(sd));
}

/*
 * Goal: the model reaches DMA memory and windows, and nothing else. Method: through its port.
 */
static void the_model_reaches_what_it_was_given(void **state)
{
	struct ferry_softdev *sd = *state;
	struct fg1_port *port = &ferry_softdev_gpu(sd)->port;
	static char memory[128];
	struct ferry_dma dma;

	assert_int_equal(ops->dma_alloc(sd, 100, &dma), 0);
	assert_ptr_equal(port->dma(port->ctx, dma.bus, 4096, true), dma.cpu);
	assert_null(port->dma(port->ctx, (uintptr_t)memory, 1, false));
	assert_int_equal(ferry_softdev_window_add(sd, memory, sizeof(memory)), 0);
	assert_ptr_equal(port->dma(port->ctx, (uintptr_t)memory + 8, 120, true), memory + 8);
	ferry_softdev_window_remove(sd, memory);
	assert_null(port->dma(port->ctx, (uintptr_t)memory, 1, false));
	ops->dma_free(sd, &dma);
}

/* ---- interrupts ------------------------------------------------------------------------------------ */

static struct ferry_os_work bottom;
static struct ferry_os_atomic irqs, irq_thread, irq_context, bottoms, bottom_thread, bottom_context, inside, overlaps;
static struct ferry_os_atomic gate; /* 0: the bottom half waits inside */

static void bottom_half(void *arg)
{
	(void)arg;
	if (ferry_os_fetch_add(&inside, 1))
		ferry_os_fetch_add(&overlaps, 1);
	ferry_os_store_release(&bottom_thread, ferry_os_self());
	ferry_os_store_release(&bottom_context, ferry_os_in_irq());
	for (uint32_t i = 0; i < 20000 && !ferry_os_load_acquire(&gate); i++)
		usleep(100);
	ferry_os_fetch_add(&inside, (uint64_t)-1);
	ferry_os_fetch_add(&bottoms, 1);
}

static void handler(void *arg, uint32_t vector)
{
	assert_ptr_equal(arg, &bottom);
	assert_true(vector < FG1_IRQ_VECTORS);
	ferry_os_store_release(&irq_thread, ferry_os_self());
	ferry_os_store_release(&irq_context, ferry_os_in_irq());
	ferry_os_fetch_add(&irqs, 1);
	ferry_os_work_queue(&bottom);
}

static int setup_irq(void **state)
{
	if (setup(state))
		return 1;
	irqs.v = irq_thread.v = irq_context.v = bottoms.v = bottom_thread.v = bottom_context.v = overlaps.v = 0;
	ferry_os_store_release(&gate, 1);
	if (ferry_os_work_init(&bottom, bottom_half, NULL))
		return 1;
	return ops->irq_enable(*state, handler, &bottom);
}

static int teardown_irq(void **state)
{
	ops->irq_disable(*state);
	ferry_os_work_cancel(&bottom);
	ferry_os_work_fini(&bottom);
	return teardown(state);
}

static void raise_stalled(struct fg1 *gpu, uint32_t engine)
{
	(void)engine;
	gpu->port.irq(gpu->port.ctx, FG1_IRQ_FAULT, true);
}

static void raise_going_on(struct fg1 *gpu, uint32_t engine)
{
	(void)engine;
	gpu->port.irq(gpu->port.ctx, FG1_IRQ_FAULT, false);
}

/* SM 0 rings channel 1, whose engine raises. */
static void raise_from_a_nested_channel(struct fg1 *gpu, uint32_t engine)
{
	if (engine == 0)
		fg1_reg_write(gpu, FG1_REG_DOORBELL, SMS + 1);
	else
		gpu->port.irq(gpu->port.ctx, FG1_IRQ_SEMAPHORE, true);
}

/*
 * Goal: a stalled SM serves its own fault: handler in interrupt context, bottom half on the same thread, out of it.
 * Method: kick SM 1, compare threads.
 */
static void a_stalled_sm_runs_the_bottom_half_itself(void **state)
{
	struct ferry_softdev *sd = *state;
	struct fg1 *gpu = ferry_softdev_gpu(sd);

	on_unit = raise_stalled;
	ops->reg_write(sd, FG1_REG_DOORBELL, 1);
	assert_true(soon(is_nonzero, &bottoms));
	assert_uint_equal(irq_thread.v, ferry_os_load_acquire(&gpu->ran_on[1]));
	assert_uint_equal(irq_context.v, 1);
	assert_uint_equal(bottom_thread.v, ferry_os_load_acquire(&gpu->ran_on[1]));
	assert_uint_equal(bottom_context.v, 0);
	assert_false(ferry_os_in_irq());
}

/*
 * Goal: an SM with other warps to run, a thread that rang a doorbell, and a channel that an SM runs leave the bottom
 * half to the pool. Method: raise in each of the three ways; the bottom half is on none of those threads.
 */
static void all_others_leave_the_bottom_half_to_the_pool(void **state)
{
	struct ferry_softdev *sd = *state;
	struct fg1 *gpu = ferry_softdev_gpu(sd);

	on_unit = raise_going_on;
	ops->reg_write(sd, FG1_REG_DOORBELL, 1);
	assert_true(soon(is_nonzero, &bottoms));
	assert_uint_not_equal(bottom_thread.v, ferry_os_load_acquire(&gpu->ran_on[1]));

	ferry_os_work_flush(&bottom);
	ferry_os_store_release(&bottoms, 0);
	on_unit = raise_stalled;
	ops->reg_write(sd, FG1_REG_DOORBELL, SMS);
	assert_uint_equal(irq_thread.v, ferry_os_self());
	assert_true(soon(is_nonzero, &bottoms));
	assert_uint_not_equal(bottom_thread.v, ferry_os_self());

	ferry_os_work_flush(&bottom);
	ferry_os_store_release(&bottoms, 0);
	on_unit = raise_from_a_nested_channel;
	ops->reg_write(sd, FG1_REG_DOORBELL, 0);
	assert_true(soon(is_nonzero, &bottoms));
	assert_uint_equal(irq_thread.v, ferry_os_load_acquire(&gpu->ran_on[0]));
	assert_uint_not_equal(bottom_thread.v, ferry_os_load_acquire(&gpu->ran_on[0]));
}

/*
 * Goal: one bottom half never runs twice at once, and no request for it is lost, whoever queues it. Method: three SMs
 * raise stalled, this thread queues the same item, all at once; the item runs after the last request.
 */
static void one_bottom_half_never_runs_twice_at_once(void **state)
{
	struct ferry_softdev *sd = *state;
	uint64_t before;

	on_unit = raise_stalled;
	for (uint32_t i = 0; i < 300; i++) {
		ops->reg_write(sd, FG1_REG_DOORBELL, i % SMS);
		ferry_os_work_queue(&bottom);
	}
	assert_true(soon(work_is_done, ferry_softdev_gpu(sd)));
	ferry_os_work_flush(&bottom);
	before = ferry_os_load_acquire(&bottoms);
	ferry_os_work_queue(&bottom);
	ferry_os_work_flush(&bottom);
	assert_true(ferry_os_load_acquire(&bottoms) > before);
	assert_uint_equal(ferry_os_load_acquire(&overlaps), 0);
}

/*
 * Goal: a request that comes while the item runs runs it once more. Method: hold the bottom half of a stalled SM;
 * queue it twice in the middle; it ran exactly twice.
 */
static void a_request_during_a_run_runs_it_once_more(void **state)
{
	struct ferry_softdev *sd = *state;

	ferry_os_store_release(&gate, 0);
	on_unit = raise_stalled;
	ops->reg_write(sd, FG1_REG_DOORBELL, 2);
	assert_true(soon(is_nonzero, &inside));
	assert_true(ferry_os_work_queue(&bottom));
	assert_false(ferry_os_work_queue(&bottom));
	ferry_os_store_release(&gate, 1);
	ferry_os_work_flush(&bottom);
	assert_uint_equal(ferry_os_load_acquire(&bottoms), 2);
}

/*
 * Goal: when irq_disable returns no handler runs and none will start; it waits for one that does. Method: SMs raise
 * all the time; disable, note the count, raise more, compare; enable again. Many rounds.
 */
static void disabled_interrupts_do_not_come(void **state)
{
	struct ferry_softdev *sd = *state;

	on_unit = raise_going_on;
	for (uint32_t round = 0; round < 50; round++) {
		uint64_t count;

		for (uint32_t i = 0; i < SMS; i++)
			ops->reg_write(sd, FG1_REG_DOORBELL, i);
		ops->irq_disable(sd);
		count = ferry_os_load_acquire(&irqs);
		for (uint32_t i = 0; i < SMS; i++)
			ops->reg_write(sd, FG1_REG_DOORBELL, i);
		ops->reg_write(sd, FG1_REG_DOORBELL, SMS);
		assert_true(soon(work_is_done, ferry_softdev_gpu(sd)));
		assert_uint_equal(ferry_os_load_acquire(&irqs), count);
		assert_int_equal(ops->irq_enable(sd, handler, &bottom), 0);
	}
	ops->reg_write(sd, FG1_REG_DOORBELL, SMS);
	assert_true(ferry_os_load_acquire(&irqs) > 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define TEST_IRQ(test) cmocka_unit_test_setup_teardown(test, setup_irq, teardown_irq)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_checks_and_unwinds),
		TEST(the_model_gets_its_memory),
		TEST(a_kick_wakes_the_thread_of_that_sm),
		TEST(an_idle_sm_does_not_run),
		TEST(a_channel_runs_on_the_thread_that_rings),
		TEST(registers_reach_the_model),
		TEST(the_model_reaches_what_it_was_given),
		TEST_IRQ(a_stalled_sm_runs_the_bottom_half_itself),
		TEST_IRQ(all_others_leave_the_bottom_half_to_the_pool),
		TEST_IRQ(one_bottom_half_never_runs_twice_at_once),
		TEST_IRQ(a_request_during_a_run_runs_it_once_more),
		TEST_IRQ(disabled_interrupts_do_not_come),
	};

	return cmocka_run_group_tests_name("os-user/softdev", tests, NULL, NULL);
}
