/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: softgpu/fg1.c softgpu/engine.c softgpu/control.c softgpu/channel.c softgpu/copy.c softgpu/launch.c
 * softgpu/sm.c softgpu/mmu.c softgpu/fault.c softgpu/knobs.c softgpu/power.c softgpu/program.c softgpu/softfloat.c
 * softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c softgpu/warp_mem.c
 */
/*
 * threads_test.c - the model under several threads, for ThreadSanitizer and for lost wake-ups.
 *
 *   main        launches, waits
 *   workers     one per SM; sleep until their SM is kicked
 *   servant     serves faults when an SM that still runs raised the interrupt; a stalled SM serves on its own thread
 *   controller  creates and destroys channels, kills launches, loads programs, sets knobs
 *
 * More pages are touched than there are frames, so every launch evicts under the others. A wrong invalidate shows as
 * a lost increment, or to ThreadSanitizer as a race between a copy and a store.
 */
#include "dev.h"
#include "ebpf.h"

#include <pthread.h>

#define SMS 2u
#define FRAMES 8u
#define PAGES 48u
#define DEADLINE_NS 20000000000ull

/* a[id % pages * 4096] += 1, atomically. r1 = a, r2 = pages */
static const uint64_t count_program[] = {
	MOV_X(R6, R1),
	MOV_X(R7, R2),
	CALL(FG1_HELPER_GLOBAL_ID),
	ALU_X(OP_MOD, R0, R7),
	ALU_K(OP_LSH, R0, 12),
	ALU_X(OP_ADD, R6, R0),
	MOV_K(R1, 1),
	ATOMIC(SZ_DW, A_ADD, R6, 0, R1),
	EXIT,
};
static const uint64_t forever_program[] = {JUMP(-1), EXIT};

struct machine {
	struct dev d;
	pthread_mutex_t lock; /* guards kicked, wanted, stop */
	pthread_cond_t wake;
	uint64_t kicked; /* SMs */
	bool wanted;     /* the servant is */
	bool stop;
	bool poll;               /* the servant does not wait for interrupts; nobody arms */
	pthread_mutex_t service; /* one servicer; guards frames, the fault ring, the copy channel */
	pthread_mutex_t control; /* guards control commands, and rig_alloc */
	uint64_t owner[FRAMES];  /* page + 1 */
	uint32_t next;
	uint8_t *home;
	uint32_t served_inline, served_apart;
	struct rig_channel channels[3];
};

static void on_kick(void *arg, uint32_t engine)
{
	struct machine *m = arg;

	if (engine >= SMS) {
		while (fg1_engine_run(m->d.rig.gpu, engine, 100))
			;
		return;
	}
	pthread_mutex_lock(&m->lock);
	m->kicked |= 1ull << engine;
	pthread_cond_broadcast(&m->wake);
	pthread_mutex_unlock(&m->lock);
}

/* ---- fault service ---- */

static void wait_copy(struct machine *m)
{
	uint64_t start = ferry_os_now_ns();

	while (!rig_done(&m->d.copy) && ferry_os_now_ns() - start < DEADLINE_NS)
		ferry_os_relax();
	assert_true(rig_done(&m->d.copy));
}

static void serve_page(struct machine *m, uint64_t page)
{
	struct dev *d = &m->d;
	uint32_t frame;

	for (uint32_t i = 0; i < FRAMES; i++)
		if (m->owner[i] == page + 1)
			return;
	frame = m->next++ % FRAMES;
	if (m->owner[frame]) {
		uint64_t old = m->owner[frame] - 1;

		rig_map(&d->rig, d->root, DEV_VA + old * 4096, 0);
		RIG_PUT(&d->copy, FG1_OP_TLB_INVALIDATE, DEV_ASID, DEV_VA + old * 4096, 4096);
		RIG_PUT(&d->copy, FG1_OP_COPY | RIG_APERTURES(FERRY_APERTURE_HOST, FERRY_APERTURE_DEVICE),
		        dev_bus(d, m->home) + old * 4096, frame * 4096, 4096);
	}
	RIG_DO(&d->copy, FG1_OP_COPY | RIG_APERTURES(FERRY_APERTURE_DEVICE, FERRY_APERTURE_HOST), frame * 4096,
	       dev_bus(d, m->home) + page * 4096, 4096);
	wait_copy(m);
	rig_map(&d->rig, d->root, DEV_VA + page * 4096, frame * 4096 | RIG_RW | FG1_PTE_DEVICE);
	m->owner[frame] = page + 1;
}

