/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * core.c - the dangerous meetings, with the whole driver: each story is a few fibers that want the same pages.
 *
 * Everybody adds to counters of his own (world.h), so the bytes tell at the end whether one was lost.
 */
#include "../invariant/invariant.h"
#include "base/error.h"
#include "core_impl.h"
#include "gpu/device.h"
#include "power/gate.h"
#include "va/va_space.h"
#include "story.h"

#define ADDER(n, what)                                                                                               \
	static void n(void *arg)                                                                                     \
	{                                                                                                            \
		(void)arg;                                                                                           \
		what                                                                                                 \
	}

/* 0, or one of the codes that the story makes possible. */
static void expect(int err, int or1, int or2)
{
	if (err && err != or1 && err != or2)
		sim_fail("wrong: %s was told %s", sim.me->name, ferry_err_name(err));
}

static void check_all(void *arg)
{
	(void)arg;
	invariants();
	invariant_leaks_at_times();
}

static void quiet(void)
{
	sim_calm(check_all, NULL);
}

static void small_world(void)
{
	const struct world_shape shape = {.devices = 1, .sms = 2, .vram_bytes = 2 * FERRY_BLOCK_SIZE};

	world_make(&shape);
}

/* One root chunk: two blocks cannot both be there whole. */
static void tight_world(void)
{
	const struct world_shape shape = {.devices = 1, .sms = 2, .vram_bytes = FERRY_BLOCK_SIZE};

	world_make(&shape);
}

static void two_worlds(void)
{
	const struct world_shape shape = {.devices = 2, .sms = 1, .vram_bytes = FERRY_BLOCK_SIZE};

	world_make(&shape);
}

/* ---- two faulters on one block: a device twice, a CPU twice ---- */

static uint32_t rounds = 1;

/* rounds times: n pages from first on, by a device or by the CPU, in counter writer. */
static void gpu_adds(uint32_t device, uint32_t first, uint32_t n, uint32_t writer)
{
	for (uint32_t r = 0; r < rounds; r++)
		expect(world_gpu_add(device, first, n, writer), 0, 0);
}

static void cpu_adds(uint32_t first, uint32_t n, uint32_t writer)
{
	for (uint32_t r = 0; r < rounds; r++) {
		for (uint32_t i = first; i < first + n; i++)
			expect(world_cpu_add(i, writer), 0, 0);
	}
}

ADDER(gpu_a, gpu_adds(0, 0, 3, 1);)
ADDER(gpu_b, gpu_adds(0, 1, 3, 2);)
ADDER(cpu_a, cpu_adds(0, 3, 3);)
ADDER(cpu_b, cpu_adds(1, 3, 4);)

static void setup_fault_fault(void)
{
	rounds = 1;
	sim_spawn("launch a", gpu_a, NULL, 0);
	sim_spawn("launch b", gpu_b, NULL, 0);
	sim_spawn("CPU a", cpu_a, NULL, 0);
	sim_spawn("CPU b", cpu_b, NULL, 0);
}

/* ---- fault against migrate, both ways ---- */

ADDER(to_device, for (uint32_t r = 0; r < rounds; r++) expect(world_migrate(0, 6, 0), FERRY_E_BUSY, 0);)
ADDER(to_host, for (uint32_t r = 0; r < rounds; r++) expect(world_migrate(0, 6, FERRY_WHERE_HOST), FERRY_E_BUSY, 0);)

static void setup_fault_migrate(void)
{
	rounds = 1;
	sim_spawn("launch", gpu_a, NULL, 0);
	sim_spawn("CPU", cpu_a, NULL, 0);
	sim_spawn("to device", to_device, NULL, 0);
	sim_spawn("to host", to_host, NULL, 0);
}

/* ---- fault against unmap: the accesses that lose are told so ---- */

static void cpu_may_lose(uint32_t page)
{
	int err = world_cpu_add(page, 3);

	if (world->gone[page])
		expect(err, FERRY_E_RANGE_NOT_FOUND, FERRY_E_CPU_INSERT);
	else
		expect(err, 0, 0);
}

ADDER(unmapper, world_unmap(2, 2);)
ADDER(gpu_unmap, expect(world_gpu_add(0, 0, 5, 1), FERRY_E_FAULT_UNMAPPED, 0);)
ADDER(cpu_unmap, for (uint32_t i = 0; i < 5; i++) cpu_may_lose(i);)

static void setup_fault_unmap(void)
{
	rounds = 1;
	sim_spawn("launch", gpu_unmap, NULL, 0);
	sim_spawn("unmap", unmapper, NULL, 0);
	sim_spawn("CPU", cpu_unmap, NULL, 0);
}

/* ---- fault against evict, evict against evict: more blocks than fit ---- */

