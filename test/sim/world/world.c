/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "hal_fg1.h"
#include "test/unit/softgpu/ebpf.h"
#include "world.h"
#include "world_impl.h"

struct world *world;

/* r1: where, r2: bytes to the next, r3: how many. Each of these counters += 1. */
static const uint64_t add_program[] = {
	LDX(SZ_DW, R4, R1, 0),
	ALU_K(OP_ADD, R4, 1),
	STX(SZ_DW, R1, 0, R4),
	ALU_X(OP_ADD, R1, R2),
	ALU_K(OP_SUB, R3, 1),
	J_K(J_NE, R3, 0, -6),
	EXIT,
};

int world_request(uint32_t request, void *buf, uint32_t bytes)
{
	return ferry_core_request(world->core, world->vs, request, buf, bytes);
}

static void must(int err, const char *what)
{
	if (err)
		sim_fail("wrong: %s says %d", what, err);
}

void world_load_program(uint32_t device)
{
	struct {
		struct ferry_req_program_load req;
		uint64_t insns[sizeof(add_program) / 8];
	} load = {.req = {.size = sizeof(load.req),
	                  .device = device,
	                  .insn_count = sizeof(add_program) / 8,
	                  .arg_count = 3}};

	memcpy(load.insns, add_program, sizeof(add_program));
	must(world_request(FERRY_REQ_PROGRAM_LOAD, &load, sizeof(load)), "loading a program");
	world->program[device] = load.req.program;
}

void world_make(const struct world_shape *shape)
{
	struct ferry_core_params params = {
		.fault_entries = 16, .batch_max = 8, .fence_timeout_ns = shape->fence_timeout_ns};
	struct ferry_req_range range = {
		.size = sizeof(range), .base = WORLD_BASE, .bytes = (uint64_t)WORLD_PAGES * FERRY_PAGE_SIZE};
	uint32_t id;

	world = sim_memory(sizeof(*world));
	world->devices = shape->devices;
	world->host_pages_max = UINT32_MAX / 2;
	world->obj_mm = sim_object();
	sim_name_object(world->obj_mm, "page tables");
	world->host = sim_memory((uint64_t)(WORLD_PAGES + 1) * FERRY_PAGE_SIZE);
	world->host += FERRY_PAGE_SIZE - (uintptr_t)world->host % FERRY_PAGE_SIZE;
	memory_thin(world->host, (uint64_t)WORLD_PAGES * FERRY_PAGE_SIZE);
	sim_workers(2);
	for (uint32_t d = 0; d < shape->devices; d++)
		world_device_make(&world->dev[d], d, shape);
	world->allocs_before = sim_live_allocs();
	must(ferry_core_create(&params, &world->core), "making a core");
	for (uint32_t d = 0; d < shape->devices; d++) {
		must(ferry_core_add_device(world->core, &ferry_hal_fg1, world_dev_ops(),
		                           world_dev_cookie(&world->dev[d]), &id),
		     "adding a device");
	}
	must(ferry_core_open(world->core, &world_mm_ops, world, 1u << FERRY_CAPABILITY_READ_MOSTLY, &world->vs),
	     "opening");
	must(world_request(FERRY_REQ_RANGE_CREATE, &range, sizeof(range)), "making a range");
	for (uint32_t d = 0; d < shape->devices; d++) {
		world_load_program(d);
		must(world_gpu_add(d, 0, 1, 0), "a first launch");
	}
}

static uint64_t counter_va(uint32_t page, uint32_t writer)
{
	return world_va(page) + writer * 64u;
}

static uint64_t *counter_of(uint32_t page, uint32_t writer)
{
	return (uint64_t *)(void *)(world->host + (counter_va(page, writer) - WORLD_BASE));
}

/* false: the page tables do not let the CPU do it. */
static bool cpu_reaches(uint32_t page, uint32_t writer, bool write, uint64_t *value)
{
	WORLD_TABLES(page);
	if (!world->mapped[page] || (write && !world->writable[page]))
		return false;
	if (write)
		*counter_of(page, writer) = *value;
	else
		*value = *counter_of(page, writer);
	return true;
}

/* One access of a CPU: the counter is where the page tables say. */
static int cpu_access(uint32_t page, uint32_t writer, bool write, uint64_t *value)
{
	for (uint32_t tries = 0; tries < 1000; tries++) {
		int err;

		if (cpu_reaches(page, writer, write, value))
			return 0;
		err = ferry_core_cpu_fault(world->core, world->vs, world_va(page), write);
		if (err == FERRY_E_GATE_CLOSED) {
			sim_pause();
			continue;
		}
		if (err)
			return err;
	}
	sim_fail("livelock: a CPU fault on page %u is served and served again", page);
	return FERRY_E_BUG;
}

int world_cpu_look(uint32_t page)
{
	uint64_t v;

	return cpu_access(page, 0, false, &v);
}

int world_cpu_add(uint32_t page, uint32_t writer)
{
	uint64_t v = 0;
	int err = cpu_access(page, writer, false, &v);

	v++;
	if (!err)
		err = cpu_access(page, writer, true, &v);
	if (!err)
		world->added[page][writer]++;
	return err;
}

int world_gpu_add(uint32_t device, uint32_t page, uint32_t n, uint32_t writer)
{
	struct ferry_req_launch launch = {.size = sizeof(launch),
	                                  .device = device,
	                                  .program = world->program[device],
	                                  .grid = {1, 1, 1},
	                                  .block = {1, 1, 1},
	                                  .arg_count = 3,
	                                  .args = {counter_va(page, writer), FERRY_PAGE_SIZE, n}};
	struct ferry_req_wait wait = {.size = sizeof(wait), .device = device, .timeout_ns = 1000000000000ull};
	int err = world_request(FERRY_REQ_LAUNCH, &launch, sizeof(launch));

	if (err)
		return err;
	wait.launch = launch.launch;
	err = world_request(FERRY_REQ_WAIT, &wait, sizeof(wait));
	for (uint32_t i = page; i < page + n; i++) {
		if (err)
			world->maybe_added[i] = true;
		else
			world->added[i][writer]++;
	}
	return err;
}

int world_migrate(uint32_t page, uint32_t n, uint32_t where)
{
	struct ferry_req_migrate req = {.size = sizeof(req),
	                                .flags = FERRY_MIGRATE_BEST_EFFORT,
	                                .base = world_va(page),
	                                .bytes = (uint64_t)n * FERRY_PAGE_SIZE,
	                                .where = where};

	return world_request(FERRY_REQ_MIGRATE, &req, sizeof(req));
}

static void tables_forget(uint32_t page, uint32_t n)
{
	WORLD_TABLES(page);
	for (uint32_t i = page; i < page + n; i++) {
		world->gone[i] = true;
		world->mapped[i] = world->writable[i] = false;
	}
}

void world_unmap(uint32_t page, uint32_t n)
{
	tables_forget(page, n);
	ferry_core_unmapped(world->core, world->vs, world_va(page), (uint64_t)n * FERRY_PAGE_SIZE);
}

void world_end(void)
{
	world->dying = true;
	/* Going to sleep wipes all of a device's memory. */
	for (uint32_t i = 0; i < world->devices; i++)
		memory_dirty(world->dev[i].vram, world->dev[i].vram_bytes + FERRY_PAGE_SIZE);
	ferry_core_close(world->core, world->vs);
	ferry_core_destroy(world->core);
	/* The model keeps what a device that was lost was never told to forget. */
	for (uint32_t i = 0; i < world->devices; i++) {
		world_device_end(&world->dev[i]);
		world->allocs_before -= world->dev[i].allocs;
	}
}