/* service held. Half the frames a batch, so that what was just served is not taken away before the replay. */
static void serve_batch(struct machine *m)
{
	struct dev *d = &m->d;
	const uint64_t *f;
	uint32_t n = 0;

	while ((f = dev_fault(d))) {
		uint64_t va = ferry_os_dma_load64(&f[FG1_FAULT_W_VA]) & ~4095ull;

		if (n++ < FRAMES / 2)
			serve_page(m, (va - DEV_VA) / 4096);
	}
	dev_faults_done(d);
	RIG_DO(&d->copy, FG1_OP_FAULT_REPLAY);
	wait_copy(m);
}

static void on_irq(void *arg, uint32_t vector, bool stalled)
{
	struct machine *m = arg;

	if (vector != FG1_IRQ_FAULT)
		return;
	if (stalled && pthread_mutex_trylock(&m->service) == 0) {
		serve_batch(m);
		m->served_inline++;
		pthread_mutex_unlock(&m->service);
		fg1_reg_write(m->d.rig.gpu, FG1_REG_FAULT_ARM, 1);
		return;
	}
	pthread_mutex_lock(&m->lock);
	m->wanted = true;
	pthread_cond_broadcast(&m->wake);
	pthread_mutex_unlock(&m->lock);
}

/* ---- threads ---- */

struct worker {
	struct machine *m;
	uint32_t engine;
};

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	struct machine *m = w->m;
	uint64_t bit = 1ull << w->engine;

	pthread_mutex_lock(&m->lock);
	while (!m->stop) {
		if (!(m->kicked & bit)) {
			pthread_cond_wait(&m->wake, &m->lock);
			continue;
		}
		m->kicked &= ~bit;
		pthread_mutex_unlock(&m->lock);
		while (fg1_engine_run(m->d.rig.gpu, w->engine, 2000) && !__atomic_load_n(&m->stop, __ATOMIC_RELAXED))
			;
		pthread_mutex_lock(&m->lock);
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* Serve entries the moment they are there, while their SM is about to rest. */
static void poll_faults(struct machine *m)
{
	while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
		const uint64_t *w = m->d.faults + (m->d.taken % DEV_FAULTS) * (FG1_FAULT_BYTES / 8);

		if (ferry_os_dma_load64(&w[FG1_FAULT_W_VALID]) == m->d.taken / DEV_FAULTS + 1) {
			serve_batch(m);
			m->served_apart++;
		}
	}
}

static void *run_servant(void *arg)
{
	struct machine *m = arg;

	if (m->poll)
		poll_faults(m);

	pthread_mutex_lock(&m->lock);
	while (!m->stop) {
		if (!m->wanted) {
			pthread_cond_wait(&m->wake, &m->lock);
			continue;
		}
		m->wanted = false;
		pthread_mutex_unlock(&m->lock);
		pthread_mutex_lock(&m->service);
		serve_batch(m);
		m->served_apart++;
		pthread_mutex_unlock(&m->service);
		fg1_reg_write(m->d.rig.gpu, FG1_REG_FAULT_ARM, 1);
		pthread_mutex_lock(&m->lock);
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* Everything that keeps engines out, under running launches. */
static void *run_controller(void *arg)
{
	struct machine *m = arg;
	struct dev *d = &m->d;
	struct dev_launch l = {1, 3, 64, 0, 0, NULL, NULL};
	struct rig_channel ch;

	pthread_mutex_lock(&m->control);
	assert_int_equal(rig_open(&d->rig, &ch, 20, FG1_CHANNEL_COMPUTE, DEV_ASID), FG1_OK);
	pthread_mutex_unlock(&m->control);
	while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
		ch.put = 0;
		dev_launch_on(d, &ch, &l, NULL);
		pthread_mutex_lock(&m->control);
		assert_int_equal(RIG_CONTROL(&d->rig, FG1_CMD_ASID_BIND, 9, dev_bus(d, d->root)), FG1_OK);
		assert_int_equal(RIG_CONTROL(&d->rig, FG1_CMD_CHANNEL_DESTROY, 20), FG1_OK);
		assert_uint_equal(dev_status(&l), FG1_LAUNCH_KILLED);
		assert_int_equal(RIG_CONTROL(&d->rig, FG1_CMD_PROGRAM_UNLOAD, 1), FG1_OK);
		assert_int_equal(dev_load(d, 1, forever_program, DEV_COUNT(forever_program), 0), FG1_OK);
		assert_int_equal(RIG_CONTROL(&d->rig, FG1_CMD_CHANNEL_CREATE, 20, FG1_CHANNEL_COMPUTE,
		                             dev_bus(d, ch.ring), 64, dev_bus(d, ch.status), DEV_ASID),
		                 FG1_OK);
		assert_int_equal(RIG_CONTROL(&d->rig, FG1_CMD_ASID_UNBIND, 9), FG1_OK);
		pthread_mutex_unlock(&m->control);
		for (uint32_t i = 0; i < 200; i++)
			ferry_os_relax();
	}
	return NULL;
}

static void machine_start(struct machine *m)
{
	struct dev *d = &m->d;

	memset(m, 0, sizeof(*m));
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->service, NULL);
	pthread_mutex_init(&m->control, NULL);
	pthread_cond_init(&m->wake, NULL);
	dev_start(d, &(struct rig_options){.sms = SMS});
	d->rig.on_kick = on_kick;
	d->rig.on_kick_arg = m;
	d->rig.on_irq = on_irq;
	d->rig.on_irq_arg = m;
	m->home = rig_alloc(&d->rig, PAGES * 4096);
	for (uint32_t i = 0; i < PAGES; i++) /* tables exist before threads do: rig_alloc takes no lock */
		rig_map(&d->rig, d->root, DEV_VA + i * 4096, 0);
	assert_int_equal(dev_load(d, 0, count_program, DEV_COUNT(count_program), 2), FG1_OK);
	assert_int_equal(dev_load(d, 1, forever_program, DEV_COUNT(forever_program), 0), FG1_OK);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(rig_open(&d->rig, &m->channels[i], 2 + i, FG1_CHANNEL_COMPUTE, DEV_ASID), FG1_OK);
}