ADDER(gpu_block0, expect(world_gpu_add(0, 0, 2, 1), 0, 0);)
ADDER(gpu_block1, expect(world_gpu_add(0, FERRY_BLOCK_PAGES, 2, 2), 0, 0);)
ADDER(whole_block1, expect(world_migrate(FERRY_BLOCK_PAGES, FERRY_BLOCK_PAGES, 0), FERRY_E_BUSY, 0);)
ADDER(whole_block2, expect(world_migrate(2 * FERRY_BLOCK_PAGES, FERRY_BLOCK_PAGES, 0), FERRY_E_BUSY, 0);)

static void setup_fault_evict(void)
{
	rounds = 1;
	sim_spawn("launch", gpu_block0, NULL, 0);
	sim_spawn("whole block", whole_block1, NULL, 0);
	sim_spawn("CPU", cpu_a, NULL, 0);
}

static void setup_evict_evict(void)
{
	rounds = 1;
	sim_spawn("launch 0", gpu_block0, NULL, 0);
	sim_spawn("launch 1", gpu_block1, NULL, 0);
	sim_spawn("whole block 1", whole_block1, NULL, 0);
	sim_spawn("whole block 2", whole_block2, NULL, 0);
}

/* ---- a page between two devices ---- */

ADDER(other_gpu, expect(world_gpu_add(1, 1, 3, 2), 0, 0);)

static void setup_two_devices(void)
{
	rounds = 1;
	sim_spawn("launch on 0", gpu_a, NULL, 0);
	sim_spawn("launch on 1", other_gpu, NULL, 0);
	sim_spawn("CPU", cpu_a, NULL, 0);
}

/* ---- fault against suspend: the gate closes, waits, and opens ---- */

static void closer(void *arg)
{
	int err;

	(void)arg;
	err = ferry_gate_close(&world->core->gate, 1000000000);
	expect(err, FERRY_E_GATE_DRAIN_TIMEOUT, 0);
	if (err)
		return;
	sim_check(ferry_gate_visitors(&world->core->gate) == 0, "the gate is closed and somebody is inside");
	ferry_gate_open(&world->core->gate);
}

ADDER(gpu_gate, expect(world_gpu_add(0, 0, 3, 1), FERRY_E_GATE_CLOSED, 0);)

static void setup_fault_gate(void)
{
	rounds = 1;
	/* A wait for a launch is a visit: closing may run out of time before it ends. */
	sim.may_time_out = true;
	sim_spawn("launch", gpu_gate, NULL, 0);
	sim_spawn("CPU", cpu_a, NULL, 0);
	sim_spawn("suspend", closer, NULL, 0);
}

/* ---- fault against kill: who waits is told to die ---- */

static struct sim_fiber *victim;

ADDER(killer, sim_kill(victim);)
ADDER(gpu_killed, expect(world_gpu_add(0, 0, 3, 1), FERRY_E_KILLED, 0);)

static void setup_fault_kill(void)
{
	rounds = 1;
	victim = sim_spawn("launch", gpu_killed, NULL, 0);
	sim_spawn("kill", killer, NULL, 0);
	sim_spawn("CPU", cpu_a, NULL, 0);
}

/* ---- fault against device loss: everybody is told, nobody hangs ---- */

static void taker(void *arg)
{
	(void)arg;
	sim_step(world->dev[0].obj);
	sim.may_time_out = true;
	world->device_lost = true;
	fg1_knob_set(world->dev[0].gpu, FG1_KNOB_OFF_BUS, 1);
	ferry_core_device_gone(world->core, 0);
}

ADDER(gpu_lost, expect(world_gpu_add(0, 0, 3, 1), FERRY_E_DEVICE_LOST, 0);)
ADDER(cpu_lost, for (uint32_t i = 0; i < 3; i++) expect(world_cpu_add(i, 3), FERRY_E_DEVICE_LOST, 0);)

static void setup_fault_lost(void)
{
	rounds = 1;
	sim_spawn("launch", gpu_lost, NULL, 0);
	sim_spawn("CPU", cpu_lost, NULL, 0);
	sim_spawn("taker", taker, NULL, 0);
}

/* ---- fault against control: a device that answers when faults are served, a reader that asks it, a writer ---- */

/* Any control call will do: this one is refused, after it was waited for. */
static void control_caller(void *arg)
{
	struct ferry_device *gpu = world->core->devices[0];
	struct ferry_ctx ctx;
	int err;

	(void)arg;
	ferry_ctx_init(&ctx);
	ferry_va_read_lock(&ctx, &world->vs->lock);
	ferry_device_control_lock(&ctx, gpu);
	err = gpu->hal->program_unload(gpu->hd, 15);
	ferry_mutex_unlock(&ctx, &gpu->control);
	ferry_va_read_unlock(&ctx, &world->vs->lock);
	ferry_ctx_fini(&ctx);
	sim_check(err == FERRY_E_INVAL, "a control call ended with %s", ferry_err_name(err));
}