/* Launch on three channels and wait for all; a launch that hangs fails the test by its status. */
static void launch_round(struct machine *m, struct dev_launch *l)
{
	uint64_t start = ferry_os_now_ns();

	for (uint32_t i = 0; i < 3; i++)
		dev_launch_on(&m->d, &m->channels[i], &l[i], (uint64_t[]){DEV_VA, PAGES});
	for (uint32_t i = 0; i < 3; i++) {
		while (dev_status(&l[i]) == FG1_LAUNCH_RUNNING && ferry_os_now_ns() - start < DEADLINE_NS)
			ferry_os_relax();
		assert_uint_equal(dev_status(&l[i]), FG1_LAUNCH_OK);
		while (!rig_done(&m->channels[i]) && ferry_os_now_ns() - start < DEADLINE_NS)
			ferry_os_relax();
	}
}

static void check_counts(struct machine *m, uint64_t want)
{
	for (uint32_t i = 0; i < FRAMES; i++)
		if (m->owner[i])
			memcpy(m->home + (m->owner[i] - 1) * 4096, m->d.rig.vram + i * 4096, 4096);
	for (uint32_t i = 0; i < PAGES; i++)
		assert_uint_equal(*(uint64_t *)(void *)(m->home + i * 4096), want);
}

enum { CONTROL = 1, POLL = 2 };

static void run_machine(uint32_t with, uint32_t rounds, uint64_t delay_ns)
{
	static struct machine m;
	struct worker workers[SMS];
	pthread_t threads[SMS + 2];
	struct dev_launch l[3];

	machine_start(&m);
	m.poll = (with & POLL) != 0;
	if (!m.poll)
		fg1_reg_write(m.d.rig.gpu, FG1_REG_FAULT_ARM, 1);
	fg1_knob_set(m.d.rig.gpu, FG1_KNOB_COPY_DELAY_NS, delay_ns);
	for (uint32_t i = 0; i < 3; i++) {
		l[i] = (struct dev_launch){0, 3, PAGES, 2, 0, NULL, NULL};
		l[i].record = rig_alloc(&m.d.rig, FERRY_PAGE_SIZE);
		l[i].args = l[i].record + 64;
	}
	for (uint32_t i = 0; i < SMS; i++) {
		workers[i] = (struct worker){&m, i};
		assert_int_equal(pthread_create(&threads[i], NULL, run_worker, &workers[i]), 0);
	}
	assert_int_equal(pthread_create(&threads[SMS], NULL, run_servant, &m), 0);
	if (with & CONTROL)
		assert_int_equal(pthread_create(&threads[SMS + 1], NULL, run_controller, &m), 0);
	for (uint32_t i = 0; i < rounds; i++)
		launch_round(&m, l);
	pthread_mutex_lock(&m.lock);
	__atomic_store_n(&m.stop, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&m.wake);
	pthread_mutex_unlock(&m.lock);
	for (uint32_t i = 0; i < SMS + 1 + (with & CONTROL); i++)
		pthread_join(threads[i], NULL);
	print_message("served on SM threads %u times, apart %u times\n", m.served_inline, m.served_apart);
	check_counts(&m, rounds * 9ull);
	dev_stop(&m.d);
}

/*
 * Goal: nothing is lost, nothing hangs, whoever serves. Method: 10 rounds of three launches at once over six times
 * the device's frames.
 */
static void launches_survive_eviction_under_threads(void **unused)
{
	(void)unused;
	run_machine(0, 10, 0);
}

/*
 * Goal: the same while a controller kills launches, and unbinds and loads all the time.
 * Method: as above, with an endless launch that is killed over and over.
 */
static void launches_survive_a_busy_controller(void **unused)
{
	(void)unused;
	run_machine(CONTROL, 6, 0);
}

/*
 * Goal: slow copies change the timing, not the result.
 * Method: 20 us a copy.
 */
static void launches_survive_slow_copies(void **unused)
{
	(void)unused;
	run_machine(0, 3, 20000);
}

/*
 * Goal: a replay that comes while an SM is about to rest is not lost.
 * Method: a servant that polls, without any interrupt.
 */
static void launches_survive_a_polling_driver(void **unused)
{
	(void)unused;
	run_machine(POLL, 20, 0);
}

/*
 * Goal: power can be cut, and the bus lost, at any moment of running engines; nothing runs or writes afterwards.
 * Method: endless launches and stalled ones on three channels, cut after a random while, memory checked to stay as
 * it was, then set up anew; 30 times.
 */
static void power_can_be_cut_under_running_engines(void **unused)
{
	static struct machine m;
	struct worker workers[SMS];
	pthread_t threads[SMS];
	struct dev_launch l[3];
	struct dev *d = &m.d;

	(void)unused;
	machine_start(&m);
	d->rig.on_irq = NULL;
	for (uint32_t i = 0; i < SMS; i++) {
		workers[i] = (struct worker){&m, i};
		assert_int_equal(pthread_create(&threads[i], NULL, run_worker, &workers[i]), 0);
	}
	for (uint32_t round = 0; round < 30; round++) {
		for (uint32_t i = 0; i < 3; i++) {
			l[i] = (struct dev_launch){i ? 1 : 0, 5, PAGES, i ? 0 : 2, 0, NULL, NULL};
			dev_launch_on(d, &m.channels[i], &l[i], (uint64_t[]){DEV_VA, PAGES});
		}
		for (uint32_t i = 0; i < round * 20; i++)
			ferry_os_relax();
		if (round % 3) {
			fg1_power_loss(d->rig.gpu, round % 2);
		} else {
			fg1_knob_set(d->rig.gpu, FG1_KNOB_OFF_BUS, 1);
			assert_uint_equal(dev_status(&l[1]), FG1_LAUNCH_RUNNING);
			fg1_knob_set(d->rig.gpu, FG1_KNOB_OFF_BUS, 0);
		}
		for (uint32_t i = 0; i < 3; i++) {
			assert_uint_equal(dev_status(&l[i]), FG1_LAUNCH_KILLED);
			assert_uint_equal(rig_get(&m.channels[i]), 0);
		}
		dev_setup(d);
		assert_int_equal(dev_load(d, 0, count_program, DEV_COUNT(count_program), 2), FG1_OK);
		assert_int_equal(dev_load(d, 1, forever_program, DEV_COUNT(forever_program), 0), FG1_OK);
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(rig_open(&d->rig, &m.channels[i], 2 + i, FG1_CHANNEL_COMPUTE, DEV_ASID),
			                 FG1_OK);
	}
	pthread_mutex_lock(&m.lock);
	__atomic_store_n(&m.stop, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&m.wake);
	pthread_mutex_unlock(&m.lock);
	for (uint32_t i = 0; i < SMS; i++)
		pthread_join(threads[i], NULL);
	dev_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(launches_survive_eviction_under_threads),
		cmocka_unit_test(launches_survive_a_busy_controller),
		cmocka_unit_test(launches_survive_slow_copies),
		cmocka_unit_test(launches_survive_a_polling_driver),
		cmocka_unit_test(power_can_be_cut_under_running_engines),
	};

	return cmocka_run_group_tests_name("softgpu/threads", tests, NULL, NULL);
}