static void adviser(void *arg)
{
	struct ferry_req_advise advise = {.size = sizeof(advise),
	                                  .advice = FERRY_ADVICE_PREFERRED,
	                                  .base = WORLD_BASE,
	                                  .bytes = FERRY_BLOCK_SIZE,
	                                  .where = FERRY_WHERE_NONE};

	(void)arg;
	expect(world_request(FERRY_REQ_ADVISE, &advise, sizeof(advise)), 0, 0);
}

/* Blocks that nobody has touched: every launch faults. */
ADDER(gpu_fresh1, gpu_adds(0, FERRY_BLOCK_PAGES, 2, 1);)
ADDER(gpu_fresh2, gpu_adds(0, 2 * FERRY_BLOCK_PAGES, 2, 2);)

static void setup_fault_control(void)
{
	rounds = 1;
	fg1_knob_set(world->dev[0].gpu, FG1_KNOB_CONTROL_WAITS, 1);
	sim_spawn("launch a", gpu_fresh1, NULL, 0);
	sim_spawn("launch b", gpu_fresh2, NULL, 0);
	sim_spawn("control", control_caller, NULL, 0);
	sim_spawn("writer", adviser, NULL, 0);
}

/* ---- all of it, for long: a run costs what its steps cost ---- */

static void setup_marathon(void)
{
	rounds = 60;
	sim_spawn("launch a", gpu_a, NULL, 0);
	sim_spawn("launch b", gpu_b, NULL, 0);
	sim_spawn("CPU a", cpu_a, NULL, 0);
	sim_spawn("CPU b", cpu_b, NULL, 0);
	sim_spawn("to device", to_device, NULL, 0);
	sim_spawn("to host", to_host, NULL, 0);
}

/* ---- no memory, lost and doubled interrupts ---- */

/* What want of memory may look like from outside. */
static bool is_want(int err)
{
	switch (err) {
	case FERRY_E_NOMEM:
	case FERRY_E_HOST_FULL:
	case FERRY_E_BLOCK_NOMEM:
	case FERRY_E_PAGE_TREE_NOMEM:
	case FERRY_E_PMM_NOMEM:
	case FERRY_E_RANGE_NOMEM:
	case FERRY_E_VA_SPACE_NOMEM:
	case FERRY_E_CHANNEL_NOMEM:
		return true;
	default:
		return false;
	}
}

static void want_or(int err)
{
	expect(is_want(err) ? 0 : err, FERRY_E_BUSY, 0);
}

ADDER(gpu_want, want_or(world_gpu_add(0, FERRY_BLOCK_PAGES, 3, 1));)
ADDER(cpu_want, for (uint32_t i = 0; i < 3; i++) want_or(world_cpu_add(FERRY_BLOCK_PAGES + 1 + i, 3));)
ADDER(move_want, want_or(world_migrate(FERRY_BLOCK_PAGES, 6, 0));)

static void setup_no_memory(void)
{
	rounds = 1;
	sim_spawn("launch", gpu_want, NULL, 0);
	sim_spawn("CPU", cpu_want, NULL, 0);
	sim_spawn("to device", move_want, NULL, 0);
}

static void setup_lost_irqs(void)
{
	setup_fault_fault();
}

#define STORY(id, words, world_of, ...)                                                                              \
	const struct sim_story story_##id = {                                                                        \
		.name = #id, .about = words, .prelude = world_of, .setup = setup_##id, .quiet = quiet, __VA_ARGS__}

STORY(fault_fault, "two launches and two CPUs on the same pages", small_world);
STORY(fault_migrate, "a launch, a CPU, and requests to move the pages both ways", small_world);
STORY(fault_unmap, "pages go away under a launch and a CPU", small_world);
STORY(fault_evict, "a launch faults while its block is evicted", tight_world);
STORY(evict_evict, "launches and requests on more blocks than fit", tight_world);
STORY(two_devices, "a page between two devices and a CPU", two_worlds);
STORY(fault_control, "a control call that is answered when faults are served, beside a writer", small_world);
STORY(fault_gate, "the gate closes and opens while everybody works", small_world);
STORY(fault_kill, "who waits for a launch is killed", small_world);
STORY(fault_lost, "the device goes away", small_world);
STORY(marathon, "sixty rounds of two launches, two CPUs and both migrations", small_world, .limit = 2000000);
STORY(no_memory, "allocations fail", small_world, .chance = {0, 12, 0, 0, 0});
STORY(lost_irqs, "interrupts are lost or come twice", small_world, .chance = {0, 0, 4, 0, 0});
